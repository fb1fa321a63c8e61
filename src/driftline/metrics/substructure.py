r"""Substructure of jets: N-subjettiness with beta = 1, and the correlation function D2.

N-subjettiness (Thaler, Van Tilburg, arXiv:1011.2268) is

.. math:: \tau_N = \frac{\sum_i z_i \min_k \Delta R_{ik}}{R_0 \sum_i z_i}.

The N axes are those at which exclusive kT clustering with winner-take-all recombination stops
(``data.kt``).

D2 (Larkoski, Moult, Neill, arXiv:1409.6298) with beta = 1 is :math:`e_3 / e_2^3`, where

.. math:: e_2 = \sum_{i<j} z_i z_j \theta_{ij}, \qquad
          e_3 = \sum_{i<j<k} z_i z_j z_k \theta_{ij} \theta_{ik} \theta_{jk}, \qquad \sum_i z_i = 1.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.data.kt import merges, squared_angles

Array = NDArray[np.float64]

RADIUS = 0.4
"""R of the anti-kT jets, the unit of the angles."""

MOST_AXES = 3


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
def _axes(z: Array, angles: Array) -> NDArray[np.bool_]:
    """(3, n) which of one jet's n particles, all with positive ptrel, are its 1 .. 3 axes."""
    left = np.ones(len(z), np.bool_)
    axes = np.ones((MOST_AXES, len(z)), np.bool_)
    steps = merges(z, angles)
    for step in range(len(steps)):
        left[steps[step, 1]] = False
        number = len(steps) - step
        if number <= MOST_AXES:
            axes[number - 1] = left
    return axes


@njit(cache=True, nogil=True)
def _taus_of_all(particles: Array) -> Array:
    """(N, 3) tau_1 .. tau_3 of jets (N, P, 3)."""
    taus = np.zeros((len(particles), MOST_AXES))
    for n in range(len(particles)):
        jet = particles[n]
        real = jet[jet[:, 2] > 0.0]
        z, angles = real[:, 2], squared_angles(real)
        axes = _axes(z, angles)
        for k in range(min(MOST_AXES, len(real) - 1)):
            taus[n, k] = _tau(z, axes[k], angles)
    return taus


@njit(cache=True, nogil=True)
def _axes_of_all(particles: Array) -> NDArray[np.bool_]:
    """(N, 3, P) axes of jets (N, P, 3)."""
    axes = np.zeros((len(particles), MOST_AXES, particles.shape[1]), np.bool_)
    for n in range(len(particles)):
        real = particles[n, :, 2] > 0.0
        jet = particles[n][real]
        axes[n][:, real] = _axes(jet[:, 2], squared_angles(jet))
    return axes


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
    return _taus_of_all(jets)


def subjettiness_axes(particles: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(N, 3, P) which particles are the one, two and three axes of tau_1, tau_2, tau_3.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 are none. Of a jet with no
            more than k particles all are.
    """
    return _axes_of_all(particles.astype(np.float64))


def ratio(above: Array, below: Array) -> Array:
    """``above / below``, and zero where ``below`` is: a jet without the structure asked for."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)


def d2(total: Array, line: Array, triangle: Array) -> Array:
    """D2 from three energy-flow polynomials: the sum of z, the line and the triangle.

    These count ordered pairs and triplets: e_2 = line / (2 total^2), e_3 = triangle / (6 total^3).
    """
    return ratio(4.0 / 3.0 * triangle * total**3, line**3)
