r"""The kernel physics distance (Kansal et al., arXiv:2211.10295): an unbiased MMD^2.

With :math:`k(x, y) = (x \cdot y / D + 1)^4`,

.. math:: \mathrm{MMD}^2 = \overline{k(x, x')}_{x \ne x'} + \overline{k(y, y')}_{y \ne y'}
          - 2\,\overline{k(x, y)},

which scatters about zero, and goes below it, when both samples have one distribution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftline.metrics.frechet import normalised

Array = NDArray[np.float64]

KPD_BATCHES = 10
KPD_BATCH_SIZE = 5_000
KPD_DEGREE = 4
_ROWS = 100  # of the kernel matrix at a time, which then stays in the cache


def _kernel_sum(x: Array, y: Array) -> float:
    """Sum of the polynomial kernel over all pairs of rows of ``x`` and ``y``."""
    total = 0.0
    for start in range(0, len(x), _ROWS):
        kernel = x[start : start + _ROWS] @ y.T / x.shape[1] + 1.0
        kernel *= kernel
        kernel *= kernel
        total += kernel.sum()
    return total


def _kernel_diagonal(x: Array) -> float:
    """Sum of the kernel of every row with itself."""
    return float(np.sum((np.sum(x * x, axis=1) / x.shape[1] + 1.0) ** KPD_DEGREE))


def polynomial_mmd(x: Array, y: Array) -> float:
    """Unbiased MMD^2 with the degree-4 polynomial kernel, of samples (N, D) and (M, D)."""
    n, m = len(x), len(y)
    within_x = (_kernel_sum(x, x) - _kernel_diagonal(x)) / (n * (n - 1))
    within_y = (_kernel_sum(y, y) - _kernel_diagonal(y)) / (m * (m - 1))
    return within_x + within_y - 2.0 * _kernel_sum(x, y) / (n * m)


@dataclass(frozen=True)
class KernelPhysicsDistance:
    """Median over batches, and half the distance from their 16% to their 84% quantile."""

    value: float
    error: float


def kernel_physics_distance(
    reference: Array, generated: Array, *, seed: int = 42
) -> KernelPhysicsDistance:
    """KPD between features (N, D) of reference jets and (M, D) of generated jets.

    Ten batches of 5,000 from each side, drawn with replacement by JetNet's generators; each feature
    divided by the largest absolute value in the reference.
    """
    x, y = normalised(reference, generated)
    values = []
    for batch in range(KPD_BATCHES):
        rng = np.random.default_rng(seed + 1000 * batch)
        first = rng.choice(len(x), size=KPD_BATCH_SIZE)
        second = rng.choice(len(y), size=KPD_BATCH_SIZE)
        values.append(polynomial_mmd(x[first], y[second]))
    low, high = np.percentile(values, (16.275, 83.725))
    return KernelPhysicsDistance(float(np.median(values)), float(high - low) / 2.0)
