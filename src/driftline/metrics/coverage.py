r"""Coverage and minimum matching distance of jets by the energy mover's distance.

The energy mover's distance (Komiske, Metodiev, Thaler, arXiv:1902.02346) is the least work that
turns one jet into the other, at R = 1 and not normalised, as JetNet has it:

.. math:: \min_{f} \sum_{ij} f_{ij} \theta_{ij} + \bigl|\textstyle\sum_i z_i - \sum_j z'_j\bigr|.

The difference of the sums is carried by one more particle at distance 1 from all others.
"""

from dataclasses import dataclass

import numpy as np
import ot
from numpy.typing import NDArray

Array = NDArray[np.float64]

COVERAGE_BATCHES = 10
COVERAGE_JETS = 100


def energy_movers_distance(a: Array, b: Array) -> float:
    """Distance between jets (P, 3) and (Q, 3) of etarel, phirel, ptrel; ptrel = 0 is padding."""
    a, b = a[a[:, 2] > 0.0], b[b[:, 2] > 0.0]
    total_a, total_b = a[:, 2].sum(), b[:, 2].sum()
    total = max(total_a, total_b)
    if total == 0.0:
        return 0.0
    cost = np.ones((len(a) + 1, len(b) + 1))
    cost[:-1, :-1] = np.hypot(
        a[:, None, 0] - b[None, :, 0],
        a[:, None, 1] - b[None, :, 1],
    )
    cost[-1, -1] = 0.0
    weight_a = np.append(a[:, 2], total - total_a) / total
    weight_b = np.append(b[:, 2], total - total_b) / total
    work = ot.emd2(weight_a, weight_b, cost, center_dual=False, check_marginals=False)
    return float(work * total)


_ANCHORS = np.stack(np.meshgrid(*2 * [np.linspace(-0.2, 0.2, 7)]), axis=-1).reshape(-1, 2)
_OFFSETS = (-0.7, -0.3, 0.0, 0.05, 0.1, 0.2, 0.5)


def lower_bounds(a: Array, b: Array) -> Array:
    """(N, M) numbers that no distance between jets (N, P, 3) and (M, P, 3) is below.

    By duality a distance is at least the difference of the pT-weighted sums of any function with
    slope at most 1 and values in [-1, 1]. The largest is taken over the constant and over cones
    about points of the jet.
    """
    first, second = _cones(a), _cones(b)
    return np.stack([np.abs(jet - second).max(axis=1) for jet in first])


def _cones(jets: Array) -> Array:
    """(N, K) pT-weighted sums of the functions of ``lower_bounds``."""
    pt = jets[:, None, :, 2]
    radius = np.hypot(*(jets[:, None, :, k] - _ANCHORS[:, k, None] for k in (0, 1)))
    cones = [(pt * np.clip(radius - offset, -1.0, 1.0)).sum(axis=2) for offset in _OFFSETS]
    return np.concatenate([pt.sum(axis=2), *cones], axis=1)


def nearest(a: Array, b: Array) -> tuple[NDArray[np.int64], Array]:
    """The jet of ``b`` nearest to each of ``a``, and the least distance of each of ``b`` to ``a``.

    Distances that a lower bound rules out, three in four, are never computed.

    Args:
        a: (N, P, 3) jets.
        b: (M, P, 3) jets.

    Returns:
        Indices (N,) into ``b``, and distances (M,).
    """
    bounds = lower_bounds(a, b)
    distances = np.full(bounds.shape, np.inf)  # of the pairs computed so far

    def settle(pairs: NDArray[np.int64]) -> None:
        """Find the smallest distance among ``pairs`` (n, 2)."""
        smallest = np.inf
        for i, j in pairs[np.argsort(bounds[*pairs.T])]:
            if bounds[i, j] > smallest:
                break
            if np.isinf(distances[i, j]):
                distances[i, j] = energy_movers_distance(a[i], b[j])
            smallest = min(smallest, distances[i, j])

    every = np.stack(np.meshgrid(*(range(n) for n in bounds.shape), indexing="ij"), axis=-1)
    for pairs in (*every, *every.swapaxes(0, 1)):
        settle(pairs)
    return distances.argmin(axis=1), distances.min(axis=0)


@dataclass(frozen=True)
class Coverage:
    """Means over batches and their standard errors.

    Attributes:
        coverage: share of the reference jets that are the nearest one of some generated jet.
        coverage_error: standard error.
        mmd: mean distance of a reference jet to the nearest generated jet.
        mmd_error: standard error.
    """

    coverage: float
    coverage_error: float
    mmd: float
    mmd_error: float


def coverage_and_mmd(
    reference: NDArray[np.floating],
    generated: NDArray[np.floating],
    rng: np.random.Generator,
    *,
    jets: int = COVERAGE_JETS,
    batches: int = COVERAGE_BATCHES,
) -> Coverage:
    """Coverage and minimum matching distance, by default of ten batches of 100 against 100 jets.

    Args:
        reference: (N, P, 3) etarel, phirel, ptrel, padded with zeros.
        generated: (M, P, 3).
        rng: draws with replacement in JetNet's order: reference, then generated, batch after batch.
        jets: size of a batch on each side; both values depend on it.
        batches: how many.
    """
    coverages, mmds = [], []
    for _ in range(batches):
        real = reference[rng.choice(len(reference), size=jets)].astype(np.float64)
        made = generated[rng.choice(len(generated), size=jets)].astype(np.float64)
        matches, nearness = nearest(made, real)
        coverages.append(np.unique(matches).size / jets)
        mmds.append(nearness.mean())
    root = np.sqrt(batches)
    return Coverage(
        float(np.mean(coverages)),
        float(np.std(coverages, ddof=1) / root),
        float(np.mean(mmds)),
        float(np.std(mmds, ddof=1) / root),
    )
