r"""Substructure of jets: N-subjettiness with beta = 1, and the correlation function D2.

N-subjettiness (Thaler, Van Tilburg, arXiv:1011.2268) is

.. math:: \tau_N = \frac{\sum_i z_i \min_k \Delta R_{ik}}{R_0 \sum_i z_i}.

The N axes are those at which exclusive kT clustering with winner-take-all recombination stops
(Larkoski, Neill, Thaler, arXiv:1401.2158): in every step the pair with the smallest
min(pT_i, pT_j)^2 Delta R_ij^2 is merged, into the direction of the harder of the two.

D2 (Larkoski, Moult, Neill, arXiv:1409.6298) with beta = 1 is :math:`e_3 / e_2^3`, where

.. math:: e_2 = \sum_{i<j} z_i z_j \theta_{ij}, \qquad
          e_3 = \sum_{i<j<k} z_i z_j z_k \theta_{ij} \theta_{ik} \theta_{jk}, \qquad \sum_i z_i = 1.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]

RADIUS = 0.4
"""R of the anti-kT jets, the unit of the angles."""

MOST_AXES = 3


@njit(cache=True)
def _squared_angles(jet: Array) -> Array:
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
def _tau(z: Array, axes: NDArray[np.bool_], angles: Array) -> float:
    """tau_N about those particles that are ``axes``."""
    moment = 0.0
    for i in range(len(z)):
        nearest = np.inf
        for k in range(len(z)):
            if axes[k]:
                nearest = min(nearest, angles[i, k])
        moment += z[i] * np.sqrt(nearest)
    return moment / (z.sum() * RADIUS)


@njit(cache=True)
def _cluster(jet: Array) -> Array:
    """tau_1 .. tau_3 of one jet's particles (n, 3), all with positive ptrel.

    A winner keeps its direction and only gains pT, so that kT distances to it never fall: a
    pseudojet needs a new partner only when its own has just been merged.
    """
    count = len(jet)
    z, pt = jet[:, 2], jet[:, 2].copy()
    angles = _squared_angles(jet)
    alive = np.ones(count, np.bool_)
    partner = np.empty(count, np.int64)
    distance = np.empty(count)
    for i in range(count):
        partner[i], distance[i] = _nearest(i, alive, pt, angles)
    taus = np.zeros(MOST_AXES)
    for left in range(count - 1, 0, -1):
        first = np.argmin(distance)
        second = partner[first]
        winner, loser = (first, second) if pt[first] >= pt[second] else (second, first)
        pt[winner] += pt[loser]
        alive[loser] = False
        distance[loser] = np.inf
        for i in range(count):
            if alive[i] and (i == winner or partner[i] == winner or partner[i] == loser):
                partner[i], distance[i] = _nearest(i, alive, pt, angles)
        if left <= MOST_AXES:
            taus[left - 1] = _tau(z, alive, angles)
    return taus


@njit(cache=True, nogil=True)
def _cluster_all(particles: Array) -> Array:
    """(N, 3) tau_1 .. tau_3 of jets (N, P, 3)."""
    taus = np.zeros((len(particles), MOST_AXES))
    for n in range(len(particles)):
        jet = particles[n]
        taus[n] = _cluster(jet[jet[:, 2] > 0.0])
    return taus


def subjettiness(
    particles: NDArray[np.floating], *, mask: NDArray[np.bool_] | None = None
) -> Array:
    """(N, 3) float64: tau_1, tau_2, tau_3 of jets.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 are ignored. A jet with no
            more than k particles has tau_k = 0.
        mask: (N, P), true for real particles; by default all are.
    """
    jets = particles.astype(np.float64)
    if mask is not None:
        jets[..., 2] *= mask
    return _cluster_all(jets)


def ratio(above: Array, below: Array) -> Array:
    """``above / below``, and zero where ``below`` is: a jet without the structure asked for."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)


def d2(total: Array, line: Array, triangle: Array) -> Array:
    """D2 from three energy-flow polynomials: the sum of z, the line and the triangle.

    These count ordered pairs and triplets: e_2 = line / (2 total^2), e_3 = triangle / (6 total^3).
    """
    return ratio(4.0 / 3.0 * triangle * total**3, line**3)
