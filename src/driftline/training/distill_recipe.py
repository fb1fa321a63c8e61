"""What describes a distillation: method, students, and how each network is trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from driftline.training.recipe import (
    Named,
    Section,
    TrainingSettings,
    overridden,
    read_tree,
    validated,
)


class ConsistencySettings(Section):
    """Consistency tuning, or distillation, of a trained model.

    Attributes:
        stages: into which the training is divided; in each the gap is narrower.
        factor: by which.
        widening: of the gap at low noise, see ``driftline.diffusion.distillation.Gap``.
        rate: likewise.
        huber: c of the pseudo-Huber distance; 0 takes the squared distance.
        weight_power: the weight of a noise level is (1 + 1/s^2) to this power: 1 as published, 0.5
            for a training that high noise, where a single step begins, has more part in.
        teacher_flow: the path's next point by a step of the teacher (consistency distillation)
            rather than with the event's own noise (consistency tuning).
        levels: distribution of the noise levels, by default that of 2406.14548.
    """

    stages: int = Field(8, gt=0)
    factor: float = Field(2.0, gt=1)
    widening: float = Field(8.0, ge=0)
    rate: float = Field(0.5, ge=0)
    huber: float = Field(1e-3, ge=0)
    weight_power: float = Field(1.0, ge=0)
    teacher_flow: bool = False
    levels: Named = Named.model_validate({"name": "normal", "mean": 0.4, "deviation": 2.0})


class ProgressiveSettings(Section):
    """Progressive distillation.

    Attributes:
        first: DDIM steps of the teacher, ``steps`` times a power of two.
        grid: where they lie, as in the text of a sampler.
    """

    first: int = Field(64, gt=1)
    grid: str = "angle"


class PathSettings(Section):
    """Path distillation.

    Attributes:
        sampler: which the teacher follows, as text: a deterministic one on a grid, of ``steps``
            times a whole number, which tells where the student's steps are. Empty: the teacher's
            default sampler.
        substeps: how many steps the teacher takes during each of the student's, by a sampler that
            is fitted to it. ``sampler`` then tells only where the student's steps are, those of a
            student that begins as another (``start``) only if it has ``steps`` steps. None: the
            teacher follows ``sampler``.
        own_goals: how many of the student's last steps have as their goal where the teacher goes
            from the student's own state, not from the noise, by ``substeps`` or a sampler that
            restarts there.
        huber: c of the pseudo-Huber distance.
        entrywise: of every number of an event by itself, rather than of their root mean square.
        observables: names of observables in which the student's events are compared with the
            teacher's as well, as in the ``physics`` of a recipe: ``mass``, ``energy_flow``,
            ``correlator``, ``spectrum``, ``subjettiness`` of jets, whose jet level has none;
            ``charge``, ``wavelets``, ``spectrum``, ``topology``, ``extent``,
            ``clusters``, ``hits`` of images.
        by_class: observables in units of their spread in each class, not in all together.
        weight: of that comparison.
        means: how much more what a class misses on average counts than what scatters does, while
            both are small: 2 is three times as much. It needs some events of a class in a batch.
        corrected: how many events of the data, of all classes, as many that the teacher generates
            are compared with first, so that what the student's observables are compared with has
            their distribution in the data, class by class; 0: the teacher's as they are.
        uncorrected: classes whose observables stay as the teacher has them all the same.
    """

    sampler: str = ""
    substeps: tuple[int, ...] = ()
    own_goals: int = Field(0, ge=0)
    huber: float = Field(1e-3, gt=0)
    entrywise: bool = False
    observables: tuple[str, ...] = ()
    by_class: bool = False
    weight: float = Field(1.0, ge=0)
    means: float = Field(0.0, ge=0)
    corrected: int = Field(0, ge=0)
    uncorrected: tuple[str, ...] = ()


class DistributionSettings(Section):
    """Distribution matching, for a student that has been made otherwise (``start``).

    Attributes:
        draws: noise levels at which each event is compared a step.
        critic_rate: learning rate of the critic, in units of the student's.
        levels: distribution of those noise levels.
    """

    draws: int = Field(2, gt=0)
    critic_rate: float = Field(4.0, gt=0)
    levels: Named = Named.model_validate({"name": "normal", "mean": 0.5, "deviation": 1.6})


class DistillRecipe(Section):
    """A distillation.

    Attributes:
        method: ``consistency``, ``progressive``, ``paths`` or ``distribution``.
        steps: evaluations of the student's own sampler. A consistency model can be sampled with
            any number; progressive distillation ends here, and path distillation makes it.
        seed: of every draw.
        start: a student of the same teacher, which the new one begins as; none: the teacher.
            ``paths`` and ``distribution`` keep its samplers, which have ``steps`` steps (but see
            ``PathSettings.substeps``); the other methods have their own. ``distribution`` needs
            one.
        consistency: settings of that method.
        progressive: settings of that method.
        paths: settings of that method.
        distribution: settings of that method.
        training: what differs from the teacher's training, by network (``jet_level``,
            ``particle_level``; ``image``): keys of ``TrainingSettings``. Of progressive
            distillation for each round.
        teacher: fingerprint of the teacher; filled in.
        student: the student's own samplers, as text; filled in.
        course: the samplers of ``paths.substeps``, as text; filled in.
    """

    method: Literal["consistency", "progressive", "paths", "distribution"] = "consistency"
    steps: int = Field(2, gt=0)
    seed: int = Field(0, ge=0)
    start: str | None = None
    consistency: ConsistencySettings = ConsistencySettings.model_validate({})
    progressive: ProgressiveSettings = ProgressiveSettings.model_validate({})
    paths: PathSettings = PathSettings.model_validate({})
    distribution: DistributionSettings = DistributionSettings.model_validate({})
    training: dict[str, dict[str, Any]] = Field(default_factory=dict)
    teacher: str = ""
    student: str = ""
    course: str = ""

    def without_steps(self) -> Self:
        """What a resumed run must share: all but what was fitted and, where it can be, the length.

        Consistency divides a training of known length into stages, and progressive distillation
        teaches students that are the teachers of others.
        """
        same: dict[str, Any] = {"student": "", "course": ""}
        if self.method in ("paths", "distribution"):
            training = self.training.items()
            same["training"] = {name: {**own, "steps": 0} for name, own in training}
        return self.model_copy(update=same)


def read_distill_recipe(path: Path | None, overrides: Sequence[str] = ()) -> DistillRecipe:
    """Read a TOML file, or take the defaults, and apply overrides ``key=value``.

    Raises:
        InputError: the file cannot be read, or a key or value is wrong.
    """
    tree = overridden({}, overrides) if path is None else read_tree(path, overrides)
    return validated(DistillRecipe, tree, "distillation" if path is None else str(path))


def student_training(teacher: TrainingSettings, changes: Mapping[str, Any]) -> TrainingSettings:
    """How a student is trained: as its teacher was, but for what a student needs otherwise.

    An eighth of the steps and a fifth of the learning rate, for it begins where the teacher ended;
    float32, for its target differs from its own estimate by no more than bfloat16 rounds.

    Args:
        teacher: of the same network.
        changes: keys and values that differ from these defaults.

    Raises:
        InputError: a key or value is wrong.
    """
    steps = max(1, teacher.steps // 8)
    settings = teacher.model_dump() | {
        "steps": steps,
        "learning_rate": teacher.learning_rate / 5,
        "warmup": min(teacher.warmup, steps // 20),
        "precision": "float32",
    }
    return validated(TrainingSettings, settings | dict(changes), "distillation: training")
