r"""The reverse SDE with adaptive steps (Jolicoeur-Martineau et al., 2105.14080, algorithm 1).

Every event has a time and a step of its own. Euler-Maruyama gives :math:`x'`, the stochastic
improved Euler method with the same increment of the Brownian path gives :math:`x''`, their
difference is the error, and :math:`x''` is kept.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from driftline.diffusion.denoisers import expand, score_of
from driftline.diffusion.objectives import masked_mean
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.control import require_evaluations, require_reach
from driftline.diffusion.samplers.plan import (
    Draw,
    Level,
    Model,
    Plan,
    State,
    clean_estimate,
    event_levels,
    levels,
)
from driftline.diffusion.schedules import Schedule

FIRST_STEP = 0.01
"""The first step in t; the paper's."""

SAFETY, EXPONENT = 0.9, 0.9
"""theta and r of the paper: the next step is theta h E^-r."""

LABEL = "adaptive SDE"

_ARRIVED = 1e-12
"""Times this close to the end are the end."""


class KnownPath:
    """What is already known of the Brownian path ahead of every event: a stack of segments.

    A rejected step has revealed the path's increment over it. Drawing a fresh one for the shorter
    step would favour small increments; instead the segment is split by a Brownian bridge and its
    rest waits for the next step. Steps never pass the end of a known segment.
    """

    def __init__(self, like: Tensor) -> None:
        self.gaps = torch.zeros(1, len(like), dtype=torch.float64, device=like.device)
        self.increments = torch.zeros_like(like)[None]
        self.depth = torch.zeros(len(like), dtype=torch.int64, device=like.device)

    def propose(self, rows: Tensor, h: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """The next step of some events, and the path's increment over it.

        Args:
            rows: (M,) which events.
            h: (M,) float64 the steps they ask for; cut to their next known segment.
            z: (M, ...) fresh standard normals.

        Returns:
            Steps (M,) and increments (M, ...).
        """
        top = self.depth[rows] - 1
        known, index = top >= 0, top.clamp(min=0)
        gap, increment = self.gaps[index, rows], self.increments[index, rows]
        h = torch.where(known, torch.minimum(h, gap), h)
        rest = torch.where(known, gap - h, 0.0)
        share = torch.where(known, h / gap, 0.0)
        deviation = torch.where(known, (share * rest).sqrt(), h.sqrt())
        new = expand(share.to(z), z) * increment + expand(deviation.to(z), z) * z
        self.gaps[index, rows], self.increments[index, rows] = rest, increment - new
        place = torch.where(known & (rest == 0), top, top + 1)
        self._grow(int(place.max()) + 1)
        self.gaps[place, rows], self.increments[place, rows] = h, new
        self.depth[rows] = place + 1
        return h, new

    def advance(self, rows: Tensor) -> None:
        """These events took the step that they proposed last."""
        self.depth[rows] -= 1

    def _grow(self, size: int) -> None:
        missing = size - len(self.gaps)
        if missing > 0:
            self.gaps = torch.cat([self.gaps, self.gaps.new_zeros(missing, *self.gaps.shape[1:])])
            more = self.increments.new_zeros(missing, *self.increments.shape[1:])
            self.increments = torch.cat([self.increments, more])


@dataclass(frozen=True)
class AdaptiveSDEStep:
    """Takes every event from ``level`` to ``there`` in its own steps; see ``AdaptiveSDE``."""

    schedule: Schedule
    level: Level
    there: Level
    absolute: float
    relative: float
    max_evaluations: int

    def __call__(self, state: State, model: Model, draw: Draw) -> State:
        require_reach(min(self.absolute, self.relative), state.x_hat.dtype)
        x = self.level.alpha * state.x_hat
        count, end = len(x), self.there.t
        t = torch.full((count,), self.level.t, dtype=torch.float64, device=x.device)
        h = torch.full_like(t, FIRST_STEP)
        used = torch.zeros_like(t, dtype=torch.int64)
        moved = torch.ones_like(t, dtype=torch.bool)
        drift, previous, path = torch.zeros_like(x), x.clone(), KnownPath(x)
        while len(rows := (t > end).nonzero().squeeze(1)):
            # An attempt takes one or two, the clean estimate one more.
            spent = used[rows] + 2 + moved[rows]
            require_evaluations(model, spent, self.max_evaluations, t[rows], rows, LABEL)
            # A rejected step keeps its first evaluation: state and time are what they were.
            new = rows[moved[rows]]
            if len(new):
                drift[new] = self._drift(model, x[new], t[new], new)
            used[new] += 1
            here = t[rows]
            step, dw = path.propose(rows, torch.minimum(h[rows], here - end), draw()[rows])
            there = torch.where(here - step <= end + _ARRIVED, end, here - step)
            euler = self._move(x[rows], drift[rows], here, step, dw)
            slope = self._drift(model, euler, there, rows)
            used[rows] += 1
            improved = (euler + self._move(x[rows], slope, there, step, dw)) / 2
            model.require_finite(improved, here, rows, "lower the tolerance")
            mask = None if model.mask is None else model.mask[rows]
            error = self._error(euler, improved, previous[rows], mask)
            good = error <= 1
            taken = rows[good]
            path.advance(taken)
            x[taken], previous[taken], t[taken] = improved[good], euler[good], there[good]
            moved[rows] = good
            h[rows] = SAFETY * step * error.clamp(min=1e-6) ** -EXPONENT
        return State(x / self.there.alpha)

    def _drift(self, model: Model, x: Tensor, t: Tensor, rows: Tensor) -> Tensor:
        """Drift of the reverse SDE per unit of falling time, g^2 score - f x."""
        where = event_levels(self.schedule, t)
        alpha = expand(where.alpha.to(x), x)
        sigma = expand((where.s * where.alpha).to(x), x)
        score = score_of(model.each(x / alpha, where, rows), x, alpha, sigma)
        f = expand(self.schedule.drift(t).to(x), x)
        g = expand(self.schedule.diffusion(t).to(x), x)
        return g**2 * score - f * x

    def _move(self, x: Tensor, drift: Tensor, t: Tensor, h: Tensor, dw: Tensor) -> Tensor:
        return x + expand(h.to(x), x) * drift + expand(self.schedule.diffusion(t).to(x), x) * dw

    def _error(
        self, euler: Tensor, improved: Tensor, previous: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Root mean square over real entries of the difference in units of the tolerance, (M,)."""
        scale = self.relative * torch.maximum(euler.abs(), previous.abs())
        ratio = (euler - improved) / scale.clamp(min=self.absolute)
        return masked_mean(ratio.square(), mask).sqrt().double()


@dataclass(frozen=True)
class AdaptiveSDE:
    """Stochastic improved Euler with error control for every event, then a clean estimate.

    An attempt takes two evaluations, a repeated one after a rejection one.

    Attributes:
        absolute: tolerated error of an entry, in units of the data's scale.
        relative: the same relative to the entry.
        t_min: the last time.
        max_evaluations: most evaluations that an event may take.

    Raises:
        ValueError: a tolerance is not in (0, 1), t_min not in (0, 1), or max_evaluations < 3.
    """

    absolute: float = 0.01
    relative: float = 0.01
    t_min: float = 1e-3
    max_evaluations: int = 10_000

    deterministic: ClassVar[bool] = False
    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, value in (("absolute", self.absolute), ("relative", self.relative)):
            require(0 < value < 1, f"{name} tolerance must be in (0, 1), got {value}")
        require(0 < self.t_min < 1, f"t_min must be in (0, 1), got {self.t_min}")
        require(
            self.max_evaluations >= 3,
            f"max_evaluations must be at least 3, got {self.max_evaluations}",
        )

    @property
    def label(self) -> str:
        return f"{LABEL} ({self.absolute:g}, {self.relative:g})"

    def plan(self, schedule: Schedule) -> Plan:
        start, end = levels(schedule, torch.tensor([1.0, self.t_min], dtype=torch.float64))
        step = AdaptiveSDEStep(
            schedule, start, end, self.absolute, self.relative, self.max_evaluations
        )
        return Plan(start, (step, clean_estimate(end)))
