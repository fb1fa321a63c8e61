r"""Distances between samples of images as points in the space of their pixels.

Three of those in arXiv:2307.13687, between blocks of 200 images of either side, averaged over
disjoint blocks, so that their values do not depend on how many images there are; the error is that
of the mean. They do depend on the size of a block: compare a value with its floor.

- MMD squared, unbiased (Gretton et al., JMLR 13, 723, 2012), of the mean of five Gaussian kernels;
  averaged over blocks as in the B-test (Zaremba et al., arXiv:1307.1954). It scatters about zero
  for samples of one distribution.
- The exact Wasserstein-1 distance of the two sets of images, with the Euclidean distance.
- The Sinkhorn divergence (Feydy et al., arXiv:1810.08278),

.. math:: S_\epsilon(a, b) = OT_\epsilon(a, b) - OT_\epsilon(a, a) / 2 - OT_\epsilon(b, b) / 2,
          \quad OT_\epsilon = \min_P \langle P, C \rangle + \epsilon\, KL(P | a \otimes b).

All lengths are in units of the median distance between two reference images, but for the exact
distance, which is in the unit of the charge.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import ot
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

Array = NDArray[np.float64]

BLOCK = 200
MOST_BLOCKS = 20

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Widths of the Gaussian kernels, in units of the median distance."""

REGULARISATION = 0.05
"""Epsilon of the Sinkhorn divergence, in units of the median distance."""


@dataclass(frozen=True)
class BlockMean:
    """Mean over blocks of images and its standard error."""

    value: float
    error: float


def squared_distances(a: Array, b: Array) -> Array:
    """(N, M) squared Euclidean distances of (N, D) from (M, D), not below zero."""
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)
    return np.maximum(squares - 2.0 * (a @ b.T), 0.0)


def median_distance(images: NDArray[np.floating]) -> float:
    """Median distance between two of the first images (N, ...), at most 500; 1 if it is zero."""
    return float(np.median(pdist(_flat(images[:500])))) or 1.0


def _flat(images: NDArray[np.floating]) -> Array:
    return images.reshape(len(images), -1).astype(np.float64)


def _blocks(
    a: NDArray[np.floating], b: NDArray[np.floating], rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Disjoint random blocks of both samples, as points."""
    count = min(min(len(a), len(b)) // BLOCK, MOST_BLOCKS)
    first, second = (rng.permutation(len(x))[: count * BLOCK] for x in (a, b))
    for i, j in zip(np.split(first, count), np.split(second, count), strict=True):
        yield _flat(a[i]), _flat(b[j])


def over_blocks(
    distance: Callable[[Array, Array], float],
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    rng: np.random.Generator,
) -> BlockMean:
    """Mean of a distance between blocks of two samples.

    Args:
        distance: of points (200, D) and (200, D).
        a: (N, ...) images.
        b: (M, ...) images; there are at least 400 on either side.
        rng: divides them into blocks.
    """
    values = [distance(x, y) for x, y in _blocks(a, b, rng)]
    return BlockMean(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))


def gaussian_mmd(a: Array, b: Array, scale: float) -> float:
    """Unbiased MMD squared of points (N, D) and (M, D) with the mean of the Gaussian kernels."""
    n, m = len(a), len(b)
    within_a = (_kernel_sum(a, a, scale) - n) / (n * (n - 1))
    within_b = (_kernel_sum(b, b, scale) - m) / (m * (m - 1))
    return within_a + within_b - 2.0 * _kernel_sum(a, b, scale) / (n * m)


def _kernel_sum(a: Array, b: Array, scale: float) -> float:
    squared = squared_distances(a, b) / scale**2
    if a is b:
        np.fill_diagonal(squared, 0.0)
    return float(np.mean([np.exp(-squared / (2.0 * h * h)).sum() for h in BANDWIDTHS]))


def image_wasserstein(a: Array, b: Array) -> float:
    """Exact W1 of points (N, D) and (M, D)."""
    return float(ot.emd2([], [], np.sqrt(squared_distances(a, b)), check_marginals=False))


def sinkhorn_divergence(a: Array, b: Array, scale: float, epsilon: float = REGULARISATION) -> float:
    """Sinkhorn divergence of points (N, D) and (M, D), of which every one has the same weight."""
    return _sinkhorn(a, b, scale, epsilon) - 0.5 * sum(
        _sinkhorn(side, side, scale, epsilon) for side in (a, b)
    )


def _sinkhorn(a: Array, b: Array, scale: float, epsilon: float) -> float:
    cost = np.sqrt(squared_distances(a, b)) / scale
    if a is b:
        np.fill_diagonal(cost, 0.0)
    return float(ot.solve(cost, reg=epsilon, reg_type="KL", max_iter=5_000, tol=1e-4).value)
