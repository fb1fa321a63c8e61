"""Photons: Compton scattering and the photoelectric effect; pairs are in ``radiation``."""

import math

from numba import njit

from driftline.simulation.liquid_argon.argon import (
    DENSITY,
    ELECTRON_MASS,
    ELECTRONS,
    THOMSON,
)


@njit(cache=True, nogil=True)
def compton_rate(photon: float) -> float:
    """Scatterings of a photon [MeV] in a cm: Klein and Nishina, on free electrons."""
    k = photon / ELECTRON_MASS
    twice = 1.0 + 2.0 * k
    logarithm = math.log(twice)
    bracket = (
        (1.0 + k) / k**2 * (2.0 * (1.0 + k) / twice - logarithm / k)
        + 0.5 * logarithm / k
        - (1.0 + 3.0 * k) / twice**2
    )
    return 0.75 * THOMSON * ELECTRONS * bracket


@njit(cache=True, nogil=True)
def photoelectric_rate(photon: float) -> float:
    """Absorptions in a cm above the K edge: a power law through NIST's 2.48 cm2/g at 30 keV."""
    return 2.48 * DENSITY * (0.03 / photon) ** 3


@njit(cache=True, nogil=True)
def compton(photon: float, rng) -> float:  # noqa: ANN001
    """Energy of the scattered photon [MeV].

    The spectrum of eps = k'/k is (1/eps + eps)(1 - eps sin^2/(1 + eps^2)) (Butcher and Messel).
    """
    k = photon / ELECTRON_MASS
    lowest = 1.0 / (1.0 + 2.0 * k)
    first = -math.log(lowest)
    second = 0.5 * (1.0 - lowest**2)
    while True:
        if rng.random() * (first + second) < first:
            share = math.exp(-first * rng.random())
        else:
            share = math.sqrt(lowest**2 + (1.0 - lowest**2) * rng.random())
        t = (1.0 - share) / (k * share)  # 1 - cos
        if rng.random() < 1.0 - share * t * (2.0 - t) / (1.0 + share**2):
            return share * photon
