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

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.guidance.base import evaluations_of, of_rows
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.schedules import Schedule

Draw = Callable[[], Tensor]
"""Returns the next standard normal of every event, like the state, zero where padded."""


@dataclass(frozen=True)
class Level:
    """A point of the schedule: the time, the scale of the signal, and s = sigma/alpha."""

    t: float
    alpha: float
    s: float


CLEAN = Level(t=0.0, alpha=1.0, s=0.0)
"""Where a final clean estimate arrives."""


def levels(schedule: Schedule, times: Tensor) -> list[Level]:
    """The points of a schedule at falling times (K,) float64.

    Raises:
        ValueError: the times do not fall strictly, or leave the schedule's range [0, 1].
    """
    t = times.to(torch.float64)
    require(
        bool((t.diff() < 0).all()),
        "the grid's times must fall strictly: let it end at less noise than it starts with",
    )
    # The inverse of the log-SNR may miss t = 1 by its rounding.
    require(
        bool(((t >= 0) & (t <= 1 + 1e-9)).all()),
        f"the grid leaves the schedule's range, t in [0, 1], with t from {float(t.max()):g} to "
        f"{float(t.min()):g}: choose levels that the schedule {schedule} reaches",
    )
    alpha, s = schedule.alpha(t), (-schedule.log_snr(t)).exp()
    rows = zip(t.tolist(), alpha.tolist(), s.tolist(), strict=True)
    return [Level(*row) for row in rows]


@dataclass(frozen=True)
class EventLevels:
    """A level of its own for every event, as adaptive samplers need: t, alpha, s (M,) float64."""

    t: Tensor
    alpha: Tensor
    s: Tensor


def event_levels(schedule: Schedule, t: Tensor) -> EventLevels:
    """The points of a schedule at the events' own times (M,) float64, in any order."""
    return EventLevels(t, schedule.alpha(t), (-schedule.log_snr(t)).exp())


class Model:
    """A denoiser in hat coordinates, bound to one batch; counts its calls.

    A guided model makes several network calls a call, and all are counted.

    Args:
        denoiser: the model; if guided, with numbers of this batch's events.
        condition: (B, C) or None.
        mask: (B, P) or None.
        events: ids (B,) of the batch's events, for messages; None numbers them from 0.
    """

    def __init__(
        self,
        denoiser: CleanEstimate,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
        events: Tensor | None = None,
    ) -> None:
        self.denoiser = denoiser
        self.condition = condition
        self.mask = mask
        self.events = events
        self.calls = 0
        self._whole = 0
        self._partial: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x_hat: Tensor, level: Level) -> Tensor:
        """Clean estimate D(x_hat; s) of the whole batch at one level, like x_hat."""
        taken = int(evaluations_of(self.denoiser, torch.tensor([level.t], dtype=x_hat.dtype)))
        self.calls += taken
        self._whole += taken
        t = torch.full((len(x_hat),), level.t, dtype=x_hat.dtype, device=x_hat.device)
        return self.denoiser(level.alpha * x_hat, t, self.condition, self.mask)

    def each(self, x_hat: Tensor, where: EventLevels, rows: Tensor) -> Tensor:
        """Clean estimates of some of the batch's events, each at a level of its own.

        Only these events are charged evaluations.

        Args:
            x_hat: (M, ...) their states.
            where: their levels (M,).
            rows: (M,) int64, which rows of the batch they are.
        """
        t = where.t.to(x_hat)
        taken = evaluations_of(self.denoiser, t)
        self.calls += int(taken.max())
        self._partial.append((rows, taken))
        condition = None if self.condition is None else self.condition[rows]
        mask = None if self.mask is None else self.mask[rows]
        alpha = expand(where.alpha.to(x_hat), x_hat)
        return of_rows(self.denoiser, rows)(alpha * x_hat, t, condition, mask)

    def evaluations(self, count: int) -> tuple[int, int]:
        """Sum and maximum over the batch's ``count`` events of their evaluations."""
        if not self._partial:
            return self._whole * count, self._whole
        rows, taken = (torch.cat(parts) for parts in zip(*self._partial, strict=True))
        own = torch.zeros(count, dtype=torch.int64, device=rows.device)
        own.index_add_(0, rows, taken)
        return self._whole * count + int(own.sum()), self._whole + int(own.max())

    def event(self, row: int) -> int:
        """The id of the event in a row of the batch."""
        return row if self.events is None else int(self.events[row])

    def require_finite(
        self, x: Tensor, t: float | Tensor, rows: Tensor | None = None, remedy: str = ""
    ) -> None:
        """Raise FloatingPointError naming the first event that is not finite, and its time.

        Args:
            x: (M, ...) states.
            t: their time, or times (M,).
            rows: (M,) which rows of the batch they are; None if they are the whole batch.
            remedy: how the message ends.
        """
        bad = ~torch.isfinite(x.flatten(1)).all(1)
        if not bad.any():
            return
        first = int(bad.nonzero()[0])
        event = self.event(first if rows is None else int(rows[first]))
        time = float(t[first]) if isinstance(t, Tensor) else t
        raise FloatingPointError(
            f"{int(bad.sum())} events are not finite (first: event {event}, at t = {time:.4g})"
            + (f"; {remedy}" if remedy else "")
        )


@dataclass
class State:
    """Where a batch of events is: x_hat (B, ...) and the latest clean estimates, newest first."""

    x_hat: Tensor
    estimates: list[Tensor] = field(default_factory=list)


class Step(Protocol):
    """Advances a batch of events."""

    @property
    def level(self) -> Level:
        """Where the events stand when the step begins."""
        ...

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
        end: where the last step arrives.
    """

    start: Level
    steps: tuple[Step, ...]
    end: Level = CLEAN

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)


class Sampler(Protocol):
    """A named recipe for plans."""

    @property
    def label(self) -> str:
        """What a figure's legend shows."""
        ...

    @property
    def deterministic(self) -> bool:
        """Whether an event is a function of its start alone (likelihoods, endpoint errors)."""
        ...

    @property
    def eventwise(self) -> bool:
        """Whether an event is independent of the others in its batch, and of padding."""
        ...

    def plan(self, schedule: Schedule) -> Plan:
        """The steps for one schedule."""
        ...
