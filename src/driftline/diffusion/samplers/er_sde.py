r"""ER-SDE-Solver: extended reverse-time SDEs (Cui et al., 2309.06169).

For any rising :math:`\phi(s)` events follow, with the same marginals,
:math:`\hat x' = r \hat x + \phi' \int_{s'}^{s} D\, \phi^{-2} d\phi + \sqrt{s'^2 - r^2 s^2}\, z`
with :math:`r = \phi'/\phi`: :math:`\phi = s` is the probability flow, :math:`\phi = s^2` the
reverse SDE. The published :math:`\phi = s (e^{s^{0.3}} + 10)` adds less noise than the latter.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from driftline.diffusion.grids import Grid, UniformLogSNR
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.on_grid import OnGrid
from driftline.diffusion.samplers.plan import Level, LinearStep
from driftline.diffusion.samplers.polynomials import polynomial_weights
from driftline.diffusion.schedules import Schedule


class NoiseScale(Protocol):
    """A rising function phi(s); phi/s must not fall."""

    def log(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """ln phi, like s."""

    def log_slope(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """d ln phi/ds, like s."""


@dataclass(frozen=True)
class PublishedScale:
    """phi = s (exp(s^0.3) + 10), the paper's recommended one (SDE 5)."""

    def log(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(s) + np.logaddexp(s**0.3, math.log(10))

    def log_slope(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        return (1 + 0.3 * s**0.3 * expit(s**0.3 - math.log(10))) / s


def er_sde_step(scale: NoiseScale, past: Sequence[Level], there: Level) -> LinearStep:
    """The step from past[0] to ``there`` with the estimates at ``past``, newest first.

    The polynomial through the estimates is in s, as in the paper's Taylor expansions.
    """
    here = past[0]
    left, end = scale.log(np.array([here.s, there.s]))

    def kernel(u: NDArray[np.float64]) -> NDArray[np.float64]:
        s = here.s - u
        return np.exp(end - scale.log(s)) * scale.log_slope(s)

    weights = polynomial_weights([here.s - p.s for p in past], here.s - there.s, kernel)
    r = math.exp(end - left)
    noise = math.sqrt(max(there.s**2 - (r * here.s) ** 2, 0.0))
    return LinearStep(here, a=r, b=weights, c=noise)


@dataclass(frozen=True)
class ERSDE(OnGrid):
    """ER-SDE-Solver of order 1 to 3, ending with a clean estimate: one evaluation a step.

    The paper's third order takes the first derivative of the estimate from its last two values
    alone; here the polynomial interpolates all three, so that the part without noise has order
    three.

    Attributes:
        steps: evaluations, the final clean estimate among them.
        order: estimates that a step uses, 1 to 3.
        grid: where they lie.

    Raises:
        ValueError: steps < 1 or another order.
    """

    steps: int = 30
    order: int = 3
    grid: Grid = field(default_factory=UniformLogSNR)

    deterministic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.order <= 3, f"order must be 1, 2 or 3, got {self.order}")

    @property
    def label(self) -> str:
        return f"ER-SDE-{self.order}, {self.steps}"

    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[LinearStep]:
        return (
            er_sde_step(PublishedScale(), points[max(k - self.order, 0) : k][::-1], points[k])
            for k in range(1, len(points))
        )
