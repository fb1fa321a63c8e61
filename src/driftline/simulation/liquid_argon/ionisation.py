r"""Energy loss by collisions with electrons, split at a transfer.

Collisions that transfer less than ``cut`` are a continuous loss of mean

.. math:: \left.-\frac{dE}{dx}\right|_{T<c} = \frac{k}{\beta^2}\left[
          \frac12\ln\frac{2 m_e\beta^2\gamma^2 c}{I^2}
          - \frac{\beta^2}{2}\left(1+\frac{c}{T_{\max}}\right) - \frac{\delta}{2}\right]

for heavy particles (Bethe's formula, restricted: Review of Particle Physics, "Passage of particles
through matter") and the formula of Berger and Seltzer (ICRU Report 37; Moller's cross-section) for
electrons, which serves for positrons too. The others are drawn one by one from the spectra that
these formulas were integrated from, so that the sum does not depend on where it is split:
straggling follows from the collisions, and nothing is counted twice.
"""

import math

import numpy as np
from numba import njit

from driftline.simulation.liquid_argon.argon import (
    COLLISIONS,
    ELECTRON_MASS,
    MEAN_EXCITATION,
    STERNHEIMER_A,
    STERNHEIMER_C,
    STERNHEIMER_K,
    STERNHEIMER_X0,
    STERNHEIMER_X1,
)


@njit(cache=True, nogil=True)
def density_effect(beta_gamma: float) -> float:
    """Sternheimer's delta of liquid argon."""
    x = math.log10(beta_gamma)
    if x < STERNHEIMER_X0:
        return 0.0
    delta = 2.0 * math.log(10.0) * x - STERNHEIMER_C
    if x < STERNHEIMER_X1:
        delta += STERNHEIMER_A * (STERNHEIMER_X1 - x) ** STERNHEIMER_K
    return delta


@njit(cache=True, nogil=True)
def largest_transfer(gamma: float, mass: float) -> float:
    """Most that a particle heavier than the electron can give to one [MeV]."""
    ratio = ELECTRON_MASS / mass
    return 2.0 * ELECTRON_MASS * (gamma**2 - 1.0) / (1.0 + 2.0 * gamma * ratio + ratio**2)


@njit(cache=True, nogil=True)
def heavy_loss(gamma: float, mass: float, cut: float) -> float:
    """Mean loss of a unit charge in transfers below ``cut`` [MeV/cm]; any above the largest."""
    squared = gamma**2 - 1.0
    beta2 = squared / gamma**2
    largest = largest_transfer(gamma, mass)
    upper = min(cut, largest)
    logarithm = math.log(2.0 * ELECTRON_MASS * squared * upper / MEAN_EXCITATION**2)
    bracket = logarithm - beta2 * (1.0 + upper / largest) - density_effect(math.sqrt(squared))
    return COLLISIONS / beta2 * 0.5 * bracket


@njit(cache=True, nogil=True)
def heavy_collisions(beta2: float, largest: float, low: float) -> float:
    """Number of transfers above ``low`` in a cm."""
    if low >= largest:
        return 0.0
    rate = 1.0 / low - 1.0 / largest - beta2 / largest * math.log(largest / low)
    return 0.5 * COLLISIONS / beta2 * rate


@njit(cache=True, nogil=True)
def heavy_transfer(beta2: float, largest: float, low: float, rng: np.random.Generator) -> float:
    r"""A transfer of the spectrum :math:`(1-\beta^2 T/T_{\max})/T^2` above ``low`` [MeV]."""
    while True:
        transfer = 1.0 / (1.0 / low - rng.random() * (1.0 / low - 1.0 / largest))
        if rng.random() < 1.0 - beta2 * transfer / largest:
            return transfer


@njit(cache=True, nogil=True)
def electron_loss(kinetic: float, cut: float) -> float:
    """Mean loss of an electron in transfers below ``cut`` [MeV/cm]; half its energy at most."""
    tau = kinetic / ELECTRON_MASS
    gamma = tau + 1.0
    squared = tau * (tau + 2.0)
    beta2 = squared / gamma**2
    upper = min(cut / ELECTRON_MASS, 0.5 * tau)
    restricted = (
        -1.0
        - beta2
        + math.log((tau - upper) * upper)
        + tau / (tau - upper)
        + (0.5 * upper**2 + (2.0 * tau + 1.0) * math.log(1.0 - upper / tau)) / gamma**2
    )
    logarithm = math.log(2.0 * (tau + 2.0) * (ELECTRON_MASS / MEAN_EXCITATION) ** 2)
    bracket = logarithm + restricted - density_effect(math.sqrt(squared))
    return 0.5 * COLLISIONS / beta2 * bracket


@njit(cache=True, nogil=True)
def electron_collisions(kinetic: float, low: float) -> float:
    """Number of transfers above ``low`` in a cm, by Moller's cross-section."""
    share = low / kinetic
    if share >= 0.5:
        return 0.0
    gamma = kinetic / ELECTRON_MASS + 1.0
    beta2 = 1.0 - 1.0 / gamma**2
    rate = (
        1.0 / share
        - 1.0 / (1.0 - share)
        + (1.0 - 1.0 / gamma) ** 2 * (0.5 - share)
        - (2.0 * gamma - 1.0) / gamma**2 * math.log((1.0 - share) / share)
    )
    return 0.5 * COLLISIONS / (beta2 * kinetic) * rate


@njit(cache=True, nogil=True)
def electron_transfer(kinetic: float, low: float, rng: np.random.Generator) -> float:
    """A transfer above ``low`` and below half the energy, by Moller's cross-section [MeV]."""
    gamma = kinetic / ELECTRON_MASS + 1.0
    square = (1.0 - 1.0 / gamma) ** 2
    mixed = (2.0 * gamma - 1.0) / gamma**2
    first = kinetic / low
    while True:
        share = 1.0 / (first - rng.random() * (first - 2.0))
        ratio = share / (1.0 - share)
        weight = 1.0 + ratio**2 + square * share**2 - mixed * ratio
        if rng.random() * 2.25 < weight:
            return share * kinetic
