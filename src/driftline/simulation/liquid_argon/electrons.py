"""Electrons and positrons: ionisation, bremsstrahlung, annihilation at rest."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import (
    COLLISIONS,
    ELECTRON_MASS,
    PHOTON,
    POSITRON,
)
from driftline.simulation.liquid_argon.collisions import ELECTRON_CUT, LONGEST_STEP, collide
from driftline.simulation.liquid_argon.ionisation import electron_loss
from driftline.simulation.liquid_argon.particles import (
    KIND,
    KINETIC,
    PATH,
    Work,
    advance,
    deposit,
    emit,
    escape,
    make_electron,
    momentum,
    outside,
)
from driftline.simulation.liquid_argon.radiation import (
    PHOTON_CUT,
    Tables,
    bremsstrahlung,
    interpolate,
    opening_angle,
)
from driftline.simulation.liquid_argon.scattering import scattering_angle

Array = NDArray[np.float64]

_LARGEST_SHARE = 0.15
"""Of its energy that an electron may lose on a step, roughly."""
_LOGARITHM = 10.0
"""Bracket of the formula of the loss, roughly."""
_SLOWEST = 0.01


@njit(cache=True, nogil=True)
def leave(work: Work, particle: Array, kinetic: float) -> None:
    """Deposit the energy of an electron too slow to be followed."""
    if kinetic > 0.0:
        deposit(work, particle, 0.0, kinetic, electron_loss(max(kinetic, _SLOWEST), kinetic))


@njit(cache=True, nogil=True)
def _annihilate(work: Work, positron: Array, rng: np.random.Generator) -> None:
    """Two photons back to back."""
    make_electron(work, -2)
    cosine, azimuth = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    emit(work, positron, PHOTON, ELECTRON_MASS, cosine, azimuth, 0.0)
    emit(work, positron, PHOTON, ELECTRON_MASS, -cosine, azimuth + math.pi, 0.0)


@njit(cache=True, nogil=True)
def _radiate(work: Work, particle: Array, rng: np.random.Generator) -> None:
    """Emit a photon; the electron keeps its direction."""
    photon = bremsstrahlung(particle[KINETIC], rng)
    cosine = math.cos(opening_angle(particle[KINETIC] + ELECTRON_MASS, rng))
    emit(work, particle, PHOTON, photon, cosine, 2.0 * math.pi * rng.random(), 0.0)
    particle[KINETIC] -= photon


@njit(cache=True, nogil=True)
def follow_electron(
    work: Work,
    particle: Array,
    tables: Tables,
    lowest: float,
    highest: float,
    rng: np.random.Generator,
) -> None:
    """Follow an electron or a positron to its end; arguments as ``transport``."""
    while particle[KINETIC] > ELECTRON_CUT:
        if outside(particle, lowest, highest):
            escape(work, particle)
            return
        kinetic = particle[KINETIC]
        radiation = rng.standard_exponential() / interpolate(tables, tables.photons, kinetic)
        beta2 = 1.0 - 1.0 / (kinetic / ELECTRON_MASS + 1.0) ** 2
        loss = _LOGARITHM * COLLISIONS / beta2
        step = min(LONGEST_STEP, _LARGEST_SHARE * kinetic / loss)
        radiates = radiation < step
        step = min(step, radiation)
        kinetic -= 0.5 * step * loss
        impulse = momentum(kinetic, ELECTRON_MASS)
        beta2 = (impulse / (kinetic + ELECTRON_MASS)) ** 2
        lost, carried = collide(work, particle, step, kinetic, rng)
        lost += step * interpolate(tables, tables.soft, kinetic)
        lost = min(lost, particle[KINETIC] - carried)
        deposit(work, particle, step, lost, lost / step)
        angle = scattering_angle(step, particle[PATH], impulse, beta2, rng)
        advance(particle, step, angle, rng)
        particle[KINETIC] -= lost + carried
        if radiates and particle[KINETIC] > PHOTON_CUT:
            _radiate(work, particle, rng)
    leave(work, particle, particle[KINETIC])
    if int(particle[KIND]) == POSITRON:
        _annihilate(work, particle, rng)
