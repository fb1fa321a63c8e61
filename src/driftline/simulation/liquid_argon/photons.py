"""Photons: Compton scattering, the photoelectric effect and conversion to pairs."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import (
    DENSITY,
    ELECTRON,
    ELECTRON_MASS,
    ELECTRONS,
    PHOTON,
    POSITRON,
    THOMSON,
)
from driftline.simulation.liquid_argon.collisions import ELECTRON_CUT
from driftline.simulation.liquid_argon.electrons import leave
from driftline.simulation.liquid_argon.particles import (
    KIND,
    KINETIC,
    UX,
    Work,
    X,
    emit,
    escape,
    make_electron,
    momentum,
    outside,
    turn,
)
from driftline.simulation.liquid_argon.radiation import (
    PHOTON_CUT,
    Tables,
    interpolate,
    opening_angle,
    pair,
)

Array = NDArray[np.float64]


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
def compton(photon: float, rng: np.random.Generator) -> float:
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


@njit(cache=True, nogil=True)
def _recoil(work: Work, particle: Array, kinetic: float, cosine: float, azimuth: float) -> None:
    """An electron made by a photon: followed, or left where it is."""
    if kinetic > ELECTRON_CUT:
        emit(work, particle, ELECTRON, kinetic, cosine, azimuth, 0.0)
    else:
        particle[KIND] = ELECTRON
        leave(work, particle, kinetic)
        particle[KIND] = PHOTON


@njit(cache=True, nogil=True)
def _convert(work: Work, particle: Array, rng: np.random.Generator) -> None:
    """A photon becomes a pair."""
    photon = particle[KINETIC]
    positron = pair(photon, rng)
    azimuth = 2.0 * math.pi * rng.random()
    make_electron(work, 2)
    for kind, energy in ((POSITRON, positron), (ELECTRON, photon - positron)):
        cosine = math.cos(opening_angle(energy, rng))
        emit(work, particle, kind, energy - ELECTRON_MASS, cosine, azimuth, 0.0)
        azimuth += math.pi


@njit(cache=True, nogil=True)
def _scatter(work: Work, particle: Array, rng: np.random.Generator) -> None:
    """A photon scatters on an electron at rest, and goes on."""
    photon = particle[KINETIC]
    left = compton(photon, rng)
    kinetic = photon - left
    cosine = 1.0 - ELECTRON_MASS * (1.0 / left - 1.0 / photon)
    azimuth = 2.0 * math.pi * rng.random()
    along = (photon - left * cosine) / max(momentum(kinetic, ELECTRON_MASS), 1e-9)
    _recoil(work, particle, kinetic, min(max(along, -1.0), 1.0), azimuth + math.pi)
    turn(particle[UX : UX + 3], cosine, azimuth)
    particle[KINETIC] = left


@njit(cache=True, nogil=True)
def follow_photon(
    work: Work,
    particle: Array,
    tables: Tables,
    lowest: float,
    highest: float,
    rng: np.random.Generator,
) -> None:
    """Follow a photon until it is absorbed; arguments as ``transport``."""
    while particle[KINETIC] > PHOTON_CUT:
        photon = particle[KINETIC]
        absorbed, converted = photoelectric_rate(photon), 0.0
        if photon > 2.0 * ELECTRON_MASS:
            converted = interpolate(tables, tables.pairs, photon)
        rate = compton_rate(photon) + absorbed + converted
        step = rng.standard_exponential() / rate
        for i in range(3):
            particle[X + i] += step * particle[UX + i]
        if outside(particle, lowest, highest):
            escape(work, particle)
            return
        choice = rng.random() * rate
        if choice < converted:
            _convert(work, particle, rng)
            return
        if choice < converted + absorbed:
            break
        _scatter(work, particle, rng)
    cosine, azimuth = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    _recoil(work, particle, particle[KINETIC], cosine, azimuth)
