"""The Frechet distance that infinitely many images would have.

A Frechet distance of N images is too large by about c / N. FPD extrapolates it from samples drawn
with replacement, which removes the bias of drawing but not that of the sample drawn from. Here the
smaller samples are true parts of the larger one (Chong, Forsyth, arXiv:1911.07023, in sizes up to
the whole): the intercept scatters about zero, and goes below it, for samples of one distribution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftline.metrics.frechet import frechet_distance, frechet_error, moments, normalised

Array = NDArray[np.float64]

POINTS = 10
DRAWS = 20
SMALLEST = 0.25
"""The smallest size, as a share of all images."""


@dataclass(frozen=True)
class FrechetLimit:
    """The result of ``frechet_limit``.

    Attributes:
        value: intercept of the line in 1/N.
        error: bootstrap standard error of the distance of all images; on the floor up to twice
            the spread of the intercept.
        plain: distance of all images, with its bias.
        size: how many images these are on the smaller side.
    """

    value: float
    error: float
    plain: float
    size: int


def frechet_limit(reference: Array, generated: Array, rng: np.random.Generator) -> FrechetLimit:
    """Frechet distance of the features (N, D) and (M, D), extrapolated to infinitely many images.

    Each feature is divided by its largest absolute value in the reference. At ten sizes, regular in
    1/N from a quarter to all of the smaller sample, 20 pairs of parts are drawn without
    replacement, and a line in 1/N is fitted to their mean distances.
    """
    x, y = normalised(reference, generated)
    size = min(len(x), len(y))
    sizes = (1.0 / np.linspace(1.0 / (SMALLEST * size), 1.0 / size, POINTS)).astype(np.int64)
    distances = [
        np.mean([_of_parts(x, y, n, rng) for _ in range(DRAWS)], dtype=np.float64) for n in sizes
    ]
    return FrechetLimit(
        value=float(np.polyfit(1.0 / sizes, distances, 1)[1]),
        error=frechet_error(x, y, rng),
        plain=frechet_distance(*moments(x), *moments(y)),
        size=size,
    )


def _of_parts(x: Array, y: Array, size: int, rng: np.random.Generator) -> float:
    parts = (side[rng.permutation(len(side))[:size]] for side in (x, y))
    (a, b), (c, d) = (moments(part) for part in parts)
    return frechet_distance(a, b, c, d)
