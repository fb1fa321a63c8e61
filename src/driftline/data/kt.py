"""Exclusive kT clustering of a jet's particles with winner-take-all recombination.

In every step the pair with the smallest min(pT_i, pT_j)^2 Delta R_ij^2 (Catani et al., Nucl. Phys.
B 406 (1993) 187) is merged, into the direction of the harder of the two (Larkoski, Neill, Thaler,
arXiv:1401.2158).

Functions elsewhere that call these are compiled and cached with them: after a change here, delete
the ``__pycache__`` of ``data`` and ``metrics``.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@njit(cache=True)
def squared_angles(jet: Array) -> Array:
    """(n, n) squared distances in the (eta, phi) plane of particles (n, 3); phi is periodic."""
    count = len(jet)
    angles = np.empty((count, count))
    for i in range(count):
        for j in range(count):
            eta = jet[i, 0] - jet[j, 0]
            phi = np.pi - abs(abs(jet[i, 1] - jet[j, 1]) - np.pi)
            angles[i, j] = eta * eta + phi * phi
    return angles


@njit(cache=True)
def _nearest(i: int, alive: NDArray[np.bool_], pt: Array, angles: Array) -> tuple[int, float]:
    """The pseudojet with the smallest kT distance to ``i``, and that distance."""
    partner, smallest = -1, np.inf
    for j in range(len(pt)):
        if alive[j] and j != i:
            distance = min(pt[i], pt[j]) ** 2 * angles[i, j]
            if distance < smallest:
                partner, smallest = j, distance
    return partner, smallest


@njit(cache=True)
def merges(ptrel: Array, angles: Array) -> Whole:
    """All steps of the clustering: (n - 1, 2), winner and loser of each, by number of the particle.

    A winner keeps its direction and only gains pT, so that kT distances to it never fall: a
    pseudojet needs a new partner only when its own has just been merged.

    Args:
        ptrel: (n,) positive.
        angles: (n, n) from ``squared_angles``.
    """
    count = len(ptrel)
    pt = ptrel.copy()
    alive = np.ones(count, np.bool_)
    partner = np.empty(count, np.int64)
    distance = np.empty(count)
    for i in range(count):
        partner[i], distance[i] = _nearest(i, alive, pt, angles)
    steps = np.empty((max(count - 1, 0), 2), np.int64)
    for step in range(count - 1):
        first = np.argmin(distance)
        second = partner[first]
        winner, loser = (first, second) if pt[first] >= pt[second] else (second, first)
        steps[step] = winner, loser
        pt[winner] += pt[loser]
        alive[loser] = False
        distance[loser] = np.inf
        for i in range(count):
            if alive[i] and (i == winner or partner[i] == winner or partner[i] == loser):
                partner[i], distance[i] = _nearest(i, alive, pt, angles)
    return steps
