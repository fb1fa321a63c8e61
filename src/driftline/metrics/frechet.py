r"""Frechet distances between Gaussian summaries of two samples, and the Frechet physics distance.

.. math:: d^2 = |\mu_1 - \mu_2|^2
          + \operatorname{tr}\bigl(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2}\bigr)

FPD (Kansal et al., arXiv:2211.10295) takes the 36 energy-flow polynomials of up to four edges,
each divided by its largest absolute value in the reference, and extrapolates d^2 to infinitely many
jets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

Array = NDArray[np.float64]

FPD_SIZES = (20_000, 50_000)
FPD_POINTS = 10
FPD_DRAWS = 20


def _square_root(covariance: Array) -> Array:
    """A matrix whose product with its transpose is the positive semi-definite ``covariance``."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.clip(values, 0.0, None))


def frechet_distance(mu1: Array, sigma1: Array, mu2: Array, sigma2: Array) -> float:
    """Squared Frechet distance between two Gaussians.

    The trace of the root of the product is the nuclear norm of root(sigma1)^T root(sigma2), whose
    singular values come with an error relative to the largest: singular covariances do no harm.

    Args:
        mu1: (D,) mean.
        sigma1: (D, D) covariance, symmetric and positive semi-definite.
        mu2: (D,) the other mean.
        sigma2: (D, D) the other covariance.
    """
    roots = _square_root(sigma1).T @ _square_root(sigma2)
    overlap = np.linalg.svd(roots, compute_uv=False).sum()
    shift = mu1 - mu2
    return float(shift @ shift + np.trace(sigma1) + np.trace(sigma2) - 2.0 * overlap)


def moments(features: Array) -> tuple[Array, Array]:
    """Mean (D,) and unbiased covariance (D, D) of ``features`` (N, D)."""
    mean = features.mean(axis=0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def normalised(reference: Array, generated: Array) -> tuple[Array, Array]:
    """Both samples (N, D) and (M, D), each feature divided by max abs of the reference."""
    scale = np.abs(reference).max(axis=0)
    scale[scale == 0.0] = 1.0
    return reference / scale, generated / scale


@dataclass(frozen=True)
class FrechetPhysicsDistance:
    """The result of ``frechet_physics_distance``.

    Attributes:
        value: intercept of JetNet's fit, which bounds it at zero: the mean over perfect generators
            is therefore above zero.
        error: standard error of the intercept from the scatter about the fitted line.
        intercept: of the ordinary least-squares line, without a bound.
        sizes: numbers of jets drawn; JetNet's are 20,000 to 50,000.
    """

    value: float
    error: float
    intercept: float
    sizes: tuple[int, ...]

    @property
    def bounded(self) -> bool:
        """Whether the bound at zero acted."""
        return self.intercept < 0.0


def fpd_sizes(available: int) -> NDArray[np.int64]:
    """Ten sample sizes regular in 1/N: 20,000 to 50,000, or in proportion if fewer are there."""
    low, high = FPD_SIZES
    if available < high:
        low, high = round(available * low / high), available
    return (1.0 / np.linspace(1.0 / low, 1.0 / high, FPD_POINTS)).astype(np.int64)


def frechet_physics_distance(
    reference: Array, generated: Array, *, seed: int = 42
) -> FrechetPhysicsDistance:
    """FPD between the features (N, D) of reference jets and (M, D) of generated jets.

    At each of ten sizes 20 pairs of samples are drawn with replacement; a line in 1/N is fitted to
    the ten mean distances with intercept and slope at least zero. Seed and order of drawing are
    JetNet's. With fewer than 50,000 jets the sizes shrink in proportion (``fpd_sizes``).
    """
    x, y = normalised(reference, generated)
    sizes = fpd_sizes(min(len(x), len(y)))
    rng = np.random.default_rng(seed)
    means = np.empty(len(sizes))
    for i, size in enumerate(sizes):
        distances = []
        for _ in range(FPD_DRAWS):
            first, second = rng.choice(len(x), size=size), rng.choice(len(y), size=size)
            distances.append(frechet_distance(*moments(x[first]), *moments(y[second])))
        means[i] = np.mean(distances)
    # the solver and its tolerances are JetNet's: it stops a few 1e-6 short of the least squares
    bounds = ([0.0, 0.0], [np.inf, np.inf])
    line, covariance = curve_fit(_line, 1.0 / sizes, means, bounds=bounds)
    return FrechetPhysicsDistance(
        value=float(line[0]),
        error=float(np.sqrt(covariance[0, 0])),
        intercept=float(np.polyfit(1.0 / sizes, means, 1)[1]),
        sizes=tuple(sizes.tolist()),
    )


def _line(x: Array, intercept: float, slope: float) -> Array:
    return intercept + slope * x


class BlockMoments:
    """First and second moments of a sample in blocks, from which it is resampled cheaply.

    Args:
        features: (N, D).
        blocks: how many; a bootstrap over blocks of independent jets has the spread of one over
            jets, for the price of summing ``blocks`` matrices.
    """

    def __init__(self, features: Array, blocks: int = 50) -> None:
        self._centre = features.mean(axis=0)
        parts = np.array_split(features - self._centre, blocks)
        self._sizes = np.array([len(part) for part in parts])
        self._first = np.stack([part.sum(axis=0) for part in parts])
        self._second = np.stack([part.T @ part for part in parts])

    def moments(self, counts: NDArray[np.int64]) -> tuple[Array, Array]:
        """Mean and covariance with each block counted (blocks,) times."""
        size = counts @ self._sizes
        mean = counts @ self._first / size
        second = np.tensordot(counts.astype(np.float64), self._second, 1)
        return mean + self._centre, (second - size * np.outer(mean, mean)) / (size - 1)

    def resampled(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """Mean and covariance of one bootstrap sample."""
        blocks = len(self._sizes)
        return self.moments(np.bincount(rng.integers(blocks, size=blocks), minlength=blocks))


def frechet_error(
    a: Array,
    b: Array | tuple[Array, Array],
    rng: np.random.Generator,
    draws: int = 30,
) -> float:
    """Bootstrap standard error of the Frechet distance between samples ``a`` and ``b``.

    Args:
        a: (N, D) features.
        b: (M, D) features, or a mean and a covariance that are known without error.
        rng: source of the resampling.
        draws: how many bootstrap samples.
    """
    blocks = BlockMoments(a)
    other = None if isinstance(b, tuple) else BlockMoments(b)
    distances = [
        frechet_distance(*blocks.resampled(rng), *(other.resampled(rng) if other else b))
        for _ in range(draws)
    ]
    return float(np.std(distances, ddof=1))
