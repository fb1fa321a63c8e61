"""Four-momentum of the stored constituents of a jet, relative to the jet; and how to impose one.

The angles and the pT of constituents are relative to a jet of which they may be a part only (the
hardest 30, say). Their sum is at the jet's own axis with the jet's own pT if all are stored, and
close to it otherwise; its mass is what W1M compares. A point-cloud model that draws particles one
by one meets these sums to a few per cent only. Hence they are drawn with the jet's features, and
imposed on the cloud, which needs a small change of scale and origin.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SUM_FEATURES = ("sum_etarel", "sum_phirel", "sum_ptrel", "sum_massrel")
"""Angles relative to the jet axis, pT and mass in units of the jet's pT."""

_ITERATIONS = 8
"""Each reduces the deviation by about the square of the jet's radius."""

LARGEST_ANGLE = 5.0
"""Angles beyond this, far outside any jet, are cut."""

_LARGEST_STRETCH = 10.0


def constituent_sum(particles: NDArray[np.floating]) -> Array:
    """Sum of massless particles, ``SUM_FEATURES``.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 contribute nothing.

    Returns:
        (N, 4) float64; zero for jets without particles.
    """
    eta, phi, pt = np.moveaxis(particles.astype(np.float64), 2, 0)
    px, py, pz = ((pt * f).sum(axis=1) for f in (np.cos(phi), np.sin(phi), np.sinh(eta)))
    energy = (pt * np.cosh(eta)).sum(axis=1)
    total = np.hypot(px, py)
    squared = energy**2 - px**2 - py**2 - pz**2
    sum_eta = np.arcsinh(np.divide(pz, total, out=np.zeros_like(pz), where=total > 0))
    return np.stack([sum_eta, np.arctan2(py, px), total, np.sqrt(np.maximum(squared, 0.0))], axis=1)


def impose_sum(particles: NDArray[np.floating], target: NDArray[np.floating]) -> Array:
    """Scale pT, shift and stretch the angles, so that the constituents have a given sum.

    Solved by fixed-point iteration: for small angles, pT and centre are linear and the mass over
    pT is proportional to the stretch of the angles about the centre. Jets without mass (a single
    particle) keep theirs, whatever is asked.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 are padding and stay.
        target: (N, 4) ``SUM_FEATURES``, with sum_ptrel > 0.

    Returns:
        (N, P, 3) float64.
    """
    moved = particles.astype(np.float64)
    real = moved[..., 2:] > 0
    target = target.astype(np.float64)
    centre, narrowness = target[:, :2], target[:, 3] / target[:, 2]
    for _ in range(_ITERATIONS):
        now = constituent_sum(moved)
        stretch = np.ones(len(moved))
        np.divide(narrowness * now[:, 2], now[:, 3], out=stretch, where=now[:, 3] > 0)
        stretch = np.clip(stretch, 1 / _LARGEST_STRETCH, _LARGEST_STRETCH)
        angles = centre[:, None] + stretch[:, None, None] * (moved[..., :2] - now[:, None, :2])
        moved[..., :2] = np.where(real, np.clip(angles, -LARGEST_ANGLE, LARGEST_ANGLE), 0.0)
        moved[..., 2] *= (target[:, 2] / np.where(now[:, 2] > 0, now[:, 2], 1.0))[:, None]
    return moved
