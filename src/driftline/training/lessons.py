"""What each method of distillation teaches the networks of a generator, round by round."""

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import torch

from driftline.calibrations import calibrations
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.distillation import (
    ConsistencyMatching,
    Distance,
    DistributionMatching,
    EntrywiseHuber,
    GridLevels,
    GroupMeans,
    Neighbour,
    ObservedEnd,
    PathMatching,
    ProgressiveDistillation,
    PseudoHuber,
    QuantileMap,
    SharedNoise,
    ShrinkingGaps,
    SquaredDistance,
    TeacherFlow,
    halvings,
    require_linear,
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
from driftline.training.classes import ClassOf
from driftline.training.correction import Asked, correction, kept
from driftline.training.distill_recipe import DistillRecipe, DistributionSettings, PathSettings
from driftline.training.loop import Companion, Events
from driftline.training.objectives import Objectives, TrainingLevels, always
from driftline.training.progress import Progress
from driftline.training.run import levels_of

CALIBRATION_EVENTS = 128
"""Events, in equal shares of the classes, to which samplers of paths are fitted."""

CALIBRATION_SEED = 2**63 + 1
"""Of their noise."""

COURSE_RATIOS = (0.3, 0.4, 0.5, 0.6)
"""By which noise may fall from step to step of a teacher's course during the student's last."""


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
class Seen:
    """What of a student's events is compared beside their numbers.

    Attributes:
        observable: of encoded events, in numbers of unit spread.
        events: the training sample.
        asked: tells how events of the same classes as those of the sample are generated.
        group: class of a condition.
        correction_file: in which the run keeps how the observables are corrected.
        progress: is told of what is done before the training.
        uncorrected: groups whose observables stay the teacher's.
    """

    observable: Observable
    events: Events
    asked: Callable[[], Asked]
    group: ClassOf
    correction_file: Path
    progress: Progress
    uncorrected: tuple[int, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """What one network is taught in a round; it is validated by what is minimised at the end.

    Attributes:
        teaching: what the student is trained with, given its teacher and, if the recipe asks for
            some, what is seen of its events.
        levels: where.
        sampler: what the student is made for.
    """

    teaching: Callable[[Denoiser, Seen | None], Teaching]
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

    def teaching(teacher: Denoiser, seen: Seen | None) -> Teaching:
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

    def teaching(teacher: Denoiser, seen: Seen | None) -> Teaching:
        return Teaching(always(ProgressiveDistillation(teacher, times)))

    own = student_times(times, steps)
    sampler = DDIM(steps, grid=TunedGrid(tuple(schedule.log_snr(own[1:]).tolist())))
    return Lesson(teaching, GridLevels(own), sampler)


def with_samplers(recipe: DistillRecipe, teacher: EventGenerator) -> DistillRecipe:
    """The recipe with the samplers that path distillation needs, fitted to the teacher.

    What it has already, of a run that is resumed or of the student that it begins as, is kept; but
    where the teacher has substeps, a student takes the levels of a sampler of its number of steps.

    Raises:
        InputError: a setting is not valid.
    """
    if recipe.method != "paths" or recipe.course or (recipe.student and not recipe.paths.substeps):
        return recipe
    try:
        placed = _placed(recipe, teacher)  # before minutes are spent on events
        known = calibrations(teacher, CALIBRATION_EVENTS, CALIBRATION_SEED).values()
        short = [
            short_sampler(each, calibration, recipe.steps) if isinstance(each, Plan) else each
            for each, calibration in zip(placed, known, strict=True)
        ]
        update = {"student": str(NetworkSamplers(tuple(short)))}
        if recipe.paths.substeps:
            settings = recipe.paths.substeps, recipe.paths.own_goals
            pairs = zip(short, known, strict=True)
            fine = NetworkSamplers(tuple(course_sampler(*pair, *settings) for pair in pairs))
            update["course"] = str(fine)
    except ValueError as error:
        raise InputError(f"distillation: paths: {error}") from error
    return recipe.model_copy(update=update)


def _placed(recipe: DistillRecipe, teacher: EventGenerator) -> list[Sampler | Plan]:
    """Of each network the student's sampler, or a plan at whose levels one is to be fitted.

    Raises:
        InputError: the teacher is to be followed by a sampler fitted to it, and is a student.
        ValueError: a setting is not valid.
    """
    steps, settings, found = recipe.steps, recipe.paths, list[Sampler | Plan]()
    substeps = settings.substeps
    if substeps and (len(substeps) != steps or min(substeps) < 1):
        raise ValueError(f"substeps must be {steps} numbers from 1 up, got {substeps}")
    if settings.own_goals > steps:
        raise ValueError(f"own_goals must be from 0 to {steps}, got {settings.own_goals}")
    if substeps:
        refuse_student(teacher.card, "distillation: paths.substeps")
    denoisers = teacher.denoisers.values()
    begun = _of_steps(recipe.student, steps, teacher) if recipe.student else [None] * len(denoisers)
    plans = _plans(settings.sampler, teacher)
    for student, plan, denoiser in zip(begun, plans, denoisers, strict=True):
        if student is not None and len(plan.steps) != steps:
            require_linear(student.plan(denoiser.schedule))
            found.append(student)
            continue
        each = stride(plan, steps)
        if not substeps:
            if each == 1:
                raise ValueError(
                    f"a sampler of {steps} steps is what the student has itself: give one of more, "
                    "or paths.substeps"
                )
            passed = Plan(plan.start, plan.steps[::each])
            PathMatching(denoiser, plan, passed, own_goals=settings.own_goals)
        found.append(plan)
    return found


def _plans(text: str, teacher: EventGenerator) -> list[Plan]:
    """Of a sampler of each network."""
    samplers = NetworkSamplers.parse(text).each(list(teacher.denoisers))
    pairs = zip(samplers, teacher.denoisers.values(), strict=True)
    return [sampler.plan(denoiser.schedule) for sampler, denoiser in pairs]


def _paths(recipe: DistillRecipe, teacher: EventGenerator) -> list[Round]:
    settings = recipe.paths
    courses = _plans(recipe.course or settings.sampler, teacher)
    short = _of_steps(recipe.student, recipe.steps, teacher)
    distance = (EntrywiseHuber if settings.entrywise else PseudoHuber)(settings.huber)
    lessons = dict[str, Lesson]()
    for (network, denoiser), course, sampler in zip(
        teacher.denoisers.items(), courses, short, strict=True
    ):
        matching = PathMatching(
            denoiser,
            course,
            sampler.plan(denoiser.schedule),
            distance,
            own_goals=settings.own_goals,
        )
        lessons[network] = _path(matching, sampler, settings)
    return [Round("", recipe.steps, lessons)]


def _path(matching: PathMatching, short: Sampler, settings: PathSettings) -> Lesson:
    """Makes a student whose few steps follow a teacher's course."""

    def ended(teacher: Denoiser, seen: Seen) -> ObservedEnd:
        means = GroupMeans(seen.group, settings.means) if settings.means else None
        end = ObservedEnd(seen.observable, settings.weight, means=means)
        if not settings.corrected:
            return end

        def compared() -> QuantileMap:
            count = min(settings.corrected, len(seen.events))
            with seen.progress.counting("correction", count) as told:
                found = correction(
                    seen.observable,
                    teacher,
                    matching.course,
                    asked=seen.asked(),
                    events=seen.events,
                    group=seen.group,
                    count=count,
                    device=next(teacher.parameters()).device,
                    progress=told,
                )
            return found.leaving(seen.uncorrected)

        return replace(end, correction=kept(seen.correction_file, seen.group, compared))

    def teaching(teacher: Denoiser, seen: Seen | None) -> Teaching:
        end = None if seen is None else ended(teacher, seen)
        return Teaching(always(replace(matching, teacher=teacher, end=end)))

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
        require_linear(lesson.sampler.plan(teacher.denoisers[network].schedule))
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

    def teaching(teacher: Denoiser, seen: Seen | None) -> Teaching:
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
    return Bespoke(steps).fitted(_grid([-math.log(level.s) for level in levels]), calibration)


def course_sampler(
    short: Sampler, calibration: Calibration, substeps: Sequence[int], own_goals: int
) -> Bespoke:
    """A teacher's sampler of so many steps during each of a student's, fitted to the teacher.

    Its levels between the student's are equally far in lambda; where the last one is, is tried. It
    restarts where the student's last ``own_goals`` steps begin.

    Raises:
        ValueError: there are not as many substeps as steps, or the last step has no room for them.
    """
    begins = [-math.log(s.level.s) for s in short.plan(calibration.denoiser.schedule)]
    *bounds, steps = accumulate(substeps)
    sampler = Bespoke(steps, restarts=tuple(bounds[max(0, len(bounds) - own_goals) :]))
    gaps = zip(pairwise(begins), substeps[:-1], strict=True)
    inner = [np.linspace(*ends, count, endpoint=False) for ends, count in gaps]
    falls = [begins[-1] - (substeps[-1] - 1) * math.log(ratio) for ratio in COURSE_RATIOS]
    lasts = [last for last in dict.fromkeys(falls) if last <= calibration.span[1]]
    if not lasts:
        raise ValueError(
            f"the student's last step begins at so little noise that {substeps[-1]} substeps have "
            "no room: give fewer, or a sampler that ends earlier"
        )
    found = [
        sampler.fitted(
            _grid(np.concatenate([*inner, np.linspace(begins[-1], last, substeps[-1])]).tolist()),
            calibration,
        )
        for last in lasts
    ]
    return min(found, key=calibration.distance)


def _grid(levels: Sequence[float]) -> TunedGrid:
    """Of levels lambda, the first of which is where every sampler begins."""
    return TunedGrid(tuple(round(level, 6) for level in levels[1:]))
