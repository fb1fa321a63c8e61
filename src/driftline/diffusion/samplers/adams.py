r"""Adams-Bashforth methods on the noise estimate: DEIS and iPNDM.

In hat coordinates the probability flow is :math:`d\hat x/ds = \varepsilon` with
:math:`\varepsilon = (\hat x - D)/s`; a polynomial through the past estimates of the noise is
integrated over s (Zhang and Chen, 2204.13902; Liu et al., 2202.09778).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch

from driftline.diffusion.grids import Grid, UniformLogSNR
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.on_grid import OnGrid
from driftline.diffusion.samplers.plan import (
    Draw,
    Level,
    Model,
    State,
)
from driftline.diffusion.samplers.polynomials import log_steps, polynomial_weights
from driftline.diffusion.schedules import Schedule


@dataclass(frozen=True)
class NoiseStep:
    r"""A row :math:`\hat x' = \hat x + \sum_j w_j \varepsilon_{k-j}`; keeps noise estimates.

    Attributes:
        level: where the denoiser is evaluated.
        weights: of the noise estimates, newest first.
    """

    level: Level
    weights: tuple[float, ...]

    def __call__(self, state: State, model: Model, draw: Draw) -> State:
        noise = (state.x_hat - model(state.x_hat, self.level)) / self.level.s
        estimates = [noise, *state.estimates[: len(self.weights) - 1]]
        x_hat = state.x_hat
        for weight, estimate in zip(self.weights, estimates, strict=True):
            x_hat = torch.add(x_hat, estimate, alpha=weight)
        return State(x_hat, estimates)


def deis_step(past: Sequence[Level], there: Level) -> NoiseStep:
    r"""Interpolates the noise in :math:`\lambda = -\ln s`; past[0] is where the events stand."""
    here = past[0]
    (h,) = log_steps([here], there)
    weights = polynomial_weights(log_steps(past, here), -h, lambda u: -here.s * np.exp(-u))
    return NoiseStep(here, weights)


@dataclass(frozen=True)
class DEIS(OnGrid):
    """DEIS: Adams-Bashforth in lambda = -ln s for the grid as it is; one evaluation a step.

    2204.13902 (section 3.3) interpolates in t; lambda is the variable in which the estimates of all
    schedules are equally smooth. Order 1 is DDIM.

    Attributes:
        steps: evaluations, the final clean estimate among them.
        order: 1 to 4; the first steps are of lower order.
        grid: where they lie.

    Raises:
        ValueError: steps < 1 or another order.
    """

    steps: int = 30
    order: int = 3
    grid: Grid = field(default_factory=UniformLogSNR)

    deterministic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.order in (1, 2, 3, 4), f"order must be 1 to 4, got {self.order}")

    @property
    def label(self) -> str:
        return f"DEIS-{self.order}, {self.steps}"

    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[NoiseStep]:
        return (
            deis_step(points[max(k - self.order, 0) : k][::-1], points[k])
            for k in range(1, len(points))
        )


ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
"""Coefficients of the Adams-Bashforth methods of order 1 to 4 for equal steps."""


@dataclass(frozen=True)
class IPNDM(OnGrid):
    """iPNDM: the coefficients of equal steps on any grid; one evaluation a step.

    2202.09778 with the start-up of lower orders of 2204.13902 (appendix H). The order of
    convergence is the full one only for equal steps in s (``Karras(rho=1)``), on other grids at
    most 2; with few steps it is stable and often better than DEIS.

    Attributes:
        steps: evaluations, the final clean estimate among them.
        order: 1 to 4; the first steps are of lower order.
        grid: where they lie.

    Raises:
        ValueError: steps < 1 or another order.
    """

    steps: int = 20
    order: int = 4
    grid: Grid = field(default_factory=UniformLogSNR)

    deterministic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.order in (1, 2, 3, 4), f"order must be 1 to 4, got {self.order}")

    @property
    def label(self) -> str:
        return f"iPNDM-{self.order}, {self.steps}"

    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[NoiseStep]:
        return (
            NoiseStep(
                here,
                tuple((there.s - here.s) * c for c in ADAMS_BASHFORTH[min(k, self.order - 1)]),
            )
            for k, (here, there) in enumerate(pairwise(points))
        )
