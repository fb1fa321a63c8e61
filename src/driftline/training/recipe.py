"""Recipes: one TOML file describes one reproducible training."""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from driftline.errors import InputError


class Section(BaseModel):
    """A part of a recipe: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnySection = TypeVar("AnySection", bound=Section)


class Named(BaseModel):
    """A name from a table and the options of what it names."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """All but the name."""
        return dict(self.__pydantic_extra__ or {})


class TrainingSettings(Section):
    """How one network is trained.

    Attributes:
        steps: number of optimiser steps.
        batch: events per step.
        learning_rate: peak learning rate of AdamW.
        warmup: steps over which the learning rate rises linearly from zero.
        decay: last part of the training, as a fraction of ``steps``, over which the learning rate
            falls to zero along a cosine; one decays from the end of the warm-up.
        betas: AdamW's decay rates of its two moments.
        weight_decay: AdamW's weight decay.
        clip: largest norm of the gradient.
        ema: decay a step of the moving average of the weights, which is what is kept.
        ema_warmup: until ``ema`` is what limits it, the average is mostly of one part in so many of
            the steps so far; see ``EMA``.
        precision: of the network's arithmetic in training; weights are always float32. bfloat16
            holds where the device has it; processors that would have to emulate it take float32.
        compile: compile the network by TorchInductor, in a distillation its teacher's too (needs a
            C++ compiler; minutes at start).
        log_every: steps between two points of the log.
        validate_every: steps between two validations.
        checkpoint_every: steps between two checkpoints.
    """

    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    warmup: int = Field(500, ge=0)
    decay: float = Field(1.0, ge=0, le=1)
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)
    ema: float = Field(0.999, ge=0, lt=1)
    ema_warmup: float = Field(9.0, ge=1, allow_inf_nan=False)
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    log_every: int = Field(50, gt=0)
    validate_every: int = Field(1000, gt=0)
    checkpoint_every: int = Field(1000, gt=0)


class Stage(Section):
    """One score model: its network, the noise levels it is trained at, its training."""

    network: Named
    levels: Named = Named(name="uniform")
    training: TrainingSettings

    def without_steps(self) -> Self:
        """The same but for how long is trained."""
        return self.model_copy(update={"training": self.training.model_copy(update={"steps": 0})})


class Physics(Section):
    """A term on observables of the clean estimate, ``diffusion.objectives.ObservableMatching``.

    Attributes:
        weight: of the term, see ``ObservableMatching``.
        level: sigma/alpha above which the term fades; encoded events have unit spread.
    """

    weight: float = Field(0.1, gt=0, allow_inf_nan=False)
    level: float = Field(0.5, gt=0, allow_inf_nan=False)


class JetPhysics(Physics):
    """A term on the particles that the particle level estimates.

    Attributes:
        observables: one or more of ``mass`` (relative mass), ``energy_flow`` (energy-flow
            polynomials of degree two and three), ``correlator`` (energy-energy correlator) and
            ``spectrum`` (numbers of particles by ptrel and angle), see
            ``driftline.observables.jets``.
    """

    observables: tuple[Literal["mass", "energy_flow", "correlator", "spectrum"], ...] = Field(
        min_length=1
    )


class ImagePhysics(Physics):
    """A term on the images that the model estimates.

    Attributes:
        observables: one or more of ``charge`` (total charge of each plane), ``wavelets`` (norm of
            each wavelet band), ``spectrum`` (numbers of pixels by charge) and ``topology`` (Euler
            characteristics), see ``driftline.observables.images`` and ``.topology``.
    """

    observables: tuple[Literal["charge", "wavelets", "spectrum", "topology"], ...] = Field(
        min_length=1
    )


class JetRecipe(Section):
    """A generator of jets: a jet-level and a particle-level score model.

    Attributes:
        kind: the kind of event, always ``jets``.
        particles: largest number of particles of a jet.
        start: a model, by path or by name, whose weights and preprocessing the training goes on
            from, such as a shipped one; by default the weights are random and it is fitted.
        seed: seed of the weights and of every draw of the training.
        validation: fraction of each class, at the end of its file, kept for validation.
        reflections: train also on mirror images (phi to -phi; eta to -eta of jet and particles),
            which the physics of unpolarised proton collisions does not tell apart.
        given: probability that a jet-level training event has some of its features given.
        schedule: noise schedule.
        predicts: what the networks predict, a key of ``driftline.diffusion.denoisers.TARGETS``.
        pairing: which noise goes with which event of a batch: ``random``, or ``transport`` with
            ``condition_weight`` (``driftline.diffusion.objectives.OptimalTransport``).
        physics: a term on observables of the particles; none by default.
        preprocessing: options of ``JetPreprocessing.fit``.
        jet_level: the stage that generates pt, eta, mass and number of particles.
        particle_level: the stage that generates the particles.
    """

    kind: Literal["jets"]
    start: str | None = None
    particles: int = Field(30, gt=0)
    seed: int = Field(0, ge=0)
    validation: float = Field(0.02, gt=0, lt=1)
    reflections: bool = True
    given: float = Field(0.5, ge=0, le=1)
    schedule: Named = Named(name="VP")
    predicts: str = "edm"
    pairing: Named = Named(name="random")
    physics: JetPhysics | None = None
    preprocessing: dict[str, Any] = Field(default_factory=dict)
    jet_level: Stage
    particle_level: Stage

    def without_steps(self) -> "JetRecipe":
        """The same but for how long is trained, which may be changed when a run is resumed."""
        return self.model_copy(
            update={
                "jet_level": self.jet_level.without_steps(),
                "particle_level": self.particle_level.without_steps(),
            }
        )


Axis = Literal["x", "y", "z"]
Probability = Annotated[float, Field(ge=0, le=1)]


class ImageRecipe(Stage):
    """A generator of detector images: one score model.

    Attributes:
        kind: the kind of event, always ``images``.
        start: a model, by path or by name, whose weights and preprocessing the training goes on
            from, such as a shipped one; by default the weights are random and it is fitted.
        seed: seed of the weights and of every draw of the training.
        validation: fraction of the events that are kept for validation, where the data are not
            divided already.
        exchanged: coordinates that physics does not tell apart; they are exchanged at random in
            training, and with them the planes, their rows and columns, and the momentum.
        mirrored: coordinates of which physics does not tell the direction; likewise.
        left_out: probability that a training image is not told its class, momentum, plane or start,
            each drawn on its own, so that the model can be asked without. (This ``start`` is where
            the particle starts, not the model that the training does.)
        schedule: noise schedule.
        predicts: what the network predicts, a key of ``driftline.diffusion.denoisers.TARGETS``.
        pairing: which noise goes with which image of a batch, as in ``JetRecipe``.
        physics: a term on observables of the images; none by default.
        preprocessing: options of ``ImagePreprocessing.fit``.
    """

    kind: Literal["images"]
    start: str | None = None
    seed: int = Field(0, ge=0)
    validation: float = Field(0.02, gt=0, lt=1)
    exchanged: tuple[Axis, ...] = ("x", "y", "z")
    mirrored: tuple[Axis, ...] = ("x", "y", "z")
    left_out: dict[Literal["class", "momentum", "plane", "start"], Probability] = Field(
        default_factory=dict
    )
    schedule: Named = Named(name="VP")
    predicts: str = "edm"
    pairing: Named = Named(name="random")
    physics: ImagePhysics | None = None
    preprocessing: dict[str, Any] = Field(default_factory=dict)


Recipe = JetRecipe | ImageRecipe

RECIPES: dict[str, type[JetRecipe] | type[ImageRecipe]] = {
    "jets": JetRecipe,
    "images": ImageRecipe,
}
"""Kinds of event, the key ``kind``."""


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply overrides.

    Args:
        path: a TOML file.
        overrides: texts ``key=value`` with dotted keys (``particle_level.training.steps=1000``);
            values are TOML, and what is not TOML is taken as text.

    Raises:
        InputError: the file cannot be read, or a key or value is wrong.
    """
    return parse_recipe(read_tree(path, overrides), str(path))


def read_tree(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The nested keys and values of a TOML file, with overrides, as ``read_recipe`` takes them.

    Raises:
        InputError: the file cannot be read, or an override has another form.
    """
    try:
        tree = tomllib.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML ({error}); mend the file") from error
    return overridden(tree, overrides)


def overridden(tree: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """The tree with texts ``key=value`` put in, in place.

    Raises:
        InputError: an override has another form.
    """
    for override in overrides:
        _apply(tree, override)
    return tree


def parse_recipe(tree: dict[str, Any], where: str = "recipe") -> Recipe:
    """A recipe from nested dictionaries; ``where`` names the source in errors.

    Raises:
        InputError: naming the first wrong key and the nearest valid one.
    """
    if "kind" not in tree:
        raise InputError(f"{where}: missing key kind; add it: {' or '.join(RECIPES)}")
    if tree["kind"] not in RECIPES:
        kinds = ", ".join(RECIPES)
        raise InputError(f"{where}: key kind: got {tree['kind']!r}; choose from {kinds}")
    return validated(RECIPES[tree["kind"]], tree, where)


def validated(section: type[AnySection], tree: dict[str, Any], where: str) -> AnySection:
    """A part of a recipe, or a whole one, from nested dictionaries.

    Raises:
        InputError: naming the first wrong key and the nearest valid one.
    """
    try:
        return section.model_validate(tree)
    except ValidationError as error:
        raise InputError(f"{where}: {_explain(error, section)}") from error


def _apply(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"override {override!r} is not of the form key=value")
    *parents, last = key.strip().split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise InputError(f"override {override!r}: {parent} is a value, not a section")
    try:
        tree[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        tree[last] = text.strip()


def _explain(error: ValidationError, recipe: type[BaseModel]) -> str:
    # An unknown key is named first: it is often the cause of a missing one.
    details = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    location = [str(part) for part in details["loc"]]
    key = ".".join(location)
    if details["type"] == "extra_forbidden":
        valid = _keys_beside(location, recipe)
        near = difflib.get_close_matches(location[-1], valid, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"choose from {', '.join(valid)}"
        return f"unknown key {key}; {remedy}"
    if details["type"] == "missing":
        return f"missing key {key}; add it"
    return f"key {key}: {details['msg']}; got {details['input']!r}"


def _keys_beside(location: list[str], section: type[BaseModel]) -> list[str]:
    for part in location[:-1]:
        annotation = section.model_fields[part].annotation
        kinds = [annotation, *get_args(annotation)]  # a section, or one that may be left out
        sections = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        if not sections:
            break
        section = sections[0]
    return list(section.model_fields)
