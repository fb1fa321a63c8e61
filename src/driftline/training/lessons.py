"""What each method of distillation teaches the networks of a generator, round by round."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import torch

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.distillation import (
    ConsistencyMatching,
    Distance,
    GridLevels,
    Neighbour,
    PathMatching,
    ProgressiveDistillation,
    PseudoHuber,
    SharedNoise,
    ShrinkingGaps,
    SquaredDistance,
    TeacherFlow,
    halvings,
    student_times,
)
from driftline.diffusion.grids import TunedGrid
from driftline.diffusion.levels import UniformLogSNRLevels
from driftline.diffusion.noise import Noise
from driftline.diffusion.objectives import UnitVarianceWeighting
from driftline.diffusion.samplers import (
    DDIM,
    Bespoke,
    Calibration,
    MultistepConsistency,
    Sampler,
    parse,
)
from driftline.diffusion.samplers.plan import Plan
from driftline.diffusion.schedules import Schedule
from driftline.errors import InputError
from driftline.generation import EventGenerator, Problem
from driftline.network_samplers import NetworkSamplers
from driftline.training.distill_recipe import DistillRecipe
from driftline.training.objectives import Objectives, TrainingLevels, Validation
from driftline.training.run import levels_of

CALIBRATION_EVENTS = 250
"""Events, in equal shares of the classes, to which a student's sampler is fitted."""

CALIBRATION_SEED = 2**63 + 1
"""Of their noise."""


@dataclass(frozen=True)
class Lesson:
    """What one network is taught in a round.

    Attributes:
        objective: what the student is trained with, given its teacher.
        levels: where.
        validated: given its teacher, by what it is validated.
        sampler: what the student is made for.
    """

    objective: Callable[[Denoiser], Objectives]
    levels: TrainingLevels
    validated: Callable[[Denoiser], Validation]
    sampler: Sampler

    @classmethod
    def of(
        cls, objective: Callable[[Denoiser], Objectives], levels: TrainingLevels, sampler: Sampler
    ) -> Self:
        """The lesson that is validated by what is trained with at the end."""
        return cls(objective, levels, lambda t: Validation(objective(t)(1.0), levels), sampler)


@dataclass(frozen=True)
class Round:
    """One training of all networks.

    Attributes:
        name: of the file of the model and of the directory; empty if there is one round only.
        steps: of the student's samplers.
        lessons: by network, in the order in which they run.
    """

    name: str
    steps: int
    lessons: Mapping[str, Lesson]

    @property
    def sampler(self) -> NetworkSamplers:
        """What the student is made for."""
        return NetworkSamplers(tuple(lesson.sampler for lesson in self.lessons.values()))


def rounds_of(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    """The trainings that lead from a teacher to the students asked for.

    Raises:
        InputError: a setting is not valid.
    """
    make = {"progressive": _progressive, "consistency": _consistency, "paths": _paths}
    try:
        return make[recipe.method](recipe, teacher)
    except (TypeError, ValueError) as error:
        raise InputError(f"distillation: {recipe.method}: {error}") from error


def _consistency(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    given = recipe.consistency
    gaps = ShrinkingGaps(given.stages, given.factor, given.widening, given.rate)
    distance: Distance = PseudoHuber(given.huber) if given.huber else SquaredDistance()
    weighting, levels = UnitVarianceWeighting(given.weight_power), levels_of(given.levels)

    def objective(teacher: Denoiser) -> Objectives:
        near: Neighbour = TeacherFlow(teacher) if given.teacher_flow else SharedNoise()
        return lambda done: ConsistencyMatching(gaps.at(done), near, distance, weighting)

    lesson = Lesson.of(objective, levels, MultistepConsistency(recipe.steps))
    return [Round("", recipe.steps, dict.fromkeys(teacher.denoisers, lesson))]


def _progressive(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    given = recipe.progressive
    sampler = parse(f"ddim:steps={given.first},grid={given.grid}")
    assert isinstance(sampler, DDIM)
    schedule = next(iter(teacher.denoisers.values())).schedule
    all_times = sampler.grid.times(given.first, schedule)
    lessons = {n: _halving(n, all_times, schedule) for n in halvings(given.first, recipe.steps)}
    return [
        Round(str(steps), steps, dict.fromkeys(teacher.denoisers, lesson))
        for steps, lesson in lessons.items()
    ]


def _halving(steps: int, all_times: torch.Tensor, schedule: Schedule) -> Lesson:
    """Makes students of ``steps`` from teachers of twice as many."""
    times = student_times(all_times, 2 * steps)

    def objective(teacher: Denoiser) -> Objectives:
        matched = ProgressiveDistillation(teacher, times)
        return lambda done: matched

    own = student_times(times, steps)
    sampler = DDIM(steps, grid=TunedGrid(tuple(schedule.log_snr(own[1:]).tolist())))
    return Lesson.of(objective, GridLevels(own), sampler)


def _paths(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    given = recipe.paths
    chosen = NetworkSamplers.parse(given.sampler) if given.sampler else teacher.default_sampler
    denoisers = teacher.denoisers
    problems = teacher.problems(CALIBRATION_EVENTS, CALIBRATION_SEED)
    lessons = {
        network: _path(recipe, sampler, denoisers[network], problems[network])
        for network, sampler in zip(denoisers, chosen.each(list(denoisers)), strict=True)
    }
    return [Round("", recipe.steps, lessons)]


def _path(recipe: DistillRecipe, sampler: Sampler, teacher: Denoiser, problem: Problem) -> Lesson:
    """Makes a student whose few steps follow the sampler's path."""
    course, levels = sampler.plan(teacher.schedule), UniformLogSNRLevels()
    distance = PseudoHuber(recipe.paths.huber)
    short = short_sampler(course, recipe.steps, teacher, problem)

    def objective(teacher: Denoiser) -> Objectives:
        matched = PathMatching(teacher, course, short.plan(teacher.schedule), distance)
        return lambda done: matched

    objective(teacher)  # its errors come now, before a run is begun
    return Lesson.of(objective, levels, short)


def short_sampler(course: Plan, steps: int, teacher: Denoiser, problem: Problem) -> Bespoke:
    """A sampler of every so many-th level of a plan, its weights fitted to the teacher.

    Raises:
        ValueError: the plan's steps cannot be divided by ``steps``.
    """
    stride, rest = divmod(len(course.steps), steps)
    if rest:
        raise ValueError(
            f"{steps} steps do not divide the {len(course.steps)} of the teacher's sampler; "
            "give a number that does, or paths.sampler"
        )
    levels = [step.level for step in course][::stride]
    grid = TunedGrid(tuple(-math.log(level.s) for level in levels[1:]))
    calibration = Calibration.of(
        teacher, noise=Noise(CALIBRATION_SEED), events=CALIBRATION_EVENTS, **vars(problem)
    )
    return Bespoke(steps).fitted(grid, calibration)
