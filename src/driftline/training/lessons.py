"""What each method of distillation teaches the networks of a generator, round by round."""

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch

from driftline.calibrations import calibrations
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.distillation import (
    ConsistencyMatching,
    Distance,
    DistributionMatching,
    EntrywiseHuber,
    GridLevels,
    Neighbour,
    ObservedEnd,
    PathMatching,
    ProgressiveDistillation,
    PseudoHuber,
    SharedNoise,
    ShrinkingGaps,
    SquaredDistance,
    TeacherFlow,
    halvings,
    stride,
    student_times,
)
from driftline.diffusion.grids import TunedGrid
from driftline.diffusion.levels import UniformLogSNRLevels
from driftline.diffusion.objectives import UnitVarianceWeighting
from driftline.diffusion.observables import Observable
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
from driftline.generation import EventGenerator, refuse_student
from driftline.network_samplers import NetworkSamplers
from driftline.training.distill_recipe import DistillRecipe, DistributionSettings
from driftline.training.loop import Companion
from driftline.training.objectives import Objectives, TrainingLevels, always
from driftline.training.run import levels_of

CALIBRATION_EVENTS = 250
"""Events, in equal shares of the classes, to which a student's sampler is fitted."""

CALIBRATION_SEED = 2**63 + 1
"""Of their noise."""


@dataclass(frozen=True)
class Teaching:
    """What a student is trained with by one teacher.

    Attributes:
        objective: what is minimised.
        companion: what the objective trains beside the student, if anything.
    """

    objective: Objectives
    companion: Companion | None = None


@dataclass(frozen=True)
class Lesson:
    """What one network is taught in a round; it is validated by what is minimised at the end.

    Attributes:
        teaching: what the student is trained with, given its teacher and, if the recipe asks for
            some, observables of its events.
        levels: where.
        sampler: what the student is made for.
    """

    teaching: Callable[[Denoiser, Observable | None], Teaching]
    levels: TrainingLevels
    sampler: Sampler


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


def key_of(network: str) -> str:
    """A network's name as a key of recipes and a directory: ``particle_level``."""
    return network.replace(" ", "_")


def rounds_of(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    """The trainings that lead from a teacher to the students asked for.

    Raises:
        InputError: a setting is not valid.
    """
    make = {
        "progressive": _progressive,
        "consistency": _consistency,
        "paths": _paths,
        "distribution": _distribution,
    }
    try:
        return make[recipe.method](recipe, teacher)
    except (TypeError, ValueError) as error:
        raise InputError(f"distillation: {recipe.method}: {error}") from error


def _consistency(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    given = recipe.consistency
    gaps = ShrinkingGaps(given.stages, given.factor, given.widening, given.rate)
    distance: Distance = PseudoHuber(given.huber) if given.huber else SquaredDistance()
    weighting, levels = UnitVarianceWeighting(given.weight_power), levels_of(given.levels)

    def teaching(teacher: Denoiser, observable: Observable | None) -> Teaching:
        near: Neighbour = TeacherFlow(teacher) if given.teacher_flow else SharedNoise()
        return Teaching(lambda done: ConsistencyMatching(gaps.at(done), near, distance, weighting))

    lesson = Lesson(teaching, levels, MultistepConsistency(recipe.steps))
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

    def teaching(teacher: Denoiser, observable: Observable | None) -> Teaching:
        return Teaching(always(ProgressiveDistillation(teacher, times)))

    own = student_times(times, steps)
    sampler = DDIM(steps, grid=TunedGrid(tuple(schedule.log_snr(own[1:]).tolist())))
    return Lesson(teaching, GridLevels(own), sampler)


def _paths(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    chosen = NetworkSamplers.parse(recipe.paths.sampler)
    each = zip(teacher.denoisers.values(), chosen.each(list(teacher.denoisers)), strict=True)
    courses = [sampler.plan(denoiser.schedule) for denoiser, sampler in each]
    for course in courses:  # before minutes are spent on events
        stride(course, recipe.steps)
    # By its text, so that a run that is resumed has the same.
    text = recipe.student or str(_short_samplers(teacher, courses, recipe.steps))
    short = _of_steps(text, recipe.steps, teacher)
    settings = recipe.paths
    distance = (EntrywiseHuber if settings.entrywise else PseudoHuber)(settings.huber)
    for denoiser, course, sampler in zip(teacher.denoisers.values(), courses, short, strict=True):
        PathMatching(denoiser, course, sampler.plan(denoiser.schedule))  # or it is refused now
    lessons = {
        network: _path(course, sampler, distance, settings.weight)
        for network, course, sampler in zip(teacher.denoisers, courses, short, strict=True)
    }
    return [Round("", recipe.steps, lessons)]


def _short_samplers(
    teacher: EventGenerator, courses: Sequence[Plan], steps: int
) -> NetworkSamplers:
    """Of a student of so many steps of each network."""
    known = calibrations(teacher, CALIBRATION_EVENTS, CALIBRATION_SEED).values()
    pairs = zip(courses, known, strict=True)
    return NetworkSamplers(tuple(short_sampler(*pair, steps) for pair in pairs))


def _path(course: Plan, short: Sampler, distance: Distance, weight: float) -> Lesson:
    """Makes a student whose few steps follow the teacher's course."""

    def teaching(teacher: Denoiser, observable: Observable | None) -> Teaching:
        end = None if observable is None else ObservedEnd(observable, weight)
        matching = PathMatching(teacher, course, short.plan(teacher.schedule), distance, end)
        return Teaching(always(matching))

    return Lesson(teaching, UniformLogSNRLevels(), short)


def _distribution(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    given = recipe.distribution
    if not recipe.student:
        raise InputError(
            "distillation: distribution needs a student to begin with, such as one of paths; "
            "give start=MODEL"
        )
    refuse_student(teacher.card, "distillation: distribution")
    short = _of_steps(recipe.student, recipe.steps, teacher)
    lessons = {
        network: _matched(given, sampler)
        for network, sampler in zip(teacher.denoisers, short, strict=True)
    }
    for network, lesson in lessons.items():
        stride(lesson.sampler.plan(teacher.denoisers[network].schedule), recipe.steps)
        if recipe.training[key_of(network)]["batch"] < 2:
            raise InputError(f"distillation: {network}: distribution needs a batch of 2 or more")
    return [Round("", recipe.steps, lessons)]


def _of_steps(text: str, steps: int, teacher: EventGenerator) -> list[Sampler]:
    """A student's samplers, of each network.

    Raises:
        ValueError: they have another number of steps.
    """
    samplers = NetworkSamplers.parse(text).each(list(teacher.denoisers))
    for sampler, denoiser in zip(samplers, teacher.denoisers.values(), strict=True):
        found = len(sampler.plan(denoiser.schedule).steps)
        if found != steps:
            raise ValueError(f"the student that it begins as has {found} steps, not {steps}")
    return list(samplers)


def _matched(given: DistributionSettings, short: Sampler) -> Lesson:
    """Has a student draw from its teacher's distribution."""

    def teaching(teacher: Denoiser, observable: Observable | None) -> Teaching:
        critic = deepcopy(teacher).train().requires_grad_(True)
        plan = short.plan(teacher.schedule)
        matching = DistributionMatching(teacher, critic, plan, given.draws)
        return Teaching(always(matching), Companion(critic, given.critic_rate))

    return Lesson(teaching, levels_of(given.levels), short)


def short_sampler(course: Plan, calibration: Calibration, steps: int) -> Bespoke:
    """A sampler of every so many-th level of a plan, its weights fitted to the teacher.

    Raises:
        ValueError: it is not a plan to follow in ``steps`` steps, see ``stride``.
    """
    levels = [step.level for step in course][:: stride(course, steps)]
    grid = TunedGrid(tuple(round(-math.log(level.s), 6) for level in levels[1:]))
    return Bespoke(steps).fitted(grid, calibration)
