"""A training's directory and what it is begun with, whatever kind of event is trained on."""

import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import torch
from numpy.typing import NDArray

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.levels import LEVELS, NoiseLevels
from driftline.diffusion.objectives import DenoisingScoreMatching, OptimalTransport
from driftline.diffusion.objectives.pairing import Loss
from driftline.diffusion.schedules import schedule_from_dict
from driftline.errors import InputError
from driftline.fingerprint import fingerprint_arrays
from driftline.networks import build
from driftline.output import check_output, replacing
from driftline.training.loop import Outcome
from driftline.training.recipe import Named, Recipe

Fitted = TypeVar("Fitted")


def denoiser_of(recipe: Recipe, spec: Mapping[str, Any]) -> Denoiser:
    """An untrained denoiser, its weights drawn from the recipe's seed.

    Args:
        recipe: for seed, schedule and prediction target.
        spec: name and options that build the network.

    Raises:
        InputError: network, schedule or prediction target is unknown.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = build(spec["name"], **spec["options"])
    try:
        schedule = schedule_from_dict({"name": recipe.schedule.name, **recipe.schedule.options})
        return Denoiser(network, schedule, recipe.predicts)
    except (TypeError, ValueError) as error:
        raise InputError(f"recipe: {error}") from error


def levels_of(named: Named) -> NoiseLevels:
    """The distribution of noise levels that a recipe names.

    Raises:
        InputError: name or option is unknown.
    """
    if named.name not in LEVELS:
        raise InputError(f"recipe: unknown levels {named.name!r}: choose from {', '.join(LEVELS)}")
    try:
        return LEVELS[named.name](**named.options)
    except TypeError as error:
        raise InputError(f"recipe: levels {named.name!r}: {error}") from error


def pairing_of(recipe: Recipe) -> Callable[[Loss], Loss]:
    """What makes of a loss the same with its noise paired with the events as a recipe says.

    Raises:
        InputError: the pairing or an option of it is unknown.
    """
    name, options = recipe.pairing.name, recipe.pairing.options
    if name == "random" and not options:
        return lambda loss: loss
    if name != "transport":
        raise InputError(f"recipe: unknown pairing {name!r} {options}: choose random or transport")

    def paired(loss: Loss) -> Loss:
        return OptimalTransport(loss, **options)

    try:
        paired(DenoisingScoreMatching())
    except (TypeError, ValueError) as error:
        raise InputError(f"recipe: pairing {name!r}: {error}") from error
    return paired


def fitted(
    path: Path,
    read: Callable[[dict[str, Any]], Fitted],
    fit: Callable[[], Fitted],
    known: Fitted | None = None,
) -> Fitted:
    """A run's preprocessing: what the run was begun with, or that known, or fitted now.

    Args:
        path: where the run keeps it, as JSON.
        read: makes it of what is kept.
        fit: makes it of the training events and the recipe's options.
        known: that of the model which the training goes on from, if it does.

    Raises:
        InputError: an option is unknown; also as ``fit``.
    """
    if path.exists():
        return read(json.loads(path.read_text()))
    if known is not None:
        return known
    try:
        return fit()
    except TypeError as error:
        raise InputError(f"recipe: preprocessing: {error}") from error


_SOURCE = "training-data.json"
"""Where a run keeps which events it was begun with."""


class Resumable(Protocol):
    """What describes a run: a recipe of a training, or of a distillation."""

    def without_steps(self) -> "Resumable":
        """What a resumed run must share: all but how long is trained, and the like."""
        ...

    @classmethod
    def model_validate_json(cls, json_data: str, /) -> Self: ...


def check_run(out: Path, recipe: Resumable, resume: bool) -> None:
    """Refuse a directory that holds a run, or, when resuming, a run of another recipe.

    Raises:
        InputError: as said, or the directory cannot be written.
    """
    path = out / "recipe.json"
    check_output(path, force=True)
    if not path.exists():
        return
    if not resume:
        raise InputError(
            f"{out}: holds a training already; choose another or continue it (--resume)"
        )
    try:
        before = type(recipe).model_validate_json(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: damaged; begin a new run in another directory") from error
    if before.without_steps() != recipe.without_steps():
        raise InputError(
            f"{path}: differs from the recipe given in more than a run may change; use the same"
        )


def source_of(out: Path, attributes: Mapping[str, Any], *arrays: NDArray[Any]) -> dict[str, Any]:
    """Provenance of a run's training events, with a fingerprint; ``keep_source`` keeps it.

    Args:
        out: the run's directory.
        attributes: of the events.
        arrays: what tells them from others.

    Raises:
        InputError: the run in ``out`` was begun with other events.
    """
    path, source = out / _SOURCE, {**attributes, "fingerprint": fingerprint_arrays(*arrays)}
    if path.exists():
        try:
            before = json.loads(path.read_text())["fingerprint"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: damaged; begin a new run in another directory") from error
        if before != source["fingerprint"]:
            raise InputError(
                f"{out}: was begun with other events; give the same --data, or begin a new run"
            )
    return source


def keep_source(out: Path, source: dict[str, Any]) -> None:
    """Have a run that is resumed be one with the same events."""
    write_json(out / _SOURCE, source)


def provenance(
    data: dict[str, Any], outcomes: Mapping[str, Outcome], device: torch.device | str
) -> dict[str, Any]:
    """How a model came to be, as JSON.

    Args:
        data: provenance of the training events.
        outcomes: of each network's training.
        device: where the networks were trained.
    """
    return {
        "data": data,
        "stages": {name: asdict(outcome) for name, outcome in outcomes.items()},
        "device": str(device),
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file of the run, whole or not at all."""
    with replacing(path, force=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
