"""What transport works on: particles yet to follow, energy deposited so far, energy gone elsewhere.

A particle is a row of nine numbers, addressed by the constants below.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import (
    ELECTRON_MASS,
    MASSES,
    MUON_MINUS,
    PION_PLUS,
)

Array = NDArray[np.float64]

# Columns of a particle: position and direction take three each; path since its start [cm].
KIND, X, UX, KINETIC, PATH = 0, 1, 4, 7, 8
COLUMNS = 9

# Columns of a deposit: ends of a segment [cm], energy [MeV], loss along it [MeV/cm], particle.
BEGIN, END, ENERGY, LOSS, MAKER = 0, 3, 6, 7, 8

# Where energy goes that is not deposited [MeV].
NEUTRINOS, NUCLEI, ESCAPED, ELECTRON_MASSES = range(4)
LEDGER = ("neutrinos", "nuclei", "escaped", "electron masses")
"""Neutrinos; neutrons, nuclear binding and recoils; what left the volume; electrons that stay."""

_WAITING = 4096


class Work(NamedTuple):
    """Arrays of one event, used again for the next.

    Attributes:
        waiting: (capacity, 9) particles to follow.
        deposits: (capacity, 9) segments with energy.
        counts: (2,) rows in use of both.
        ledger: (4,) [MeV] by ``LEDGER``.
    """

    waiting: Array
    deposits: Array
    counts: NDArray[np.int64]
    ledger: Array


def make_work(energy: float) -> Work:
    """Room for an event of at most so much energy [MeV]."""
    room = 4000 + int(80 * energy)
    waiting, deposits = np.zeros((_WAITING, COLUMNS)), np.zeros((room, COLUMNS))
    return Work(waiting, deposits, np.zeros(2, np.int64), np.zeros(len(LEDGER)))


@njit(cache=True, nogil=True)
def deposit(work: Work, particle: Array, step: float, energy: float, loss: float) -> None:
    """Record energy left on the step that a particle is about to make."""
    index = work.counts[1]
    if index == len(work.deposits):
        raise RuntimeError("more deposits than expected of this energy")
    row = work.deposits[index]
    for i in range(3):
        row[BEGIN + i] = particle[X + i]
        row[END + i] = particle[X + i] + step * particle[UX + i]
    row[ENERGY] = energy
    row[LOSS] = loss
    row[MAKER] = particle[KIND]
    work.counts[1] = index + 1


@njit(cache=True, nogil=True)
def turn(direction: Array, cosine: float, azimuth: float) -> None:
    """Turn a unit vector (3,) in place by a polar angle and an azimuth about itself."""
    x, y, z = direction[0], direction[1], direction[2]
    sine = math.sqrt(max(1.0 - cosine**2, 0.0))
    a, b = sine * math.cos(azimuth), sine * math.sin(azimuth)
    across = x**2 + y**2
    if across < 1e-12:
        direction[0], direction[1], direction[2] = a, b, math.copysign(cosine, z)
        return
    root = math.sqrt(across)
    direction[0] = x * cosine + (x * z * a - y * b) / root
    direction[1] = y * cosine + (y * z * a + x * b) / root
    direction[2] = z * cosine - root * a
    norm = 1.0 / math.sqrt(direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2)
    for i in range(3):
        direction[i] *= norm


@njit(cache=True, nogil=True)
def advance(particle: Array, step: float, angle: float, rng: np.random.Generator) -> None:
    """Move straight on, then turn by an angle, whose azimuth is random."""
    for i in range(3):
        particle[X + i] += step * particle[UX + i]
    particle[PATH] += step
    turn(particle[UX : UX + 3], math.cos(angle), 2.0 * math.pi * rng.random())


@njit(cache=True, nogil=True)
def emit(
    work: Work,
    parent: Array,
    kind: int,
    kinetic: float,
    cosine: float,
    azimuth: float,
    ahead: float,
) -> None:
    """Add a particle at an angle to its parent, ``ahead`` [cm] of the parent's place."""
    index = work.counts[0]
    if index == len(work.waiting):
        raise RuntimeError("more particles waiting than expected")
    row = work.waiting[index]
    for i in range(3):
        row[X + i] = parent[X + i] + ahead * parent[UX + i]
        row[UX + i] = parent[UX + i]
    turn(row[UX : UX + 3], cosine, azimuth)
    row[KIND] = kind
    row[KINETIC] = kinetic
    row[PATH] = 0.0
    work.counts[0] = index + 1


@njit(cache=True, nogil=True)
def emit_anywhere(
    work: Work, parent: Array, kind: int, kinetic: float, rng: np.random.Generator
) -> None:
    """Add a particle at the parent's place in a random direction."""
    cosine, azimuth = 2.0 * rng.random() - 1.0, 2.0 * math.pi * rng.random()
    emit(work, parent, kind, kinetic, cosine, azimuth, 0.0)


@njit(cache=True, nogil=True)
def momentum(kinetic: float, mass: float) -> float:
    """[MeV/c]"""
    return math.sqrt(kinetic * (kinetic + 2.0 * mass))


@njit(cache=True, nogil=True)
def contents(kind: int, kinetic: float) -> float:
    """Energy that a particle brings: with the mass of what decays or annihilates [MeV]."""
    if MUON_MINUS <= kind <= PION_PLUS:
        return kinetic + MASSES[kind]
    return kinetic


@njit(cache=True, nogil=True)
def outside(particle: Array, lowest: float, highest: float) -> bool:
    """Whether a particle is outside the cube between two values of its coordinates [cm]."""
    for i in range(3):
        if particle[X + i] < lowest or particle[X + i] > highest:
            return True
    return False


@njit(cache=True, nogil=True)
def escape(work: Work, particle: Array) -> None:
    """Book what a particle takes out of the volume; an electron's mass was booked when made."""
    kind = int(particle[KIND])
    work.ledger[ESCAPED] += contents(kind, particle[KINETIC])


@njit(cache=True, nogil=True)
def make_electron(work: Work, number: int) -> None:
    """Book the masses of electrons (positrons too) that appeared; negative when they vanish."""
    work.ledger[ELECTRON_MASSES] += number * ELECTRON_MASS


def deposited(work: Work) -> float:
    """Sum of the deposits [MeV]."""
    return float(work.deposits[: work.counts[1], ENERGY].sum())
