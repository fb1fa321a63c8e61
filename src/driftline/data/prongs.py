"""The three hardest prongs of a jet: what its energy flow looks like beyond the lowest moments.

A prong is one of the three pseudojets at which exclusive kT clustering stops (``kt``): the quarks
of a top's decay, the two of a W or Z and their hardest gluon, the first splittings of a quark or
gluon. Of each there are the axis, the pT and the width, the mean distance of its particles from its
axis weighted with pT: its share in tau_3 but for the axes, which here are the prongs' centres.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.data.kt import merges, squared_angles

Array = NDArray[np.float64]

PRONGS = 3

PRONG_FEATURES = (
    "ptrel_2/ptrel_1",
    "ptrel_3/ptrel_2",
    "etarel_2-etarel_1",
    "phirel_2-phirel_1",
    "etarel_3-etarel_1",
    "phirel_3-phirel_1",
    "width_1",
    "width_2",
    "width_3",
)
"""Prongs relative to each other: what is left once axis and pT of their sum are known."""

APART = slice(2, 6)
"""Where in ``PRONG_FEATURES`` the distances of the prongs are."""


def prongs(particles: NDArray[np.floating]) -> Array:
    """Prongs of jets.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 are ignored.

    Returns:
        (N, 3, 4) float64 etarel, phirel, ptrel, width, in falling order of ptrel; zero where a jet
        has fewer than three particles.
    """
    found = _prongs_of_all(particles.astype(np.float64))
    order = np.argsort(-found[..., 2], axis=1, kind="stable")
    return np.take_along_axis(found, order[..., None], axis=1)


def relative_prongs(absolute: Array) -> Array:
    """Prongs (N, 3, 4) as ``PRONG_FEATURES`` (N, 9); zero for what is not there."""
    axis, pt, width = absolute[..., :2], absolute[..., 2], absolute[..., 3]
    ratios = np.divide(pt[:, 1:], pt[:, :-1], out=np.zeros_like(pt[:, 1:]), where=pt[:, 1:] > 0)
    apart = np.where(pt[:, 1:, None] > 0, axis[:, 1:] - axis[:, :1], 0.0)
    return np.concatenate([ratios, apart.reshape(len(pt), 4), width], axis=1)


def absolute_prongs(relative: Array, axis: Array, ptrel: Array) -> Array:
    """Prongs (N, 3, 4), the inverse of ``relative_prongs``.

    Args:
        relative: (N, 9) ``PRONG_FEATURES``.
        axis: (N, 2) mean etarel and phirel of the jet's particles, weighted with pT.
        ptrel: (N,) sum of the particles' ptrel.
    """
    second, third = relative[:, 0], relative[:, 0] * relative[:, 1]
    share = np.stack([np.ones_like(second), second, third], axis=1)
    share /= share.sum(axis=1, keepdims=True)
    apart = np.zeros((len(relative), PRONGS, 2))
    apart[:, 1:] = relative[:, APART].reshape(-1, PRONGS - 1, 2)
    first = axis - (share[..., None] * apart).sum(axis=1)
    parts = [first[:, None] + apart, (share * ptrel[:, None])[..., None], relative[:, 6:, None]]
    return np.concatenate(parts, axis=2)


@njit(cache=True)
def _prongs_of(jet: Array) -> Array:
    """(3, 4) unordered prongs of one jet's particles (n, 3), all with positive ptrel."""
    count = len(jet)
    owner = np.arange(count)
    for step in merges(jet[:, 2], squared_angles(jet))[: max(count - PRONGS, 0)]:
        owner[owner == step[1]] = step[0]
    result = np.zeros((PRONGS, 4))
    for k, winner in enumerate(np.unique(owner)):
        mine = jet[owner == winner]
        pt = mine[:, 2].sum()
        eta = (mine[:, 0] * mine[:, 2]).sum() / pt
        phi = (mine[:, 1] * mine[:, 2]).sum() / pt
        distance = np.sqrt((mine[:, 0] - eta) ** 2 + (mine[:, 1] - phi) ** 2)
        result[k, 0], result[k, 1], result[k, 2] = eta, phi, pt
        result[k, 3] = (distance * mine[:, 2]).sum() / pt
    return result


@njit(cache=True, nogil=True)
def _prongs_of_all(particles: Array) -> Array:
    """(N, 3, 4) unordered prongs of jets (N, P, 3)."""
    result = np.zeros((len(particles), PRONGS, 4))
    for n in range(len(particles)):
        jet = particles[n]
        result[n] = _prongs_of(jet[jet[:, 2] > 0.0])
    return result
