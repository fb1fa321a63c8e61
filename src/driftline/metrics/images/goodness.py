"""Tests of whether two samples of a number have one distribution: Kolmogorov-Smirnov, chi-square.

A p-value tells how often samples of one distribution would differ more. A large one does not say
that the samples agree: it says that so many events cannot tell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, ks_2samp

Array = NDArray[np.float64]

BINS = 20
_DRAWS = 100


@dataclass(frozen=True)
class GoodnessOfFit:
    """A statistic, its standard error, and the p-value of samples of one distribution."""

    value: float
    error: float
    p: float


def kolmogorov_smirnov(a: Array, b: Array, rng: np.random.Generator) -> GoodnessOfFit:
    """Largest difference of the distribution functions of ``a`` (N,) and ``b`` (M,).

    The p-value is asymptotic; with many equal values it is too large. The error is that of the
    bootstrap of both samples.
    """
    grid = np.unique(np.concatenate([a, b]))
    below = [_distribution_functions(x, grid, rng) for x in (a, b)]
    drawn = np.abs(below[0] - below[1]).max(axis=1)
    found = ks_2samp(a, b, method="asymp")
    return GoodnessOfFit(float(found.statistic), float(drawn.std(ddof=1)), float(found.pvalue))


def _distribution_functions(values: Array, grid: Array, rng: np.random.Generator) -> Array:
    """(draws, G) empirical distribution functions of bootstrap samples at all grid points."""
    counts = np.bincount(np.searchsorted(grid, values), minlength=len(grid))
    drawn = rng.multinomial(len(values), counts / len(values), size=_DRAWS)
    return np.cumsum(drawn, axis=1) / len(values)


def chi_square(a: Array, b: Array) -> GoodnessOfFit:
    """Chi-square per degree of freedom of two histograms with the same bins.

    The bins hold equal shares of both samples together; those of equal values, such as zeros, are
    merged. For counts A and B of N and M events (Gagunashvili, physics/0605123, unweighted)

        chi2 = sum (sqrt(M / N) A - sqrt(N / M) B)^2 / (A + B)

    has as many degrees of freedom as there are bins, less one. The error is the width of the
    noncentral distribution.
    """
    inner = np.unique(np.quantile(np.concatenate([a, b]), np.arange(1, BINS) / BINS))
    counts = [
        np.bincount(np.searchsorted(inner, x, side="left"), minlength=len(inner) + 1)
        for x in (a, b)
    ]
    total = counts[0] + counts[1]
    root = np.sqrt(len(b) / len(a))
    used = total > 0
    pulls = (root * counts[0] - counts[1] / root)[used] ** 2 / total[used]
    freedom = int(used.sum()) - 1
    if freedom == 0:  # all values are equal
        return GoodnessOfFit(0.0, 0.0, 1.0)
    statistic = float(pulls.sum())
    noncentral = max(0.0, statistic - freedom)
    error = np.sqrt(2.0 * (freedom + 2.0 * noncentral)) / freedom
    return GoodnessOfFit(statistic / freedom, float(error), float(chi2.sf(statistic, freedom)))
