"""Muons, pions and protons: ionisation, decays and nuclei."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import (
    MASSES,
    MUON_PLUS,
    NUCLEAR_LENGTH,
    PION_LENGTH,
    PROTON,
)
from driftline.simulation.liquid_argon.collisions import LONGEST_STEP, collide
from driftline.simulation.liquid_argon.ionisation import heavy_loss
from driftline.simulation.liquid_argon.nuclear import (
    PION_DECAY_LENGTH,
    at_rest,
    decay_in_flight,
    hit_nucleus,
)
from driftline.simulation.liquid_argon.particles import (
    KIND,
    KINETIC,
    PATH,
    Work,
    advance,
    deposit,
    escape,
    momentum,
    outside,
)
from driftline.simulation.liquid_argon.scattering import scattering_angle

Array = NDArray[np.float64]

_LARGEST_SHARE = 0.1
"""Of its energy that a particle may lose on a step."""
_STOPPED, _SLOWEST_IN_NUCLEI = 1.0, 30.0
"""[MeV] What is slower stays where it is (ranges below 0.1 mm), and does not enter nuclei."""


@njit(cache=True, nogil=True)
def follow_heavy(
    work: Work, particle: Array, lowest: float, highest: float, rng: np.random.Generator
) -> None:
    """Follow a muon, a pion or a proton to its end; arguments as ``transport``."""
    kind = int(particle[KIND])
    mass = MASSES[kind]
    nucleus = math.inf
    if kind > MUON_PLUS:
        nucleus = rng.standard_exponential() * (NUCLEAR_LENGTH if kind == PROTON else PION_LENGTH)
    while particle[KINETIC] > _STOPPED:
        if outside(particle, lowest, highest):
            escape(work, particle)
            return
        loss = heavy_loss(particle[KINETIC] / mass + 1.0, mass, math.inf)
        step = min(LONGEST_STEP, _LARGEST_SHARE * particle[KINETIC] / loss)
        kinetic = particle[KINETIC] - 0.5 * step * loss
        impulse = momentum(kinetic, mass)
        beta2 = (impulse / (kinetic + mass)) ** 2
        lost, carried = collide(work, particle, step, kinetic, rng)
        deposit(work, particle, step, lost, lost / step)
        angle = scattering_angle(step, particle[PATH], impulse, beta2, rng)
        advance(particle, step, angle, rng)
        particle[KINETIC] -= lost + carried
        if kind > MUON_PLUS and particle[KINETIC] > _SLOWEST_IN_NUCLEI:
            nucleus -= step
            if nucleus < 0.0:
                hit_nucleus(work, particle, rng)
                return
            if kind != PROTON and rng.random() < step * mass / (impulse * PION_DECAY_LENGTH):
                decay_in_flight(work, particle, rng)
                return
    if particle[KINETIC] > 0.0:
        loss = heavy_loss(1.0 + _STOPPED / mass, mass, math.inf)
        deposit(work, particle, 0.0, particle[KINETIC], loss)
    at_rest(work, particle, rng)
