"""Events in endless liquid argon, what is measured on them, and what tables say of it.

Shared by the tests and by ``benchmarks/validate_lartpc.py``.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from driftline.simulation.liquid_argon import argon
from driftline.simulation.liquid_argon.ionisation import density_effect, heavy_loss
from driftline.simulation.liquid_argon.particles import (
    BEGIN,
    COLUMNS,
    END,
    ENERGY,
    KIND,
    KINETIC,
    LEDGER,
    LOSS,
    MAKER,
    UX,
    Work,
    X,
    make_work,
)
from driftline.simulation.liquid_argon.photons import follow_photon
from driftline.simulation.liquid_argon.radiation import Tables, make_tables
from driftline.simulation.liquid_argon.transport import transport

Array = NDArray[np.float64]

MUON_RANGE = {
    **{10: 0.9833, 20: 3.321, 40: 10.58, 80: 30.84, 100: 42.50, 200: 106.3},
    **{300: 172.5, 400: 238.5, 800: 493.4},
}
"""[MeV]: [g/cm2], Groom, Mokhov and Striganov, Atom. Data Nucl. Data Tables 78 (2001) 183; liquid
argon, table 289 of the PDG's muon stopping powers."""

PROTON_RANGE = {10: 0.1887, 20: 0.6335, 50: 3.208, 100: 10.92, 200: 36.27, 300: 71.44, 500: 161.4}
"""[MeV]: [g/cm2], NIST PSTAR, argon."""

ELECTRON_COLLISION = {0.1: 2.917, 0.2: 2.004, 0.3: 1.701, 0.5: 1.480}
"""[MeV]: [MeV cm2/g], NIST ESTAR, argon gas; below the density effect of the liquid."""

ELECTRON_RADIATION = {
    **{1: 0.02748, 2: 0.05581, 5: 0.1600, 10: 0.3595, 20: 0.7949, 50: 2.192},
    **{100: 4.614, 200: 9.573, 500: 24.69, 1000: 50.07},
}
"""[MeV]: [MeV cm2/g], NIST ESTAR, argon."""

PHOTON_ATTENUATION = {
    **{0.03: 2.697, 0.05: 0.7012, 0.1: 0.2043, 0.2: 0.1205, 0.5: 0.07958, 1: 0.05762},
    **{2: 0.04074, 3: 0.03384, 5: 0.02802, 10: 0.02451, 20: 0.02453},
}
"""[MeV]: [cm2/g], Hubbell and Seltzer, NISTIR 5632, argon, with coherent scattering."""

MINIMUM_LOSS = 1.508
"""[MeV cm2/g], of muons: Groom et al."""


def generator(seed: int) -> np.random.Generator:
    """Random numbers of one event, of the kind that the simulation uses."""
    return np.random.Generator(np.random.SFC64(seed))


@cache
def tables() -> Tables:
    """The integrated cross-sections."""
    return make_tables()


def particle(name: str, kinetic: float) -> Array:
    """A particle at the origin, along z."""
    row = np.zeros(COLUMNS)
    row[[KIND, KINETIC, UX + 2]] = argon.KINDS[name], kinetic, 1.0
    return row


@dataclass(frozen=True)
class Event:
    """Deposits (n, 9) and where the rest of the energy went."""

    deposits: Array
    ledger: dict[str, float]

    @property
    def energy(self) -> float:
        """Sum of the deposits [MeV]."""
        return float(self.deposits[:, ENERGY].sum())

    @property
    def depth(self) -> Array:
        """(n,) z of the middle of the deposits [cm]."""
        return 0.5 * (self.deposits[:, BEGIN + 2] + self.deposits[:, END + 2])

    def of(self, name: str) -> Array:
        """The deposits of one sort of particle."""
        return self.deposits[self.deposits[:, MAKER] == argon.KINDS[name]]


_WORK: list[Work] = []


def event(name: str, kinetic: float, seed: int, margin: float = np.inf) -> Event:
    """Follow a particle in endless argon, or in a cube of so many cm to each side."""
    if not _WORK or len(_WORK[0].deposits) < 4000 + int(80 * (kinetic + 1000.0)):
        _WORK[:] = [make_work(kinetic + 1000.0)]
    work = _WORK[0]
    transport(work, particle(name, kinetic), tables(), -margin, margin, generator(seed))
    deposits = work.deposits[: work.counts[1]].copy()
    return Event(deposits, dict(zip(LEDGER, work.ledger.tolist())))


def csda_range(name: str, kinetic: float) -> float:
    """Range from the mean loss [g/cm2]; taken to grow as energy^1.75 below 1 MeV."""
    mass = argon.MASSES[argon.KINDS[name]]
    energies = np.geomspace(1.0, kinetic, 2000)
    loss = np.array([heavy_loss(1.0 + e / mass, mass, np.inf) for e in energies])
    return argon.DENSITY * float(np.trapezoid(1.0 / loss, energies) + 1.0 / (1.75 * loss[0]))


def path_length(found: Event, name: str) -> float:
    """Length of the track of the first particle [cm], until it stops or changes."""
    own = found.deposits[:, MAKER] == argon.KINDS[name]
    first = found.deposits[: len(own) if own.all() else int(np.argmin(own))]
    return float(
        np.linalg.norm(first[:, END : END + 3] - first[:, BEGIN : BEGIN + 3], axis=1).sum()
    )


def mean_range(name: str, kinetic: float, events: int) -> tuple[float, float]:
    """Mean length of simulated tracks and its error [g/cm2]."""
    lengths = [path_length(event(name, kinetic, seed), name) for seed in range(events)]
    mean, error = np.mean(lengths), np.std(lengths) / np.sqrt(events)
    return argon.DENSITY * float(mean), argon.DENSITY * float(error)


def conversion_length(energy: float, photons: int) -> float:
    """Mean depth at which photons end [cm]."""
    work, rng, depth = make_work(0.0), generator(1), 0.0
    for _ in range(photons):
        work.counts[:] = 0
        photon = particle("gamma", energy)
        follow_photon(work, photon, tables(), -np.inf, np.inf, rng)
        depth += photon[X + 2]
    return depth / photons


def shower_profile(name: str, energy: float, events: int) -> tuple[Array, Array]:
    """Depths in radiation lengths and mean energy in each bin of half a one [MeV]."""
    edges = np.arange(0.0, 30.5, 0.5)
    total = np.zeros(len(edges) - 1)
    for seed in range(events):
        found = event(name, energy, seed)
        depth = found.depth / argon.RADIATION_LENGTH
        total += np.histogram(depth, edges, weights=found.deposits[:, ENERGY])[0]
    return 0.5 * (edges[1:] + edges[:-1]), total / events


def shower_maximum(name: str, energy: float, events: int) -> float:
    """Depth of the mean profile's maximum in radiation lengths.

    Of a cubic through what is above 0.6 of the largest bin; its error is 1.2 / sqrt(events) at a
    GeV.
    """
    depth, profile = shower_profile(name, energy, events)
    top = profile > 0.6 * profile.max()
    cubic = np.polynomial.Polynomial.fit(depth[top], profile[top], 3)
    places = np.linspace(depth[top][0], depth[top][-1], 1000)
    return float(places[np.argmax(cubic(places))])


def expected_maximum(name: str, energy: float) -> float:
    """Review of Particle Physics: ln(E/Ec) - 0.5, + 0.5 for photons."""
    return float(np.log(energy / argon.CRITICAL_ENERGY)) + (0.5 if name == "gamma" else -0.5)


def highland(thickness: float, momentum: float, mass: float) -> float:
    """Width of the projected angle, Review of Particle Physics; thickness in cm."""
    beta = momentum / np.hypot(momentum, mass)
    x = thickness / argon.RADIATION_LENGTH
    width = 13.6 / (beta * momentum) * np.sqrt(x)
    return float(width * (1.0 + 0.038 * np.log(x / beta**2)))


def scattered(thickness: float, kinetic: float, events: int) -> Array:
    """(2 events,) projected angles of muons after a thickness [cm]."""
    angles = []
    for seed in range(events):
        track = event("mu-", kinetic, seed, margin=thickness + 1.0).of("mu-")
        step = track[np.argmax(track[:, END + 2] > thickness)]
        angles += list(
            (step[END : END + 2] - step[BEGIN : BEGIN + 2]) / (step[END + 2] - step[BEGIN + 2])
        )
    return np.array(angles)


def track_loss(name: str, kinetic: float, length: float, events: int) -> Array:
    """(events,) energy left down to a depth [cm], a multiple of the steps' 0.3, all particles'."""
    return np.array(
        [
            found.deposits[found.depth < length, ENERGY].sum()
            for found in (event(name, kinetic, seed, margin=length + 5.0) for seed in range(events))
        ]
    )


def most_probable_loss(kinetic: float, length: float) -> float:
    """Of muons in a thickness [cm]: Landau, Vavilov, Bichsel (Review of Particle Physics)."""
    gamma = 1.0 + kinetic / argon.MUON_MASS
    squared = gamma**2 - 1.0
    beta2 = squared / gamma**2
    xi = 0.5 * argon.COLLISIONS * length / beta2
    logarithms = np.log(2.0 * argon.ELECTRON_MASS * squared / argon.MEAN_EXCITATION)
    logarithms += np.log(xi / argon.MEAN_EXCITATION)
    return float(xi * (logarithms + 0.2 - beta2 - density_effect(np.sqrt(squared))))


def mode(values: Array) -> float:
    """Median of the shortest interval that holds a quarter of the values."""
    values = np.sort(values)
    quarter = len(values) // 4
    start = int(np.argmin(values[quarter:] - values[:-quarter]))
    return float(np.median(values[start : start + quarter]))


def balance(name: str, kinetic: float, seed: int, margin: float = np.inf) -> float:
    """Energy that is accounted for, less what the particle brought [MeV]."""
    found = event(name, kinetic, seed, margin)
    mass = argon.MASSES[argon.KINDS[name]] if name in ("mu-", "mu+", "pi-", "pi+") else 0.0
    return found.energy + sum(found.ledger.values()) - kinetic - mass


def mip_deposits(events: int) -> tuple[Array, Array]:
    """Energy and loss of the deposits of muons near minimum ionisation."""
    rows = np.concatenate(
        [event("mu-", 270.0, seed, margin=20.0).deposits for seed in range(events)]
    )
    return rows[:, ENERGY], rows[:, LOSS]
