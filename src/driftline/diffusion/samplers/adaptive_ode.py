r"""The probability flow with adaptive steps, every event at its own pace, on the device.

In :math:`\lambda = -\ln s` the flow is :math:`d\hat x/d\lambda = D - \hat x`; in another variable u
it is :math:`d\hat x/du = (D - \hat x)\, d\lambda/du`. Events that arrive leave the batch, so that
the cost of a batch is the sum of its events' own.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from driftline.diffusion.denoisers import expand
from driftline.diffusion.grids import log_snr_range
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.clocks import Clock, LogSNRClock
from driftline.diffusion.samplers.control import Control, require_evaluations, require_reach
from driftline.diffusion.samplers.plan import (
    Draw,
    Level,
    Model,
    Plan,
    State,
    Step,
    clean_estimate,
    levels,
)
from driftline.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Flow:
    """The model as events with positions of their own see it.

    Attributes:
        model: the denoiser, bound to a batch.
        schedule: its schedule.
        clock: what positions mean.
    """

    model: Model
    schedule: Schedule
    clock: Clock

    def estimate(self, x_hat: Tensor, u: Tensor, rows: Tensor) -> Tensor:
        """Clean estimates (M, ...) of the events ``rows`` at u (M,)."""
        return self.model.each(x_hat, self.clock.levels(self.schedule, u), rows)

    def slope(self, x_hat: Tensor, u: Tensor, rows: Tensor) -> Tensor:
        """dx_hat/du (M, ...)."""
        where = self.clock.levels(self.schedule, u)
        rate = expand(self.clock.rate(self.schedule, where), x_hat).to(x_hat)
        return rate * (self.model.each(x_hat, where, rows) - x_hat)


@dataclass(frozen=True)
class Attempt:
    """A trial step: its result, its estimated error, and the head of the next step if known."""

    x_hat: Tensor
    error: Tensor
    head: Tensor | None = None


class Pair(Protocol):
    """Two methods of different order over the same evaluations."""

    @property
    def stages(self) -> int:
        """Evaluations of an attempt, its head included."""
        ...

    def head(self, flow: Flow, x_hat: Tensor, u: Tensor, rows: Tensor) -> Tensor:
        """What an attempt needs at its beginning; kept if it is rejected."""
        ...

    def attempt(
        self, flow: Flow, x_hat: Tensor, u: Tensor, h: Tensor, head: Tensor, rows: Tensor
    ) -> Attempt:
        """Steps of h (M,) from u (M,)."""
        ...


DORMAND_PRINCE = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
"""Stages 2 to 7 of Dormand and Prince (1980); the seventh is evaluated at the result."""

DORMAND_PRINCE_ERROR = (
    71 / 57600,
    0.0,
    -71 / 16695,
    71 / 1920,
    -17253 / 339200,
    22 / 525,
    -1 / 40,
)
"""Weights of order 5 less those of order 4."""


@dataclass(frozen=True)
class DormandPrincePair:
    """Orders 5 and 4; the last evaluation of an accepted step is the first of the next."""

    stages: ClassVar[int] = 7

    def head(self, flow: Flow, x_hat: Tensor, u: Tensor, rows: Tensor) -> Tensor:
        return flow.slope(x_hat, u, rows)

    def attempt(
        self, flow: Flow, x_hat: Tensor, u: Tensor, h: Tensor, head: Tensor, rows: Tensor
    ) -> Attempt:
        step = expand(h, x_hat).to(x_hat)
        slopes = [head]
        for weights in DORMAND_PRINCE:
            moved = x_hat + step * _combine(weights, slopes)
            slopes.append(flow.slope(moved, u + sum(weights) * h, rows))
        return Attempt(moved, step * _combine(DORMAND_PRINCE_ERROR, slopes), slopes[-1])


def _combine(weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    total = weights[0] * slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        if weight:
            total = torch.add(total, slope, alpha=weight)
    return total


@dataclass(frozen=True)
class AdaptiveStep:
    """Takes every event from one level to another with steps of its own.

    Attributes:
        level: where the events stand.
        there: where they go.
        schedule: the model's.
        clock: the variable of the steps.
        pair: the method.
        control: the tolerance.
        first: length of the first attempt, as a fraction of the whole way.
        limit: evaluations allowed to an event.
        label: the sampler's, for messages.
    """

    level: Level
    there: Level
    schedule: Schedule
    clock: Clock
    pair: Pair
    control: Control
    first: float
    limit: int
    label: str

    def __call__(self, state: State, model: Model, draw: Draw) -> State:
        x = state.x_hat
        require_reach(self.control.relative, x.dtype)
        flow = Flow(model, self.schedule, self.clock)
        begin, end = self.clock.read(self.level), self.clock.read(self.there)
        rows = torch.arange(len(x), device=x.device)
        u = torch.full((len(x),), begin, dtype=torch.float64, device=x.device)
        h = torch.full_like(u, self.first * (end - begin))
        head = self.pair.head(flow, x, u, rows)
        result, spent = torch.empty_like(x), torch.ones_like(rows)
        while len(rows):
            spent = spent + self.pair.stages - 1
            t = self.clock.levels(self.schedule, u).t
            require_evaluations(model, spent, self.limit, t, rows, self.label)
            last = h.abs() >= (end - u).abs()
            h = torch.where(last, end - u, h)
            trial = self.pair.attempt(flow, x, u, h, head, rows)
            model.require_finite(trial.x_hat, t, rows, "check the model, or lower the tolerance")
            mask = None if model.mask is None else model.mask[rows]
            s = self.clock.levels(self.schedule, u + h).s
            error = self.control.error(trial.error, x, trial.x_hat, s, mask)
            good = error <= 1
            x = torch.where(expand(good, x), trial.x_hat, x)
            u = torch.where(good, u + h, u)
            h = h * self.control.factor(error)
            done = good & last
            result[rows[done]] = x[done]
            left = ~done
            if trial.head is not None:
                head = torch.where(expand(good, x), trial.head, head)
            elif (moved := good & left).any():
                head = head.clone()
                head[moved] = self.pair.head(flow, x[moved], u[moved], rows[moved])
                spent = spent + moved
            x, u, h, head = x[left], u[left], h[left], head[left]
            rows, spent = rows[left], spent[left]
        return State(result)


def course(schedule: Schedule, noise_end: float) -> list[Level]:
    """From t = 1 to where sigma/alpha is ``noise_end``, or the schedule's least if larger."""
    _, least = log_snr_range(schedule)
    log_snr = torch.tensor(noise_end, dtype=torch.float64).log().neg().clamp(max=least)
    last = schedule.time(log_snr).clamp(min=0.0)
    return levels(schedule, torch.stack([torch.ones_like(last), last]))


@dataclass(frozen=True)
class DormandPrince:
    """Dormand-Prince 5(4) on the probability flow, step sizes of every event for itself.

    Attributes:
        tolerance: relative, and absolute for events of unit scale.
        clock: the variable of the steps, lambda or t.
        noise_end: sigma/alpha at which the integration ends.
        denoise: whether a final clean estimate goes from there to s = 0.
        max_evaluations: of one event, the final one aside.

    Raises:
        ValueError: tolerance not in (0, 1), noise_end <= 0 or max_evaluations < 7.
    """

    tolerance: float = 1e-5
    clock: Clock = field(default_factory=LogSNRClock)
    noise_end: float = 1e-3
    denoise: bool = True
    max_evaluations: int = 10_000

    deterministic: ClassVar[bool] = True
    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(0 < self.tolerance < 1, f"tolerance must be in (0, 1), got {self.tolerance}")
        require(self.noise_end > 0, f"noise_end must be positive, got {self.noise_end}")
        require(
            self.max_evaluations >= 7,
            f"max_evaluations must be at least 7, one step, got {self.max_evaluations}",
        )

    @property
    def label(self) -> str:
        return f"Dopri5({self.tolerance:.0e})".replace("e-0", "e-")

    def plan(self, schedule: Schedule) -> Plan:
        start, end = course(schedule, self.noise_end)
        step = AdaptiveStep(
            level=start,
            there=end,
            schedule=schedule,
            clock=self.clock,
            pair=DormandPrincePair(),
            control=Control(self.tolerance, self.tolerance, order=5),
            first=0.01,
            limit=self.max_evaluations,
            label=self.label,
        )
        return adaptive_plan(step, self.denoise)


def adaptive_plan(step: AdaptiveStep, denoise: bool) -> Plan:
    """The step, and the clean estimate at its end if wanted."""
    steps: tuple[Step, ...] = (step,)
    if not denoise:
        return Plan(step.level, steps, step.there)
    return Plan(step.level, (*steps, clean_estimate(step.there)))
