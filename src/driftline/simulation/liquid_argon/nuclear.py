r"""Decays, capture, and collisions with nuclei: simple forms.

- Muons at rest decay, with the Michel spectrum of :math:`\mu\to e\nu\bar\nu` to lowest order; of
  the negative ones 76 % are captured first (lifetimes of 537 ns in argon and 2197 ns in vacuum;
  Suzuki, Measday and Roalsvig, Phys. Rev. C 35 (1987) 2212). A capture leaves a gamma of 2 MeV on
  average.
- Positive pions at rest decay to a muon of 4.12 MeV; pions in flight decay with their lifetime.
- Negative pions at rest are absorbed: a star of 1.2 protons on average, exponential energies, one
  gamma on average; the rest goes to neutrons and binding, which are not followed.
- In flight, nucleons and pions meet nuclei after the mean free paths of ``argon``. A proton knocks
  out a nucleon; a pion knocks one out (60 %), turns neutral (15 %) or is absorbed (25 %). Two
  bodies scatter isotropically in their rest frame, the struck nucleon at rest before, and pays
  8 MeV to leave.

Multiplicities and energies of stars are round numbers of the right size, not a nuclear model.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import (
    ATOMIC_NUMBER,
    ELECTRON,
    ELECTRON_MASS,
    MASSES,
    MOLAR_MASS,
    MUON_MASS,
    MUON_MINUS,
    MUON_PLUS,
    NEUTRAL_PION_MASS,
    PHOTON,
    PION_MASS,
    PION_MINUS,
    PION_PLUS,
    POSITRON,
    PROTON,
    PROTON_MASS,
)
from driftline.simulation.liquid_argon.particles import (
    KIND,
    KINETIC,
    NEUTRINOS,
    NUCLEI,
    UX,
    Work,
    emit,
    emit_anywhere,
    make_electron,
    momentum,
    turn,
)

Array = NDArray[np.float64]

CAPTURED = 1.0 - 0.98 * 537.0 / 2197.0
"""Share of negative muons at rest that argon captures; 0.98 is Huff's factor."""
BINDING = 8.0
"""[MeV] Price of a nucleon."""
LARGEST_MICHEL = (MUON_MASS**2 + ELECTRON_MASS**2) / (2.0 * MUON_MASS)
"""[MeV] End point of the electron's energy in muon decay, 52.83."""
PION_DECAY_LENGTH = 780.45
"""[cm] c tau of charged pions."""
_GAMMA, _STAR_PROTONS, _STAR_ENERGY = 2.0, 1.2, 0.09
_KNOCKED_OUT, _NEUTRAL = 0.60, 0.15


@njit(cache=True, nogil=True)
def michel(rng: np.random.Generator) -> float:
    r"""Total energy of a muon's electron [MeV], of density :math:`x^2(3-2x)`."""
    while True:
        x = rng.random()
        if rng.random() < x * x * (3.0 - 2.0 * x) and x * LARGEST_MICHEL > ELECTRON_MASS:
            return x * LARGEST_MICHEL


@njit(cache=True, nogil=True)
def _decay_muon(work: Work, muon: Array, rng: np.random.Generator) -> None:
    kind = ELECTRON if int(muon[KIND]) == MUON_MINUS else POSITRON
    energy = michel(rng)
    work.ledger[NEUTRINOS] += MUON_MASS - energy
    make_electron(work, 1)
    emit_anywhere(work, muon, kind, energy - ELECTRON_MASS, rng)


@njit(cache=True, nogil=True)
def _capture_muon(work: Work, muon: Array, rng: np.random.Generator) -> None:
    excitation = min(15.0 * rng.standard_exponential(), 50.0)
    gamma = min(_GAMMA * rng.standard_exponential(), excitation)
    emit_anywhere(work, muon, PHOTON, gamma, rng)
    work.ledger[NUCLEI] += excitation - gamma
    work.ledger[NEUTRINOS] += MUON_MASS - excitation


@njit(cache=True, nogil=True)
def _star(
    work: Work, parent: Array, available: float, protons: float, rng: np.random.Generator
) -> None:
    """Break a nucleus with so much energy [MeV], into so many protons on average."""
    left = available
    drawn = rng.standard_exponential()
    while drawn < protons:  # a Poisson number of times
        drawn += rng.standard_exponential()
        kinetic = _STAR_ENERGY * available * rng.standard_exponential()
        if kinetic + BINDING < left:
            emit_anywhere(work, parent, PROTON, kinetic, rng)
            left -= kinetic + BINDING
            work.ledger[NUCLEI] += BINDING
    gamma = 1.5 * _GAMMA * rng.standard_exponential()
    if gamma < left:
        emit_anywhere(work, parent, PHOTON, gamma, rng)
        left -= gamma
    work.ledger[NUCLEI] += left


@njit(cache=True, nogil=True)
def at_rest(work: Work, particle: Array, rng: np.random.Generator) -> None:
    """What a particle does when it has stopped."""
    kind = int(particle[KIND])
    if kind == MUON_PLUS or (kind == MUON_MINUS and rng.random() > CAPTURED):
        _decay_muon(work, particle, rng)
    elif kind == MUON_MINUS:
        _capture_muon(work, particle, rng)
    elif kind == PION_PLUS:
        kinetic = (PION_MASS - MUON_MASS) ** 2 / (2.0 * PION_MASS)
        emit_anywhere(work, particle, MUON_PLUS, kinetic, rng)
        work.ledger[NEUTRINOS] += PION_MASS - MUON_MASS - kinetic
    elif kind == PION_MINUS:
        _star(work, particle, PION_MASS, _STAR_PROTONS, rng)


@njit(cache=True, nogil=True)
def two_bodies(
    energy: float, impulse: float, first: float, second: float, rng: np.random.Generator
) -> tuple:
    """A system of total energy and momentum breaks into two masses, isotropic in its rest frame.

    Returns:
        Kinetic energy and cosine to the system's direction of the first, the same of the second;
        [MeV]. Energies are negative where the masses exceed what there is.
    """
    total = math.sqrt(max(energy**2 - impulse**2, 1e-12))
    if first + second >= total:
        return -1.0, 1.0, -1.0, 1.0
    energy_first = (total**2 + first**2 - second**2) / (2.0 * total)
    energy_second = total - energy_first
    inside = math.sqrt(max(energy_first**2 - first**2, 0.0))
    along = inside * (2.0 * rng.random() - 1.0)
    across = math.sqrt(max(inside**2 - along**2, 0.0))
    gamma, boost = energy / total, impulse / total
    forward = gamma * along + boost * energy_first
    backward = -gamma * along + boost * energy_second
    return (
        gamma * energy_first + boost * along - first,
        forward / max(math.hypot(forward, across), 1e-9),
        gamma * energy_second - boost * along - second,
        backward / max(math.hypot(backward, across), 1e-9),
    )


@njit(cache=True, nogil=True)
def decay_in_flight(work: Work, pion: Array, rng: np.random.Generator) -> None:
    """A pion becomes a muon and a neutrino."""
    energy = pion[KINETIC] + PION_MASS
    impulse = momentum(pion[KINETIC], PION_MASS)
    kinetic, cosine, neutrino, _ = two_bodies(energy, impulse, MUON_MASS, 0.0, rng)
    kind = MUON_PLUS if int(pion[KIND]) == PION_PLUS else MUON_MINUS
    emit(work, pion, kind, kinetic, cosine, 2.0 * math.pi * rng.random(), 0.0)
    work.ledger[NEUTRINOS] += neutrino


@njit(cache=True, nogil=True)
def _leave(
    work: Work, parent: Array, proton: bool, kinetic: float, cosine: float, azimuth: float
) -> None:
    """A struck nucleon pays its binding; neutrons are not followed."""
    if proton and kinetic > BINDING:
        emit(work, parent, PROTON, kinetic - BINDING, cosine, azimuth, 0.0)
        work.ledger[NUCLEI] += BINDING
    else:
        work.ledger[NUCLEI] += kinetic


@njit(cache=True, nogil=True)
def _neutral_pion(
    work: Work,
    parent: Array,
    kinetic: float,
    cosine: float,
    azimuth: float,
    rng: np.random.Generator,
) -> None:
    """Two photons from where the pion was made."""
    flying = parent.copy()
    turn(flying[UX : UX + 3], cosine, azimuth)
    impulse = momentum(kinetic, NEUTRAL_PION_MASS)
    first, a, second, b = two_bodies(kinetic + NEUTRAL_PION_MASS, impulse, 0.0, 0.0, rng)
    around = 2.0 * math.pi * rng.random()
    emit(work, flying, PHOTON, first, a, around, 0.0)
    emit(work, flying, PHOTON, second, b, around + math.pi, 0.0)


@njit(cache=True, nogil=True)
def hit_nucleus(work: Work, particle: Array, rng: np.random.Generator) -> None:
    """A pion or a proton meets a nucleus; it ends here, what comes out is followed."""
    kind = int(particle[KIND])
    mass = MASSES[kind]
    choice = rng.random() if kind != PROTON else 0.0
    if choice > _KNOCKED_OUT + _NEUTRAL:
        _star(work, particle, particle[KINETIC] + mass, 2.0 * _STAR_PROTONS, rng)
        return
    neutral = choice > _KNOCKED_OUT
    after = NEUTRAL_PION_MASS if neutral else mass
    energy = particle[KINETIC] + mass + PROTON_MASS
    impulse = momentum(particle[KINETIC], mass)
    kinetic, cosine, struck, other = two_bodies(energy, impulse, after, PROTON_MASS, rng)
    azimuth = 2.0 * math.pi * rng.random()
    proton = kind == PION_PLUS if neutral else rng.random() < ATOMIC_NUMBER / MOLAR_MASS
    _leave(work, particle, proton, struck, other, azimuth + math.pi)
    if neutral:
        _neutral_pion(work, particle, kinetic, cosine, azimuth, rng)
    else:
        emit(work, particle, kind, kinetic, cosine, azimuth, 0.0)
