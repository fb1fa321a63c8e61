r"""The protocol between solvers and the one loop that runs them.

In the coordinates :math:`\hat x = x/\alpha`, :math:`s = \sigma/\alpha` every schedule is the same
problem (Karras et al., 2206.00364). A solver turns a grid and a schedule into a plan, a sequence of
steps whose coefficients are computed in float64 before any network is called. A step knows neither
network nor device; the loop knows no solver.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.schedules import Schedule

Draw = Callable[[], Tensor]
"""Returns the next standard normal of every event, like the state, zero where padded."""


@dataclass(frozen=True)
class Level:
    """A point of the schedule: the time, the scale of the signal, and s = sigma/alpha."""

    t: float
    alpha: float
    s: float


def levels(schedule: Schedule, times: Tensor) -> list[Level]:
    """The points of a schedule at the given times (K,) float64."""
    t = times.to(torch.float64)
    alpha, s = schedule.alpha(t), (-schedule.log_snr(t)).exp()
    rows = zip(t.tolist(), alpha.tolist(), s.tolist(), strict=True)
    return [Level(*row) for row in rows]


class Model:
    """A denoiser in hat coordinates, bound to one batch's condition and mask; counts its calls."""

    def __init__(
        self, denoiser: CleanEstimate, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> None:
        self.denoiser = denoiser
        self.condition = condition
        self.mask = mask
        self.calls = 0

    def __call__(self, x_hat: Tensor, level: Level) -> Tensor:
        """Clean estimate D(x_hat; s), like x_hat."""
        self.calls += 1
        t = torch.full((len(x_hat),), level.t, dtype=x_hat.dtype, device=x_hat.device)
        return self.denoiser(level.alpha * x_hat, t, self.condition, self.mask)


@dataclass
class State:
    """Where a batch of events is: x_hat (B, ...) and the latest clean estimates, newest first."""

    x_hat: Tensor
    estimates: list[Tensor] = field(default_factory=list)


class Step(Protocol):
    """Advances a batch of events."""

    def __call__(self, state: State, model: Model, draw: Draw) -> State: ...


@dataclass(frozen=True)
class LinearStep:
    r"""A row of the table :math:`\hat x' = a \hat x + \sum_j b_j D_{k-j} + c z`.

    Attributes:
        level: where the denoiser is evaluated.
        a: weight of the state.
        b: weights of the estimates, newest first.
        c: standard deviation of the fresh noise.
    """

    level: Level
    a: float
    b: tuple[float, ...]
    c: float = 0.0

    def __call__(self, state: State, model: Model, draw: Draw) -> State:
        estimates = [model(state.x_hat, self.level), *state.estimates[: len(self.b) - 1]]
        x_hat = self.a * state.x_hat
        for weight, estimate in zip(self.b, estimates, strict=True):
            x_hat = torch.add(x_hat, estimate, alpha=weight)
        if self.c > 0:
            x_hat = torch.add(x_hat, draw(), alpha=self.c)
        return State(x_hat, estimates)


def clean_estimate(level: Level) -> LinearStep:
    """The last step of every sampler: to s = 0, never ending on noise."""
    return LinearStep(level, a=0.0, b=(1.0,))


@dataclass(frozen=True)
class Plan:
    """A sampler's whole course over one schedule.

    Attributes:
        start: the first level; events start as N(0, s^2).
        steps: what the loop runs, in order.
    """

    start: Level
    steps: tuple[Step, ...]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)


class Sampler(Protocol):
    """A named recipe for plans."""

    @property
    def label(self) -> str:
        """What a figure's legend shows."""
        ...

    def plan(self, schedule: Schedule) -> Plan:
        """The steps for one schedule."""
        ...
