"""Restart sampling (Xu et al., 2306.14878): jump back to more noise, and fall again."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

from driftline.diffusion.grids import Grid, Karras
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.edm import raise_noise
from driftline.diffusion.samplers.langevin import level_at
from driftline.diffusion.samplers.plan import Level, LinearStep, Plan, clean_estimate, levels
from driftline.diffusion.samplers.runge_kutta import HEUN, rows
from driftline.diffusion.schedules import Schedule


def karras_levels(schedule: Schedule, high: Level, low: Level, steps: int) -> list[Level]:
    """``steps`` + 1 levels from high to low, equally spaced in s^(1/7) (2206.00364, eq. 5)."""
    ends = high.s ** (1 / 7), low.s ** (1 / 7)
    inner = [(ends[0] + (ends[1] - ends[0]) * k / steps) ** 7 for k in range(1, steps)]
    return [high, *(level_at(schedule, s) for s in inner), low]


@dataclass(frozen=True)
class Restart:
    """Heun's method for the probability flow with restarts in one interval of noise.

    On reaching the low end, forward noise takes the events back to the high end, from where Heun's
    method falls again; each restart contracts the error gathered above. Evaluations =
    2 x steps - 1 + 2 x inner x restarts, with one restart interval as for CIFAR-10 in the paper.

    Attributes:
        steps: levels of the main grid.
        restarts: how often the interval is run again (K).
        inner: Heun steps of one restart.
        low: the interval's lower sigma/alpha; the grid's nearest level takes its place.
        high: its upper sigma/alpha.
        grid: where the main levels lie.

    Raises:
        ValueError: steps < 2, restarts < 0, inner < 1, or not 0 < low < high; when planned, an
            interval that the schedule or the grid does not contain.
    """

    steps: int = 18
    restarts: int = 2
    inner: int = 3
    low: float = 0.06
    high: float = 0.3
    grid: Grid = field(default_factory=Karras)

    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.steps >= 2, f"steps must be at least 2, got {self.steps}")
        require(self.restarts >= 0, f"restarts must not be negative, got {self.restarts}")
        require(self.inner >= 1, f"inner must be at least 1, got {self.inner}")
        require(
            0 < self.low < self.high,
            f"low and high must be 0 < low < high, got {self.low} and {self.high}",
        )

    @property
    def deterministic(self) -> bool:
        return self.restarts == 0

    @property
    def label(self) -> str:
        return f"Restart ({self.restarts} x {self.inner}), {self.steps} steps"

    def plan(self, schedule: Schedule) -> Plan:
        points = levels(schedule, self.grid.times(self.steps, schedule))
        low = min(points[1:], key=lambda p: abs(math.log(p.s / self.low)))
        high = level_at(schedule, self.high)
        require(
            low.s < high.s,
            f"no level of the grid lies below high = {self.high:g}: take more steps or raise high",
        )
        inner = karras_levels(schedule, high, low, self.inner)
        steps: list[LinearStep] = []
        for here, there in pairwise(points):
            steps += rows(HEUN, schedule, here, there)
            if there is low:
                for _ in range(self.restarts):
                    steps[-1] = raise_noise(steps[-1], low, high)
                    for pair in pairwise(inner):
                        steps += rows(HEUN, schedule, *pair)
        return Plan(points[0], (*steps, clean_estimate(points[-1])))
