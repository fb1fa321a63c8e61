r"""DPM-Solver++, multistep (Lu et al., 2211.01095, algorithm 2)."""

import math
from dataclasses import dataclass, field

from driftline.diffusion.grids import Grid, UniformLogSNR
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.plan import Level, LinearStep, Plan, clean_estimate, levels
from driftline.diffusion.schedules import Schedule


def first_order(here: Level, there: Level) -> LinearStep:
    """Exact for a constant estimate; with no noise this is DDIM (2010.02502)."""
    r = there.s / here.s
    return LinearStep(here, a=r, b=(1 - r,))


def second_order(before: Level, here: Level, there: Level) -> LinearStep:
    r"""Extrapolates the estimate linearly in :math:`\lambda = -\ln s` to the middle of the step."""
    r = there.s / here.s
    rho = math.log(before.s / here.s) / math.log(here.s / there.s)
    weight = 1 / (2 * rho)
    return LinearStep(here, a=r, b=((1 - r) * (1 + weight), -(1 - r) * weight))


@dataclass(frozen=True)
class DPMSolver:
    """DPM-Solver++ of order 1 (DDIM) or 2 (2M) for the probability flow: one evaluation a step.

    Attributes:
        steps: evaluations, the final clean estimate among them.
        order: 1 or 2.
        grid: where they lie.

    Raises:
        ValueError: steps < 1 or another order.
    """

    steps: int = 30
    order: int = 2
    grid: Grid = field(default_factory=UniformLogSNR)

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be at least 1, got {self.steps}")
        require(self.order in (1, 2), f"order must be 1 or 2, got {self.order}")

    @property
    def label(self) -> str:
        return f"DPM-Solver++({self.order}M), {self.steps}"

    def plan(self, schedule: Schedule) -> Plan:
        points = levels(schedule, self.grid.times(self.steps, schedule))
        moves = [first_order(*points[k : k + 2]) for k in range(len(points) - 1)]
        if self.order == 2:
            moves[1:] = [second_order(*points[k : k + 3]) for k in range(len(points) - 2)]
        return Plan(points[0], (*moves, clean_estimate(points[-1])))
