r"""Path distillation: each step of a short sampler is taught to arrive where a long one passes."""

import math
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, Denoiser, expand
from driftline.diffusion.distillation.distances import Distance, PseudoHuber
from driftline.diffusion.observables import Observable
from driftline.diffusion.samplers.plan import CLEAN, LinearStep, Model, Plan, State


def stride(course: Plan, steps: int) -> int:
    """How many steps of a teacher's plan one of a student's ``steps`` stands for.

    Raises:
        ValueError: a step of the plan is not linear, draws noise or shares its level with another;
            or the plan's steps cannot be divided so.
    """
    noises = [step.level.s for step in course if isinstance(step, LinearStep) and step.c == 0]
    falling = noises == sorted(set(noises), reverse=True)
    if len(noises) < len(course.steps) or not falling:
        raise ValueError(
            "give deterministic samplers of one evaluation a step, such as dpm, unipc or bespoke"
        )
    each, rest = divmod(len(course.steps), steps)
    if rest or not each:
        raise ValueError(
            f"{steps} steps do not divide the {len(course.steps)} of the teacher's sampler; "
            "give a number that does, or another sampler (paths.sampler)"
        )
    return each


def followed(
    plan: Plan,
    denoiser: CleanEstimate,
    start: Tensor,
    condition: Tensor | None,
    mask: Tensor | None,
) -> list[Tensor]:
    """Where a deterministic plan has taken events (B, ...) from a start, after each step."""
    model, state, states = Model(denoiser, condition, mask), State(start), []
    for step in plan:
        state = step(state, model, _no_noise)
        states.append(state.x_hat)
    return states


@dataclass(frozen=True)
class ObservedEnd:
    r"""How far a student's clean events are from the teacher's in observables h.

    :math:`w\, d(h(x) - h(x^*))`, d pseudo-Huber. The distance of the numbers of an event says that
    each is right by itself; their sum, or a power of them, can be wrong all the same, and for all
    events in one direction. Where d is quadratic, it is least at the mean of h.

    Attributes:
        observable: h; its numbers should have about unit spread (``standardised``).
        weight: w.
        distance: d.

    Raises:
        ValueError: the weight is negative.
    """

    observable: Observable
    weight: float = 1.0
    distance: PseudoHuber = field(default_factory=lambda: PseudoHuber(1.0))

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
            return self.weight * self.distance(own - wanted, None)


@dataclass(frozen=True)
class PathMatching:
    r"""The student's steps against the teacher's path from the same noise.

    The teacher follows its own sampler, K steps of one evaluation each; the student's has n, and
    its levels are every (K/n)-th of the teacher's. With the student's states
    :math:`\hat x_k`, and the teacher's :math:`\hat x^*_k` at the same levels,

    .. math:: L = \sum_{k=1}^n d\left(\frac{\hat x_k - \hat x^*_k}{\sqrt{1 + s_k^2}}\right),

    where step k begins at the student's own :math:`\hat x_{k-1}`, through which no gradient goes:
    it learns to mend what the steps before it have missed, and each step has a target of its own.
    With n = 1 it is the regression of Luhman & Luhman (2101.02388) with noise that is never used
    twice; what is matched on the way is progressive distillation's (2202.00512), in one round.

    Training events give their number, form and conditions only.

    Attributes:
        teacher: the model.
        course: the teacher's plan.
        plan: the student's.
        distance: d; the root mean square by default, for which the few events whose paths
            part from the teacher's count like others.
        end: what else is asked of the student's events, against the teacher's; nothing by default.

    Raises:
        ValueError: a plan has a step that is not linear, draws noise or shares its level with
            another; the numbers of steps do not divide; or the student's levels are not every
            (K/n)-th of the teacher's.
    """

    teacher: CleanEstimate
    course: Plan
    plan: Plan
    distance: Distance = field(default_factory=PseudoHuber)
    end: ObservedEnd | None = None

    def __post_init__(self) -> None:
        each = stride(self.course, len(self.plan.steps))
        stride(self.plan, len(self.plan.steps))
        passed = [step.level.s for step in self.course][::each]
        own = [step.level.s for step in self.plan]
        if not all(map(partial(math.isclose, rel_tol=1e-4), passed, own)):
            raise ValueError(
                f"the student's sampler must evaluate at every {each}-th level of the teacher's: "
                "give the sampler that it was made by (paths.sampler)"
            )

    def passed(self, start: Tensor, condition: Tensor | None, mask: Tensor | None) -> list[Tensor]:
        """Where the teacher's path from a start (B, ...) is after each step of the student's."""
        each = stride(self.course, len(self.plan.steps))
        return followed(self.course, self.teacher, start, condition, mask)[each - 1 :: each]

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
        with torch.no_grad():
            goals = self.passed(start, condition, mask)
        model, state = Model(denoiser, condition, mask), State(start)
        ends = [step.level for step in self.plan][1:] + [CLEAN]
        loss = noise.new_zeros(len(noise))
        for step, goal, there in zip(self.plan, goals, ends, strict=True):
            state = step(state, model, _no_noise)
            missed = (state.x_hat - goal) * (1 + there.s**2) ** -0.5
            loss = loss + self.distance(missed, mask)
            reached = state.x_hat
            state = State(reached.detach(), [known.detach() for known in state.estimates])
        return loss if self.end is None else loss + self.end(reached, goals[-1], condition, mask)


def _no_noise() -> Tensor:
    raise AssertionError("the plans are deterministic")
