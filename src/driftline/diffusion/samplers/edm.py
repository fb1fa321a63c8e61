"""Heun's method with churn (Karras et al., 2206.00364, algorithm 2).

Heun's steps are rows of the table (``runge_kutta``), and churn is the noise of the row before.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from driftline.diffusion.grids import Grid, Karras
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.langevin import level_at
from driftline.diffusion.samplers.plan import Level, LinearStep, Plan, clean_estimate, levels
from driftline.diffusion.samplers.runge_kutta import HEUN, rows
from driftline.diffusion.schedules import Schedule


def raise_noise(step: LinearStep, here: Level, there: Level, inflation: float = 1.0) -> LinearStep:
    """The row ``step``, which ends at ``here``, with the noise added that lifts it to ``there``."""
    return replace(step, c=inflation * math.sqrt(max(there.s**2 - here.s**2, 0.0)))


@dataclass(frozen=True)
class EDM:
    """EDM's stochastic sampler: fresh noise lifts each level, then Heun's method falls to the next.

    Evaluations = 2 x steps - 1: the last step, to s = 0, is the clean estimate. The first level is
    not lifted: it is the schedule's highest. Without churn this is EDM's deterministic sampler.

    Attributes:
        steps: levels of the grid.
        churn: S_churn; a level is lifted by the factor 1 + min(churn/steps, sqrt(2) - 1).
        low: S_min, the lowest sigma/alpha that is lifted.
        high: S_max, the highest.
        inflation: S_noise, the factor on the standard deviation of the fresh noise.
        grid: where the levels lie.

    Raises:
        ValueError: steps < 1, churn < 0, inflation <= 0, or not 0 <= low <= high.
    """

    steps: int = 40
    churn: float = 10.0
    low: float = 0.05
    high: float = 50.0
    inflation: float = 1.0
    grid: Grid = field(default_factory=Karras)

    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be at least 1, got {self.steps}")
        require(self.churn >= 0, f"churn must not be negative, got {self.churn}")
        require(self.inflation > 0, f"inflation must be positive, got {self.inflation}")
        require(
            0 <= self.low <= self.high,
            f"low and high must be 0 <= low <= high, got {self.low} and {self.high}",
        )

    @property
    def deterministic(self) -> bool:
        return self.churn == 0

    @property
    def label(self) -> str:
        return f"EDM (churn {self.churn:g}), {self.steps} steps"

    def plan(self, schedule: Schedule) -> Plan:
        points = levels(schedule, self.grid.times(self.steps, schedule))
        lifted = self._lift(schedule, points)
        steps: list[LinearStep] = []
        for k in range(len(points) - 1):
            steps += rows(HEUN, schedule, lifted[k], points[k + 1])
            steps[-1] = raise_noise(steps[-1], points[k + 1], lifted[k + 1], self.inflation)
        return Plan(points[0], (*steps, clean_estimate(lifted[-1])))

    def _lift(self, schedule: Schedule, points: Sequence[Level]) -> list[Level]:
        """The levels after churn."""
        factor = 1 + min(self.churn / self.steps, math.sqrt(2) - 1)
        highest = points[0].s
        return [
            level_at(schedule, min(factor * p.s, highest))
            if factor > 1 and self.low <= p.s <= self.high and p.s < highest
            else p
            for p in points
        ]
