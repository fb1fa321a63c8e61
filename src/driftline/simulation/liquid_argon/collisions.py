"""A step of a charged particle through the electrons of the medium."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import (
    COLLISIONS,
    ELECTRON,
    ELECTRON_MASS,
    MASSES,
    POSITRON,
)
from driftline.simulation.liquid_argon.ionisation import (
    electron_collisions,
    electron_loss,
    electron_transfer,
    heavy_collisions,
    heavy_loss,
    heavy_transfer,
    largest_transfer,
)
from driftline.simulation.liquid_argon.particles import KIND, KINETIC, Work, emit, momentum

Array = NDArray[np.float64]

ELECTRON_CUT = 0.2
"""[MeV] Slower electrons (range 0.5 mm) stay where they are, part of what knocked them on."""
LONGEST_STEP = 0.3
"""[cm]"""
_SOFTEST, _HARD_COLLISIONS = 0.007, 4.0
"""[MeV] Transfers below the first, or of which there are more than the second in a step, are summed
up as a normal distribution."""


@njit(cache=True, nogil=True)
def _knock_on(
    work: Work, particle: Array, transfer: float, ahead: float, rng: np.random.Generator
) -> None:
    """Emit the electron of a collision, at the angle of scattering on an electron at rest."""
    mass = MASSES[int(particle[KIND])]
    impulse = momentum(particle[KINETIC], mass)
    total = particle[KINETIC] + mass + ELECTRON_MASS
    cosine = transfer * total / (impulse * momentum(transfer, ELECTRON_MASS))
    emit(work, particle, ELECTRON, transfer, min(cosine, 1.0), 2.0 * math.pi * rng.random(), ahead)


@njit(cache=True, nogil=True)
def collide(
    work: Work, particle: Array, step: float, kinetic: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Lose energy to electrons on a step [cm]; those above ``ELECTRON_CUT`` are emitted.

    Soft transfers are a normal distribution of variance xi low about the restricted mean loss,
    with xi the constant of Rutherford's spectrum of the step, the others are drawn one by one. Both
    are those of ``kinetic`` [MeV], the energy expected half way.

    Returns:
        Energy left on the step, energy carried away by electrons emitted [MeV]; no more together
        than the particle has.
    """
    kind = int(particle[KIND])
    mass = MASSES[kind]
    beta2 = 1.0 - 1.0 / (kinetic / mass + 1.0) ** 2
    light = kind <= POSITRON
    largest = 0.5 * kinetic if light else largest_transfer(kinetic / mass + 1.0, mass)
    xi = 0.5 * COLLISIONS * step / beta2
    low = min(max(_SOFTEST, xi / _HARD_COLLISIONS), largest)
    if light:
        mean, rate = electron_loss(kinetic, low), electron_collisions(kinetic, low)
    else:
        mean = heavy_loss(kinetic / mass + 1.0, mass, low)
        rate = heavy_collisions(beta2, largest, low)
    spread = math.sqrt(xi * low * (1.0 - 0.5 * beta2 * low / largest))
    lost = max(mean * step + spread * rng.standard_normal(), 0.0)
    carried = 0.0
    ahead = rng.standard_exponential() / max(rate, 1e-9)
    while ahead < step:
        if light:
            transfer = electron_transfer(kinetic, low, rng)
        else:
            transfer = heavy_transfer(beta2, largest, low, rng)
        if transfer <= ELECTRON_CUT:
            lost += transfer
        elif lost + carried + transfer < particle[KINETIC]:
            _knock_on(work, particle, transfer, ahead, rng)
            carried += transfer
        ahead += rng.standard_exponential() / rate
    return min(lost, particle[KINETIC] - carried), carried
