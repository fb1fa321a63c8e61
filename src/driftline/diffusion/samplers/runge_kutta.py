r"""Explicit Runge-Kutta methods of fixed steps for :math:`d\hat x/ds = (\hat x - D)/s`.

Without D the solution is proportional to s, which every such method solves exactly. So a stage is
:math:`X_i = (s_i/s_0) \hat x + \sum_j B_{ij} D_j`, and going from one stage to the next is a row of
the table, :math:`X_{i+1} = (s_{i+1}/s_i) X_i + \sum_j b_j D_j`: no stage but the current is kept.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch

from driftline.diffusion.grids import Grid, Karras, UniformLogSNR
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.plan import Level, LinearStep, Plan, clean_estimate, levels
from driftline.diffusion.schedules import Schedule


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta method.

    Attributes:
        a: rows of the stages after the first, and last the weights of the result.
    """

    a: tuple[tuple[float, ...], ...]

    @property
    def c(self) -> tuple[float, ...]:
        """Where the stages and the result lie in the step."""
        return (0.0, *map(sum, self.a))


EULER = Tableau(((1.0,),))
HEUN = Tableau(((1.0,), (1 / 2, 1 / 2)))
MIDPOINT = Tableau(((1 / 2,), (0.0, 1.0)))
RUNGE_KUTTA_4 = Tableau(((1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6)))


def stage_level(schedule: Schedule, here: Level, there: Level, c: float) -> Level:
    """The level at the fraction c of a step in s."""
    if c in (0.0, 1.0):
        return here if c == 0 else there
    s = here.s + c * (there.s - here.s)
    t = schedule.time(-torch.tensor(s, dtype=torch.float64).log())
    return Level(float(t), float(schedule.alpha(t)), s)


def rows(tableau: Tableau, schedule: Schedule, here: Level, there: Level) -> list[LinearStep]:
    """One step of the method: a row of the table for every stage."""
    stages = [stage_level(schedule, here, there, c) for c in tableau.c]
    n = len(tableau.a)
    B = np.zeros((n + 1, n))
    for i, weights in enumerate(tableau.a, start=1):
        for j, weight in enumerate(weights):
            slope = (B[j] - np.eye(n)[j]) / stages[j].s
            B[i] += (there.s - here.s) * weight * slope
    steps = []
    for i, (at, to) in enumerate(pairwise(stages)):
        a = to.s / at.s
        b = (B[i + 1] - a * B[i])[: i + 1][::-1]
        steps.append(LinearStep(at, a=a, b=tuple(b.tolist())))
    return steps


@dataclass(frozen=True)
class FixedRungeKutta:
    """A Runge-Kutta method on a grid; the last step, to s = 0, is Euler's: the clean estimate.

    Attributes:
        steps: points of the grid; evaluations = stages x (steps - 1) + 1.
        grid: where they lie.

    Raises:
        ValueError: steps < 1.
    """

    steps: int = 30
    grid: Grid = field(default_factory=UniformLogSNR)

    tableau: ClassVar[Tableau]
    name: ClassVar[str]
    deterministic: ClassVar[bool] = True
    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be at least 1, got {self.steps}")

    @property
    def label(self) -> str:
        return f"{self.name}, {self.steps} steps"

    def plan(self, schedule: Schedule) -> Plan:
        points = levels(schedule, self.grid.times(self.steps, schedule))
        moves = [
            row
            for here, there in pairwise(points)
            for row in rows(self.tableau, schedule, here, there)
        ]
        return Plan(points[0], (*moves, clean_estimate(points[-1])))


class Euler(FixedRungeKutta):
    """Euler's method in s, which is DDIM: one evaluation a step."""

    tableau = EULER
    name = "Euler"


@dataclass(frozen=True)
class Heun(FixedRungeKutta):
    """Heun's method: EDM's deterministic sampler (2206.00364, algorithm 1), 2N - 1 evaluations."""

    steps: int = 18
    grid: Grid = field(default_factory=Karras)

    tableau: ClassVar[Tableau] = HEUN
    name: ClassVar[str] = "Heun"


class Midpoint(FixedRungeKutta):
    """The midpoint method, 2N - 1 evaluations."""

    tableau = MIDPOINT
    name = "midpoint"


class RK4(FixedRungeKutta):
    """The classical method of order 4, 4N - 3 evaluations."""

    tableau = RUNGE_KUTTA_4
    name = "RK4"
