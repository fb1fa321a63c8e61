"""Path distillation: each step of a short sampler is taught to arrive where a long one passes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, Denoiser, expand
from driftline.diffusion.distillation.distances import Distance, PseudoHuber
from driftline.diffusion.distillation.means import GroupMeans
from driftline.diffusion.distillation.quantiles import QuantileMap
from driftline.diffusion.observables import Observable
from driftline.diffusion.samplers.plan import LinearStep, Model, Plan, State, Step


def require_linear(course: Plan) -> None:
    """Refuse a plan that cannot be followed step by step.

    Raises:
        ValueError: a step is not linear, draws noise or shares its level with another.
    """
    noises = [step.level.s for step in course if isinstance(step, LinearStep) and step.c == 0]
    falling = noises == sorted(set(noises), reverse=True)
    if len(noises) < len(course.steps) or not falling:
        raise ValueError(
            "give deterministic samplers of one evaluation a step, such as dpm, unipc or bespoke"
        )


def stride(course: Plan, steps: int) -> int:
    """How many steps of a teacher's plan one of a student's ``steps`` stands for.

    Raises:
        ValueError: the plan cannot be followed, see ``require_linear``, or its steps cannot be
            divided so.
    """
    require_linear(course)
    each, rest = divmod(len(course.steps), steps)
    if rest or not each:
        raise ValueError(
            f"{steps} steps do not divide the {len(course.steps)} of the teacher's sampler; "
            "give a number that does, or another sampler (paths.sampler)"
        )
    return each


def segments(course: Plan, plan: Plan) -> list[tuple[LinearStep, ...]]:
    """The teacher's steps during each of the student's.

    Raises:
        ValueError: a level of the student's plan is none of the teacher's, or they do not begin at
            the same one.
    """
    steps = [step for step in course if isinstance(step, LinearStep)]
    begins = [
        next((i for i, s in enumerate(steps) if math.isclose(s.level.s, at, rel_tol=1e-4)), None)
        for at in (step.level.s for step in plan)
    ]
    known = [i for i in begins if i is not None]
    if len(known) < len(begins) or known[0] != 0:
        raise ValueError(
            "the student's sampler must evaluate at levels of the teacher's, the first at its "
            "first: give the sampler that it was made by (paths.sampler)"
        )
    return [tuple(steps[i:j]) for i, j in pairwise([*known, len(steps)])]


def advanced(steps: Iterable[Step], state: State, model: Model) -> State:
    """Where deterministic steps take events."""
    for step in steps:
        state = step(state, model, _no_noise)
    return state


@dataclass(frozen=True)
class ObservedEnd:
    r"""How far a student's clean events are from the teacher's in observables h.

    :math:`w\, d(h(x) - h(x^*))`, d pseudo-Huber. The distance of the numbers of an event says that
    each is right by itself; their sum, or a power of them, can be wrong all the same, and for all
    events in one direction. Where d is quadratic, it is least at the mean of h.

    A teacher's own faults need not be learnt: :math:`h(x^*)` may be mapped to where the data have
    it, and the loss is :math:`w\, d(h(x) - T(h(x^*)))`.

    Attributes:
        observable: h; its numbers should have about unit spread (``standardised``).
        weight: w.
        distance: d.
        correction: T, see ``QuantileMap``; none by default.
        means: what :math:`h(x) - T(h(x^*))` is on average costs in addition, times w; nothing by
            default.

    Raises:
        ValueError: the weight is negative.
    """

    observable: Observable
    weight: float = 1.0
    distance: PseudoHuber = field(default_factory=lambda: PseudoHuber(1.0))
    correction: QuantileMap | None = None
    means: GroupMeans | None = None

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError(f"weight must not be negative, got {self.weight}")

    def __call__(
        self, x: Tensor, goal: Tensor, condition: Tensor | None, mask: Tensor | None
    ) -> Tensor:
        """Distances (B,) of events x (B, ...) from those of a goal (B, ...)."""
        # Observables add up many particles or pixels: never in the network's reduced precision.
        with torch.autocast(x.device.type, enabled=False):
            own, wanted = (self.observable(y, condition, mask) for y in (x.to(goal.dtype), goal))
            if self.correction is not None:
                wanted = self.correction(wanted, condition)
            missed = own - wanted
            loss = self.distance(missed, None)
            if self.means is not None:
                loss = loss + self.means(missed, condition)
            return self.weight * loss


@dataclass(frozen=True)
class PathMatching:
    r"""The student's steps against the teacher's path.

    The teacher follows its own sampler, K steps of one evaluation each; the student's has n, and
    its levels are some of the teacher's. With the student's states :math:`\hat x_k`, and the
    teacher's :math:`\hat x^*_k` at the same levels,

    .. math:: L = \sum_{k=1}^n d\left(\hat x_k - \hat x^*_k\right),

    where step k begins at the student's own :math:`\hat x_{k-1}`, through which no gradient goes.
    A state's noise is scaled alike by student and teacher, so that what a step misses has the scale
    of clean events at every level, and all weigh the same.

    The teacher's path begins at the noise, so that each step learns to mend what those before it
    have missed. What it cannot, since :math:`\hat x_{k-1}` does not tell it, it learns a mean or
    median of. The goals of the last m steps are therefore where the teacher goes from
    :math:`\hat x_{k-1}` itself, of which the student can know everything.

    With n = 1 it is the regression of Luhman & Luhman (2101.02388) with noise that is never used
    twice; what is matched on the way is progressive distillation's (2202.00512), in one round.

    Training events give their number, form and conditions only.

    Attributes:
        teacher: the model.
        course: the teacher's plan.
        plan: the student's.
        distance: d; the root mean square by default, for which the few events whose paths
            part from the teacher's count like others.
        end: what else is asked of the student's events, against the teacher's from the same noise;
            nothing by default.
        own_goals: m, of the student's last steps how many have a goal of their own.

    Raises:
        ValueError: a plan has a step that is not linear, draws noise or shares its level with
            another; a level of the student's is none of the teacher's; own_goals is not in [0, n];
            or the teacher is to begin where the student is with steps that use estimates of those
            before.
    """

    teacher: CleanEstimate
    course: Plan
    plan: Plan
    distance: Distance = field(default_factory=PseudoHuber)
    end: ObservedEnd | None = None
    own_goals: int = 0

    def __post_init__(self) -> None:
        require_linear(self.course)
        require_linear(self.plan)
        parts, steps = segments(self.course, self.plan), len(self.plan.steps)
        if not 0 <= self.own_goals <= steps:
            raise ValueError(f"own_goals must be from 0 to {steps}, got {self.own_goals}")
        last = parts[steps - self.own_goals :]
        if any(len(step.b) > k for part in last for k, step in enumerate(part, start=1)):
            raise ValueError(
                "a teacher that begins where the student is knows no estimates of steps before: "
                "let its sampler restart at the student's levels (paths.substeps)"
            )

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Loss of each event (B,), over its real entries.

        Args:
            denoiser: the student.
            x0: not used.
            t: not used: every event takes all steps.
            noise: standard normal (B, ...), where the paths begin.
            condition: (B, C) or None.
            mask: (B, P) or of the shape of x0, or None; true for real entries.
        """
        start = self.plan.start.s * (noise if mask is None else noise * expand(mask, noise))
        model, teacher = (Model(one, condition, mask) for one in (denoiser, self.teacher))
        state, path, shared = State(start), State(start), len(self.plan.steps) - self.own_goals
        parts = segments(self.course, self.plan)
        loss = noise.new_zeros(len(noise))
        for k, (step, part) in enumerate(zip(self.plan, parts, strict=True)):
            with torch.no_grad():
                if k < shared or self.end is not None:
                    path = advanced(part, path, teacher)
                goal = path if k < shared else advanced(part, State(state.x_hat), teacher)
            state = step(state, model, _no_noise)
            loss = loss + self.distance(state.x_hat - goal.x_hat, mask)
            reached = state.x_hat
            state = State(reached.detach(), [known.detach() for known in state.estimates])
        return loss if self.end is None else loss + self.end(reached, path.x_hat, condition, mask)


def _no_noise() -> Tensor:
    raise AssertionError("the plans are deterministic")
