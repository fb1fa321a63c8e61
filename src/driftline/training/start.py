"""Trainings that go on from a model: they take its weights and its preprocessing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from driftline.diffusion.denoisers import Denoiser
from driftline.errors import InputError
from driftline.generation import refuse_student
from driftline.generator import Generator
from driftline.image_generator import ImageGenerator
from driftline.models import load
from driftline.training.recipe import Recipe

Begun = TypeVar("Begun", Generator, ImageGenerator)

_KEPT = "start.safetensors"


def start_of(recipe: Recipe, kind: type[Begun], out: Path) -> Begun | None:
    """The model that a recipe goes on from, if it names one; of a run begun before, its copy.

    Raises:
        InputError: there is no such model, it is of another kind of event or a student, predicts
            otherwise, or has another preprocessing than the recipe asks for.
    """
    if recipe.start is None:
        return None
    where = f"recipe: start: {recipe.start}"
    model = kept_or_named(recipe.start, recipe.kind, out, where)
    assert isinstance(model, kind)
    refuse_student(model.card, where)
    constants = model.constants
    if constants["predicts"] != recipe.predicts:
        raise InputError(f"{where} predicts {constants['predicts']!r}; set predicts to that")
    for key, value in recipe.preprocessing.items():
        theirs = constants["preprocessing"].get(key)
        if theirs != value:
            raise InputError(
                f"{where} has {theirs!r} as preprocessing.{key}, the recipe {value!r}; leave it out"
            )
    return model


def kept_or_named(name: str, kind: str, out: Path, where: str) -> Generator | ImageGenerator:
    """The model of a name or path; of a run begun before, the run's copy.

    Args:
        name: of the model, or its path.
        kind: of its events.
        out: the run's directory.
        where: names it in errors.

    Raises:
        InputError: there is no such model, or it is of another kind of event.
    """
    copy = out / _KEPT
    model = load(copy if copy.exists() else name)
    if model.kind != kind:
        raise InputError(f"{where} generates {model.kind}, not {kind}; name another")
    return model


def keep(start: Generator | ImageGenerator | None, out: Path) -> None:
    """Copy the model into the run, which can then be resumed without it."""
    if start is not None and not (out / _KEPT).exists():
        start.save(out / _KEPT)


def history_of(start: Generator | ImageGenerator | None) -> dict[str, Any]:
    """The entry ``start`` of a model's card: name and training of the model that it goes on from.

    Empty where there is none.
    """
    if start is None:
        return {}
    told = {key: start.card[key] for key in ("name", "training", "start") if key in start.card}
    return {"start": told}


def take_weights(name: str, denoiser: Denoiser, start: Denoiser) -> None:
    """Give a denoiser the weights of another one; ``name`` is the network's, for errors.

    Raises:
        InputError: the networks differ in form.
    """
    try:
        denoiser.network.load_state_dict(start.network.state_dict())
    except RuntimeError as error:
        raise InputError(
            f"recipe: start: network {name!r} of the model has another form; give the recipe the "
            "network that 'driftline info' shows"
        ) from error


def require_known(present: Sequence[str], known: Sequence[str], data: Path) -> None:
    """Refuse events of a class that a model does not know.

    Raises:
        InputError: naming the first such class.
    """
    unknown = [name for name in present if name not in known]
    if unknown:
        raise InputError(
            f"{data}: has class {unknown[0]}, the model knows {', '.join(known)}; leave it out"
        )
