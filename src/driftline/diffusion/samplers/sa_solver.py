r"""SA-Solver: a stochastic Adams predictor and corrector (Xue et al., 2309.05019).

The reverse SDE whose noise is :math:`\tau` times that of the usual one is
:math:`\hat x' = r \hat x + \int_\lambda^{\lambda'} \frac{s'}{s_u} e^{-\tau^2 (\lambda' - u)}
(1 + \tau^2) D\, du + s' \sqrt{1 - e^{-2 \tau^2 h}}\, z` with :math:`h = \lambda' - \lambda` and
:math:`r = e^{-(1 + \tau^2) h}` (their section 4); Adams methods put a polynomial in lambda
through D.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from driftline.diffusion.grids import Grid, UniformLogSNR
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.on_grid import OnGrid
from driftline.diffusion.samplers.plan import Level, LinearStep
from driftline.diffusion.samplers.polynomials import exponential_weights
from driftline.diffusion.schedules import Schedule


@dataclass(frozen=True)
class AdamsStep:
    """The step from one level of a grid to the next, with its noise strength tau."""

    points: Sequence[Level]
    index: int
    tau: float

    @property
    def h(self) -> float:
        """The step in lambda = -ln s."""
        return math.log(self.points[self.index].s / self.points[self.index + 1].s)

    @property
    def r(self) -> float:
        """What is left of the state."""
        return math.exp(-(1 + self.tau**2) * self.h)

    @property
    def deviation(self) -> float:
        """Standard deviation of the fresh noise."""
        return self.points[self.index + 1].s * math.sqrt(-math.expm1(-2 * self.tau**2 * self.h))

    def weights(self, newest: int, count: int) -> dict[int, float]:
        """Weights of ``count`` estimates (fewer at the start), by their indices in the grid."""
        used = range(newest, max(newest - count, -1), -1)
        past = [self.points[j] for j in used]
        here, there = self.points[self.index : self.index + 2]
        return dict(zip(used, exponential_weights(past, here, there, self.tau**2)))


@dataclass(frozen=True)
class SASolver(OnGrid):
    """Stochastic Adams predictor-corrector, ending with a clean estimate: one evaluation a step.

    The corrector uses the estimate at the predicted state, which the next predictor needs anyway.
    It differs from the predictor by a sum of estimates alone, so both are one row of the table.
    Without noise the order is min(predictor, corrector) + 1, without the corrector that of the
    predictor; with noise the law has order two at most.

    Attributes:
        steps: evaluations, the final clean estimate among them.
        predictor: estimates that the predictor uses.
        corrector: past estimates that the corrector uses besides the new one; 0 leaves it out.
        tau: strength of the noise; 0 is the probability flow, 1 the reverse SDE.
        low: lowest sigma/alpha at which noise is added.
        high: the highest.
        grid: where the evaluations lie.

    Raises:
        ValueError: steps < 1, predictor not in 1 to 4, corrector not in 0 to 4, tau < 0, or not
            0 <= low <= high.
    """

    steps: int = 30
    predictor: int = 3
    corrector: int = 3
    tau: float = 1.0
    low: float = 0.05
    high: float = 1.0
    grid: Grid = field(default_factory=UniformLogSNR)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.predictor <= 4, f"predictor must be 1 to 4, got {self.predictor}")
        require(0 <= self.corrector <= 4, f"corrector must be 0 to 4, got {self.corrector}")
        require(self.tau >= 0, f"tau must not be negative, got {self.tau}")
        require(
            0 <= self.low <= self.high,
            f"low and high must be 0 <= low <= high, got {self.low} and {self.high}",
        )

    @property
    def deterministic(self) -> bool:
        return self.tau == 0

    @property
    def label(self) -> str:
        return f"SA-Solver({self.predictor}, {self.corrector}; tau {self.tau:g}), {self.steps}"

    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[LinearStep]:
        steps = [
            AdamsStep(points, k, self.tau if self.low <= p.s <= self.high else 0.0)
            for k, p in enumerate(points[:-1])
        ]
        return [self._row(steps, k) for k in range(len(steps))]

    def _row(self, steps: Sequence[AdamsStep], k: int) -> LinearStep:
        """Corrects the state that step k - 1 predicted, and predicts the next."""
        step = steps[k]
        total = dict.fromkeys(range(k, -1, -1), 0.0)
        for index, weight in step.weights(k, self.predictor).items():
            total[index] += weight
        if k > 0 and self.corrector > 0:
            last = steps[k - 1]
            for index, weight in last.weights(k, self.corrector + 1).items():
                total[index] += step.r * weight
            for index, weight in last.weights(k - 1, self.predictor).items():
                total[index] -= step.r * weight
        reach = max(self.predictor, self.corrector) + 1 if self.corrector else self.predictor
        return LinearStep(step.points[k], step.r, tuple(total.values())[:reach], step.deviation)
