"""Particles on their way through liquid argon, until all their energy is accounted for.

The medium has no end; particles that leave a cube around the detector are dropped.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import (
    COLLISIONS,
    ELECTRON,
    ELECTRON_MASS,
    MASSES,
    MUON_PLUS,
    NUCLEAR_LENGTH,
    PHOTON,
    PION_LENGTH,
    POSITRON,
    PROTON,
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
from driftline.simulation.liquid_argon.nuclear import (
    PION_DECAY_LENGTH,
    at_rest,
    decay_in_flight,
    hit_nucleus,
)
from driftline.simulation.liquid_argon.particles import (
    ENERGY,
    KIND,
    KINETIC,
    PATH,
    UX,
    Work,
    X,
    deposit,
    emit,
    escape,
    make_electron,
    momentum,
    outside,
    turn,
)
from driftline.simulation.liquid_argon.photons import (
    compton,
    compton_rate,
    photoelectric_rate,
)
from driftline.simulation.liquid_argon.radiation import (
    PHOTON_CUT,
    Tables,
    bremsstrahlung,
    interpolate,
    opening_angle,
    pair,
)
from driftline.simulation.liquid_argon.scattering import scattering_angle

Array = NDArray[np.float64]

ELECTRON_CUT = 0.2
"""[MeV] Electrons below it (range 0.3 mm) stay where they are; knocked-on ones belong to the track."""
LONGEST_STEP = 0.3
"""[cm]"""
_ELECTRON_SHARE, _HEAVY_SHARE = 0.15, 0.1
_SOFTEST = 0.007
_STOPPED, _SLOWEST_IN_NUCLEI = 1.0, 30.0


@njit(cache=True, nogil=True)
def _soft_loss(mean: float, xi: float, low: float, rng) -> float:  # noqa: ANN001
    """Loss in transfers below ``low``: normal, of variance xi low; never negative."""
    return max(mean + math.sqrt(xi * low) * rng.standard_normal(), 0.0)


@njit(cache=True, nogil=True)
def _advance(particle: Array, step: float, angle: float, rng) -> None:  # noqa: ANN001
    """Move straight on, then turn by the angle of multiple scattering."""
    for i in range(3):
        particle[X + i] += step * particle[UX + i]
    particle[PATH] += step
    turn(particle[UX : UX + 3], math.cos(angle), 2.0 * math.pi * rng.random())


@njit(cache=True, nogil=True)
def _knock_on(work: Work, particle: Array, transfer: float, total: float, impulse: float, ahead: float, rng) -> None:  # noqa: ANN001
    """Emit the electron of a collision, at the angle of scattering on an electron at rest."""
    cosine = transfer * (total + ELECTRON_MASS) / (impulse * momentum(transfer, ELECTRON_MASS))
    emit(work, particle, ELECTRON, transfer, min(cosine, 1.0), 2.0 * math.pi * rng.random(), ahead)


@njit(cache=True, nogil=True)
def _stop_electron(work: Work, particle: Array, rng) -> None:  # noqa: ANN001
    """Leave the rest of the energy here; positrons annihilate."""
    kinetic = particle[KINETIC]
    if kinetic > 0.0:
        deposit(work, particle, 0.0, kinetic, electron_loss(max(kinetic, 0.01), kinetic))
    if int(particle[KIND]) == POSITRON:
        make_electron(work, -2)
        cosine, azimuth = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
        emit(work, particle, PHOTON, ELECTRON_MASS, cosine, azimuth, 0.0)
        emit(work, particle, PHOTON, ELECTRON_MASS, -cosine, azimuth + math.pi, 0.0)


@njit(cache=True, nogil=True)
def _electron(work: Work, particle: Array, tables: Tables, lowest: float, highest: float, rng) -> None:  # noqa: ANN001
    """Follow an electron or a positron to its end."""
    while particle[KINETIC] > ELECTRON_CUT:
        if outside(particle, lowest, highest):
            escape(work, particle)
            return
        kinetic = particle[KINETIC]
        total = kinetic + ELECTRON_MASS
        impulse = momentum(kinetic, ELECTRON_MASS)
        beta2 = (impulse / total) ** 2
        radiate = rng.standard_exponential() / interpolate(tables, tables.photons, kinetic)
        rough = COLLISIONS / beta2 * 7.5
        step = min(LONGEST_STEP, _ELECTRON_SHARE * kinetic / rough)
        radiates = radiate < step
        if radiates:
            step = radiate
        xi = 0.5 * COLLISIONS * step / beta2
        low = max(_SOFTEST, 0.25 * xi)
        mean = electron_loss(kinetic, low) + interpolate(tables, tables.soft, kinetic)
        lost = _soft_loss(mean * step, xi, low, rng)
        carried = 0.0
        rate = electron_collisions(kinetic, low)
        at = rng.standard_exponential() / rate
        while at < step:
            transfer = electron_transfer(kinetic, low, rng)
            if transfer > ELECTRON_CUT:
                if lost + carried + transfer < kinetic:
                    _knock_on(work, particle, transfer, total, impulse, at, rng)
                    carried += transfer
            else:
                lost += transfer
            at += rng.standard_exponential() / rate
        lost = min(lost, kinetic - carried)
        deposit(work, particle, step, lost, lost / step)
        angle = scattering_angle(step, particle[PATH], impulse, beta2, rng)
        _advance(particle, step, angle, rng)
        particle[KINETIC] = kinetic - lost - carried
        if radiates and particle[KINETIC] > PHOTON_CUT:
            photon = bremsstrahlung(particle[KINETIC], rng)
            cosine = math.cos(opening_angle(total, rng))
            emit(work, particle, PHOTON, photon, cosine, 2.0 * math.pi * rng.random(), 0.0)
            particle[KINETIC] -= photon
    _stop_electron(work, particle, rng)


@njit(cache=True, nogil=True)
def _recoil(work: Work, particle: Array, kinetic: float, cosine: float, azimuth: float) -> None:
    """An electron made by a photon: followed, or left where it is."""
    if kinetic > ELECTRON_CUT:
        emit(work, particle, ELECTRON, kinetic, cosine, azimuth, 0.0)
    elif kinetic > 0.0:
        particle[KIND] = ELECTRON
        deposit(work, particle, 0.0, kinetic, electron_loss(max(kinetic, 0.01), kinetic))
        particle[KIND] = PHOTON


@njit(cache=True, nogil=True)
def _convert(work: Work, particle: Array, rng) -> None:  # noqa: ANN001
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
def _photon(work: Work, particle: Array, tables: Tables, lowest: float, highest: float, rng) -> None:  # noqa: ANN001
    """Follow a photon until it is absorbed."""
    while particle[KINETIC] > PHOTON_CUT:
        photon = particle[KINETIC]
        scatters, absorbs = compton_rate(photon), photoelectric_rate(photon)
        converts = interpolate(tables, tables.pairs, photon) if photon > 2.0 * ELECTRON_MASS else 0.0
        rate = scatters + absorbs + converts
        step = rng.standard_exponential() / rate
        for i in range(3):
            particle[X + i] += step * particle[UX + i]
        if outside(particle, lowest, highest):
            escape(work, particle)
            return
        choice = rng.random() * rate
        if choice < converts:
            _convert(work, particle, rng)
            return
        if choice < converts + absorbs:
            _recoil(work, particle, photon, 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random())
            return
        left = compton(photon, rng)
        kinetic = photon - left
        cosine = 1.0 - ELECTRON_MASS * (1.0 / left - 1.0 / photon)
        azimuth = 2.0 * math.pi * rng.random()
        impulse = max(momentum(kinetic, ELECTRON_MASS), 1e-9)
        back = (photon - left * cosine) / impulse
        _recoil(work, particle, kinetic, min(max(back, -1.0), 1.0), azimuth + math.pi)
        turn(particle[UX : UX + 3], cosine, azimuth)
        particle[KINETIC] = left
    _recoil(work, particle, particle[KINETIC], 1.0, 0.0)


@njit(cache=True, nogil=True)
def _heavy(work: Work, particle: Array, lowest: float, highest: float, rng) -> None:  # noqa: ANN001
    """Follow a muon, a pion or a proton to its end."""
    kind = int(particle[KIND])
    mass = MASSES[kind]
    strong = kind > MUON_PLUS
    nucleus = rng.standard_exponential() * (NUCLEAR_LENGTH if kind == PROTON else PION_LENGTH)
    while particle[KINETIC] > _STOPPED:
        if outside(particle, lowest, highest):
            escape(work, particle)
            return
        kinetic = particle[KINETIC]
        total = kinetic + mass
        impulse = momentum(kinetic, mass)
        beta2 = (impulse / total) ** 2
        gamma = total / mass
        largest = largest_transfer(gamma, mass)
        step = min(LONGEST_STEP, _HEAVY_SHARE * kinetic / heavy_loss(gamma, mass, largest))
        xi = 0.5 * COLLISIONS * step / beta2
        low = min(max(_SOFTEST, 0.25 * xi), largest)
        mean = heavy_loss(gamma, mass, low) * step
        lost = _soft_loss(mean, xi * (1.0 - 0.5 * beta2 * low / largest), low, rng)
        carried = 0.0
        rate = heavy_collisions(beta2, largest, low)
        at = rng.standard_exponential() / rate if rate > 0.0 else step
        while at < step:
            transfer = heavy_transfer(beta2, largest, low, rng)
            if transfer > ELECTRON_CUT:
                if lost + carried + transfer < kinetic:
                    _knock_on(work, particle, transfer, total, impulse, at, rng)
                    carried += transfer
            else:
                lost += transfer
            at += rng.standard_exponential() / rate
        lost = min(lost, kinetic - carried)
        deposit(work, particle, step, lost, lost / step)
        angle = scattering_angle(step, particle[PATH], impulse, beta2, rng)
        _advance(particle, step, angle, rng)
        particle[KINETIC] = kinetic - lost - carried
        if strong and particle[KINETIC] > _SLOWEST_IN_NUCLEI:
            nucleus -= step
            if nucleus < 0.0:
                hit_nucleus(work, particle, rng)
                return
            if kind != PROTON and rng.random() < step * mass / (impulse * PION_DECAY_LENGTH):
                decay_in_flight(work, particle, rng)
                return
    if particle[KINETIC] > 0.0:
        deposit(work, particle, 0.0, particle[KINETIC], heavy_loss(1.0 + _STOPPED / mass, mass, 1e9))
    at_rest(work, particle, rng)


@njit(cache=True, nogil=True)
def transport(
    work: Work, particle: Array, tables: Tables, lowest: float, highest: float, rng  # noqa: ANN001
) -> None:
    """Follow a particle and all that it makes; fills the deposits and the ledger of ``work``.

    Args:
        work: from ``make_work``; what an earlier event left in it is forgotten.
        particle: (9,) the first particle, by the columns of ``particles``.
        tables: from ``make_tables``.
        lowest: particles with a coordinate below it are dropped [cm]; may be minus infinity.
        highest: the same above.
        rng: numpy Generator of this event.
    """
    work.counts[:] = 0
    work.ledger[:] = 0.0
    current = np.zeros(len(particle))
    current[:] = particle
    while True:
        kind = int(current[KIND])
        if kind == PHOTON:
            _photon(work, current, tables, lowest, highest, rng)
        elif kind < PHOTON:
            _electron(work, current, tables, lowest, highest, rng)
        else:
            _heavy(work, current, lowest, highest, rng)
        if work.counts[0] == 0:
            return
        work.counts[0] -= 1
        current[:] = work.waiting[work.counts[0]]


def deposited(work: Work) -> float:
    """Sum of the deposits [MeV]."""
    return float(work.deposits[: work.counts[1], ENERGY].sum())
