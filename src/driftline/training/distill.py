"""Distilling a generator: few-step students of its networks, for clouds and images alike."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from driftline.data.formats import jetnet
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.observables import Observable
from driftline.errors import InputError
from driftline.fingerprint import fingerprint
from driftline.generator import Generator
from driftline.image_generator import ImageGenerator
from driftline.training.classes import ClassOf
from driftline.training.correction import Asked
from driftline.training.distill_recipe import DistillRecipe, student_training
from driftline.training.images import (
    ImageEvents,
    asked_images,
    finished_observables,
    read_samples,
)
from driftline.training.jets import (
    JetLevelEvents,
    ParticleLevelEvents,
    asked_particles,
    particle_observables,
    split,
)
from driftline.training.lessons import Round, Seen, key_of, rounds_of, with_samplers
from driftline.training.loop import Events, Outcome, train
from driftline.training.objectives import Validation
from driftline.training.physics import unit_observable
from driftline.training.progress import Progress
from driftline.training.recipe import (
    ImageRecipe,
    JetRecipe,
    Recipe,
    TrainingSettings,
    parse_recipe,
)
from driftline.training.run import check_run, keep_source, provenance, source_of, write_json
from driftline.training.start import keep, kept_or_named, require_known

AnyGenerator = Generator | ImageGenerator


@dataclass(frozen=True)
class Samples:
    """Training and validation events of each network, made when they are needed.

    Attributes:
        by_network: by the network's key.
        observables: those that recipes name, likewise.
        asked: how events are generated, likewise, of networks that have observables; told when it
            is needed.
        types: names of classes.
        attributes: provenance of the data.
    """

    by_network: Mapping[str, Callable[[], tuple[Events, Events]]]
    observables: Mapping[str, Mapping[str, Observable]]
    asked: Mapping[str, Callable[[], Asked]]
    types: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def group(self) -> ClassOf:
        """Class of a condition."""
        return ClassOf(len(self.types))


def recipe_of(generator: AnyGenerator) -> Recipe:
    """The recipe that the teacher was trained by, from its card.

    Raises:
        InputError: the card has none, or one of another version.
    """
    saved = generator.card.get("recipe")
    if not isinstance(saved, dict):
        raise InputError(
            "MODEL: its card has no recipe, which says how its events are prepared; "
            "give a model that `driftline train` wrote"
        )
    return parse_recipe(saved, "MODEL: recipe in its card")


def teacher_training(recipe: Recipe) -> dict[str, TrainingSettings]:
    """How the teacher's networks were trained, by key."""
    if isinstance(recipe, JetRecipe):
        stages = {"jet_level": recipe.jet_level, "particle_level": recipe.particle_level}
        return {key: stage.training for key, stage in stages.items()}
    return {"image": recipe.training}


def jet_samples(generator: Generator, recipe: JetRecipe, data: Path, out: Path) -> Samples:
    """The events that both networks of a jet generator are trained with.

    Raises:
        InputError: bad data, a class that the teacher does not know, or other events than those
            that the run in ``out`` was begun with.
    """
    p = generator.preprocessing
    jets = jetnet.read_directory(data, particles=p.max_particles)
    require_known(jets.present, generator.types, data)
    parts = split(jets, recipe.validation)

    def jet_level() -> tuple[Events, Events]:
        first, last = (JetLevelEvents(j, p, recipe.reflections, recipe.given) for j in parts)
        return first, last

    def particle_level() -> tuple[Events, Events]:
        first, last = (ParticleLevelEvents(j, p, recipe.reflections) for j in parts)
        return first, last

    source = source_of(out, jets.attributes, jets.particles, jets.features, jets.labels)
    named: dict[str, Mapping[str, Observable]] = {
        "jet_level": {},
        "particle_level": particle_observables(p),
    }
    asked = {"particle_level": lambda: asked_particles(generator, parts[0].labels)}
    levels = {"jet_level": jet_level, "particle_level": particle_level}
    return Samples(levels, named, asked, p.types, source)


def image_samples(generator: ImageGenerator, recipe: ImageRecipe, data: Path, out: Path) -> Samples:
    """The events that the network of an image generator is trained with.

    Raises:
        InputError: bad data, a class that the teacher does not know, or other events than those
            that the run in ``out`` was begun with.
    """
    p = generator.preprocessing
    training, validation = read_samples(data, recipe.validation)
    source = source_of(out, training.attributes, *training.columns.values())
    require_known(training.present, generator.types, data)
    # Guidance apart, which students have none of, generators always tell all that they know.
    always = {"class", "plane"} | ({"momentum"} if generator.momenta is not None else set())
    left_out = {name: 0.0 if name in always else chance for name, chance in recipe.left_out.items()}
    turned = recipe.exchanged, recipe.mirrored, left_out
    events = ImageEvents(training, p, *turned), ImageEvents(validation, p)
    named = {"image": finished_observables(p)}
    asked = {"image": lambda: asked_images(generator, events[0].labels)}
    return Samples({"image": lambda: events}, named, asked, p.types, source)


def distill(
    teacher: AnyGenerator,
    recipe: DistillRecipe,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    device: torch.device | str = "cpu",
    progress: Callable[[str, Path], Progress] | None = None,
) -> Path:
    """Make few-step students of all networks of a generator and write them as models.

    ``out`` gets ``recipe.json``, ``training-data.json``, ``start.safetensors`` if the student goes
    on from one, a checkpoint and a TensorBoard log for each training, ``correction.safetensors``
    beside them where observables are corrected, and ``model.safetensors``;
    progressive distillation also the students of the rounds before, ``model-16.safetensors`` and so
    on. Students are models as any other, whose cards say method, teacher and steps, and whose
    default sampler is the one that they are for.

    Args:
        teacher: the model; it is not changed.
        recipe: see ``DistillRecipe``.
        data: what the teacher was trained on, as ``driftline train`` takes it.
        out: the run's directory.
        resume: continue the run in ``out``; its recipe must be the same, but that paths and
            distribution may be trained for longer.
        device: where networks are trained.
        progress: makes the reporter of a training from its title and log directory.

    Returns:
        The path of the model of the fewest steps.

    Raises:
        InputError: bad data or settings, a run that exists (without ``resume``), another recipe
            or teacher, or other events (with it).
        TrainingError: the loss was not finite.
        KeyboardInterrupt: interrupted; checkpoints are kept.
    """
    trained_by = recipe_of(teacher)
    settings = _settings(recipe, trained_by)
    recipe = recipe.model_copy(
        update={
            "training": {key: own.model_dump(mode="json") for key, own in settings.items()},
            "teacher": fingerprint(teacher),
            "paths": recipe.paths.model_copy(
                update={"sampler": recipe.paths.sampler or str(teacher.default_sampler)}
            ),
        }
    )
    check_run(out, recipe, resume)
    if isinstance(teacher, Generator):
        assert isinstance(trained_by, JetRecipe)
        samples = jet_samples(teacher, trained_by, data, out)
    else:
        assert isinstance(trained_by, ImageRecipe)
        samples = image_samples(teacher, trained_by, data, out)
    _check_observables(recipe, samples)
    start = _start(recipe, teacher, out)
    given = "" if start is None else str(start.default_sampler)
    # Last of what may be refused, for samplers of paths take minutes to fit.
    recipe = recipe.model_copy(update=_begun_with(out) or {"student": given, "course": ""})
    recipe = with_samplers(recipe, teacher)
    rounds = rounds_of(recipe, teacher)
    recipe = recipe.model_copy(update={"student": str(rounds[-1].sampler)})
    write_json(out / "recipe.json", recipe.model_dump(mode="json"))
    keep_source(out, samples.attributes)
    keep(start, out)
    sources = {key: make() for key, make in samples.by_network.items()}
    model, outcomes = out / "model.safetensors", dict[str, Outcome]()
    student, before = deepcopy(start or teacher).to(device), _frozen(teacher, device)
    for number, part in enumerate(rounds):
        for position, (network, denoiser) in enumerate(student.denoisers.items()):
            key, lesson = key_of(network), part.lessons[network]
            where = out / part.name / key
            title = f"{network} {part.name}".strip()
            events, held_out = sources[key]
            report = progress(title, where / "log") if progress else Progress()
            correction_file = where / "correction.safetensors"
            if not resume:
                correction_file.unlink(missing_ok=True)
            seen = _seen(recipe, samples, key, events, correction_file, report)
            if settings[key].compile:
                before[network].network.compile()  # in place; a copy of it is not compiled
            teaching = lesson.teaching(before[network], seen)
            minimised = Validation(teaching.objective(1.0), lesson.levels)
            outcomes[title] = train(
                denoiser,
                events,
                held_out,
                lesson.levels,
                settings[key],
                seed=recipe.seed + 2**32 * (1 + number * len(sources) + position),
                out=where,
                objective=teaching.objective,
                validated=minimised,
                companion=teaching.companion,
                resume=resume,
                progress=report,
            )
        last = part is rounds[-1]
        file = model if last else out / f"model-{part.name}.safetensors"
        history = provenance(samples.attributes, outcomes, device)
        student.card = _card(teacher, start, recipe, part, history)
        student.save(file, force=True)
        before = _frozen(student, device)
    return model


def _begun_with(out: Path) -> dict[str, str]:
    """The samplers that were fitted, as texts by key, of a run that is resumed; else nothing."""
    path = out / "recipe.json"
    if not path.exists():
        return {}
    begun = DistillRecipe.model_validate_json(path.read_text())
    return {"student": begun.student, "course": begun.course}


def _settings(recipe: DistillRecipe, trained_by: Recipe) -> dict[str, TrainingSettings]:
    """How each network's student is trained, by key.

    Raises:
        InputError: the recipe names a network that there is not, or a setting is wrong.
    """
    known = teacher_training(trained_by)
    for key in recipe.training:
        if key not in known:
            raise InputError(
                f"distillation: training.{key}: the model has no such network; "
                f"choose from {', '.join(known)}"
            )
    return {key: student_training(own, recipe.training.get(key, {})) for key, own in known.items()}


def _check_observables(recipe: DistillRecipe, samples: Samples) -> None:
    """Refuse names of observables that no network has, and a correction or means of none.

    Likewise of classes that there are not, or that are left out of no correction.

    Raises:
        InputError: naming the first.
    """
    for name, of_them in (("corrected", "to correct"), ("means", "to have means of")):
        if getattr(recipe.paths, name) and not recipe.paths.observables:
            raise InputError(
                f"distillation: paths.{name}: there are no observables {of_them}; "
                "name some in paths.observables"
            )
    if recipe.paths.uncorrected and not recipe.paths.corrected:
        raise InputError(
            "distillation: paths.uncorrected: nothing is corrected; give paths.corrected too"
        )
    for name in recipe.paths.uncorrected:
        if name not in samples.types:
            raise InputError(
                f"distillation: paths.uncorrected: unknown class {name!r}; "
                f"choose from {', '.join(samples.types)}"
            )
    known = [name for named in samples.observables.values() for name in named]
    for name in recipe.paths.observables:
        if name not in known:
            raise InputError(
                f"distillation: paths.observables: unknown {name!r}; choose from {', '.join(known)}"
            )


def _seen(
    recipe: DistillRecipe,
    samples: Samples,
    key: str,
    events: Events,
    correction_file: Path,
    report: Progress,
) -> Seen | None:
    """What a recipe asks to be observed of a network's events, if it has such observables."""
    named, group = samples.observables[key], samples.group
    chosen = [name for name in recipe.paths.observables if name in named]
    if recipe.method != "paths" or not chosen:
        return None
    observable = unit_observable(chosen, named, events, group if recipe.paths.by_class else None)
    left = tuple(samples.types.index(name) for name in recipe.paths.uncorrected)
    return Seen(observable, events, samples.asked[key], group, correction_file, report, left)


def _start(recipe: DistillRecipe, teacher: AnyGenerator, out: Path) -> AnyGenerator | None:
    """The model that the student begins as, if the recipe names one.

    Raises:
        InputError: there is no such model, it is no student, or one of another model.
    """
    if recipe.start is None:
        return None
    where = f"distillation: start: {recipe.start}"
    start = kept_or_named(recipe.start, teacher.kind, out, where)
    if "distillation" not in start.card:
        raise InputError(f"{where}: is not distilled; name a student, or leave it out")
    trained = start.card.get("training") == teacher.card.get("training")
    if start.constants != teacher.constants or not trained:
        raise InputError(f"{where}: is a student of another model than the teacher; name another")
    return start


def _frozen(generator: AnyGenerator, device: torch.device | str) -> dict[str, Denoiser]:
    """Copies of its denoisers that are not trained."""
    copies = deepcopy(generator.denoisers)
    return {name: copy.to(device).eval().requires_grad_(False) for name, copy in copies.items()}


def _card(
    teacher: AnyGenerator,
    start: AnyGenerator | None,
    recipe: DistillRecipe,
    part: Round,
    history: dict[str, Any],
) -> dict[str, Any]:
    """The student's card: the teacher's training, then its own; no evaluation of the teacher's.

    What a student that is its own teacher was before is told once, as its start.
    """
    kept: dict[str, Any] = {
        key: teacher.card[key] for key in ("recipe", "training", "start") if key in teacher.card
    }
    begun = None if start is None else start.card["distillation"]
    his = teacher.card.get("distillation")
    distillation = {
        "method": recipe.method,
        "teacher": {
            "name": teacher.card.get("name"),
            "fingerprint": recipe.teacher,
            **({} if his in (None, begun) else {"distillation": his}),
        },
        "steps": part.steps,
        "recipe": recipe.model_dump(mode="json"),
        "training": history,
        **({} if begun is None else {"start": begun}),
    }
    return {**kept, "distillation": distillation, "sampler": str(part.sampler)}
