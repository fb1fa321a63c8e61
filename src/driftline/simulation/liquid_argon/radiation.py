r"""Bremsstrahlung and pair production in the field of an argon atom.

Bethe and Heitler's cross-sections with Thomas-Fermi screening (Butcher and Messel, Nucl. Phys. 20
(1960) 15; the functions of the EGS code, Nelson, Hirayama and Rogers, SLAC-265 (1985)):

.. math::
    \frac{dN}{dx\,dk} &= \frac{1}{X_0 L k}\left[(1 + (1-y)^2)\,\Phi_1(\delta)
        - \tfrac23 (1-y)\,\Phi_2(\delta)\right], \quad y = k/E, \\
    \frac{dN}{dx\,dz} &= \frac{1}{X_0 L}\left[(z^2 + (1-z)^2)\,\Phi_1(\delta)
        + \tfrac23 z(1-z)\,\Phi_2(\delta)\right], \quad z = E_+/k,

with :math:`\Phi_i(\delta) = \varphi_i(\delta) - \tfrac43\ln Z` and :math:`L = \Phi_1(0)`. The
radiation length sets the scale: screened completely, photons convert within
:math:`\tfrac97 X_0` and electrons lose a fraction 1/e of their energy in :math:`X_0`.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import (
    ATOMIC_NUMBER,
    ELECTRON_MASS,
    RADIATION_LENGTH,
)

Array = NDArray[np.float64]

PHOTON_CUT = 0.02
"""[MeV] Softer photons are neither made nor followed: their energy stays where they would start."""

_CHARGE = 4.0 / 3.0 * math.log(ATOMIC_NUMBER)
FULL_SCREENING = 20.867 - _CHARGE
"""L, the value of Phi_1 without any momentum transfer to speak of."""
_SCREENING = 136.0 * ELECTRON_MASS / ATOMIC_NUMBER ** (1.0 / 3.0)
_POINTS = 64


@njit(cache=True, nogil=True)
def _screened(delta: float) -> tuple[float, float]:
    """Phi_1 and Phi_2; zero where the approximation would be negative."""
    if delta <= 1.0:
        first = 20.867 - 3.242 * delta + 0.625 * delta**2
        second = 20.209 - 1.930 * delta - 0.086 * delta**2
    else:
        first = second = 21.12 - 4.184 * math.log(delta + 0.952)
    return max(first - _CHARGE, 0.0), max(second - _CHARGE, 0.0)


@njit(cache=True, nogil=True)
def photon_spectrum(photon: float, energy: float) -> float:
    """k dN/dx/dk of an electron of total ``energy`` [MeV], times X0 L."""
    rest = energy - photon
    first, second = _screened(_SCREENING * photon / (energy * rest))
    y = photon / energy
    return max((1.0 + (1.0 - y) ** 2) * first - 2.0 / 3.0 * (1.0 - y) * second, 0.0)


@njit(cache=True, nogil=True)
def pair_spectrum(share: float, photon: float) -> float:
    """dN/dx/dz of a photon [MeV] at a share z of the positron, times X0 L."""
    product = share * (1.0 - share)
    first, second = _screened(_SCREENING / (photon * product))
    return (1.0 - 2.0 * product) * first + 2.0 / 3.0 * product * second


class Tables(NamedTuple):
    """Integrated cross-sections on a grid of energies, even in the logarithm.

    Attributes:
        start: logarithm of the lowest energy [MeV]: kinetic for electrons, of the photon for pairs.
        density: points in a unit of the logarithm.
        photons: (n,) photons above ``PHOTON_CUT`` made by an electron in a cm.
        soft: (n,) energy that it loses in softer ones [MeV/cm].
        pairs: (n,) conversions of a photon in a cm.
    """

    start: float
    density: float
    photons: Array
    soft: Array
    pairs: Array


def make_tables() -> Tables:
    """Integrate the cross-sections from 0.1 MeV to 1 TeV."""
    energies = np.geomspace(0.1, 1e6, 351)
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    integrals = _integrals(energies, 0.5 * (nodes + 1.0), 0.5 * weights)
    photons, soft, pairs = integrals / (RADIATION_LENGTH * FULL_SCREENING)
    start = math.log(energies[0])
    density = (len(energies) - 1) / (math.log(energies[-1]) - start)
    return Tables(start, density, photons, soft, pairs)


@njit(cache=True)
def _integrals(energies: Array, nodes: Array, weights: Array) -> Array:
    """(3, n) the columns of ``Tables``, times X0 L, by a rule on the unit interval."""
    columns = np.zeros((3, len(energies)))
    for i in range(len(energies)):
        kinetic = energies[i]
        energy = kinetic + ELECTRON_MASS
        span = math.log(kinetic / PHOTON_CUT)
        edge = ELECTRON_MASS / kinetic
        inside = max(1.0 - 2.0 * edge, 0.0)
        for u, weight in zip(nodes, weights):
            photon = PHOTON_CUT * math.exp(span * u)
            columns[0, i] += weight * span * photon_spectrum(photon, energy)
            columns[1, i] += weight * PHOTON_CUT * photon_spectrum(PHOTON_CUT * u, energy)
            if inside > 0.0:
                columns[2, i] += weight * inside * pair_spectrum(edge + inside * u, kinetic)
    return columns


@njit(cache=True, nogil=True)
def interpolate(tables: Tables, values: Array, energy: float) -> float:
    """A column of the tables at an energy [MeV]."""
    place = (math.log(energy) - tables.start) * tables.density
    index = min(max(int(place), 0), len(values) - 2)
    share = min(max(place - index, 0.0), 1.0)
    return (1.0 - share) * values[index] + share * values[index + 1]


@njit(cache=True, nogil=True)
def bremsstrahlung(kinetic: float, rng: np.random.Generator) -> float:
    """Energy of a photon above ``PHOTON_CUT`` [MeV]."""
    energy = kinetic + ELECTRON_MASS
    span = math.log(kinetic / PHOTON_CUT)
    while True:
        photon = PHOTON_CUT * math.exp(span * rng.random())
        if rng.random() * 1.5 * FULL_SCREENING < photon_spectrum(photon, energy):
            return photon


@njit(cache=True, nogil=True)
def pair(photon: float, rng: np.random.Generator) -> float:
    """Total energy of the positron [MeV]."""
    edge = ELECTRON_MASS / photon
    while True:
        share = edge + (1.0 - 2.0 * edge) * rng.random()
        if rng.random() * FULL_SCREENING < pair_spectrum(share, photon):
            return share * photon


@njit(cache=True, nogil=True)
def opening_angle(energy: float, rng: np.random.Generator) -> float:
    r"""Angle between photon and electron, of density :math:`\theta/(\theta^2+(m/E)^2)^2`."""
    u = rng.random()
    return min(ELECTRON_MASS / energy * math.sqrt(u / (1.0 - u)), math.pi)
