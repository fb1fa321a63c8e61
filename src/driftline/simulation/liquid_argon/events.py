"""Images of single particles in liquid argon: what ``driftline simulate lartpc`` makes.

A cube of 128 cm, three orthogonal planes of 256 x 256 pixels of 0.5 cm. Every event has its own
random numbers, from the seed, its class and its number, so that it is the same whatever the count,
the classes beside it, the size of blocks and the number of workers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import IMAGE_TYPES, PDG_CODES, Images, concatenate
from driftline.errors import InputError
from driftline.simulation.liquid_argon.argon import KINDS, MASSES
from driftline.simulation.liquid_argon.charge import RECOMBINATION, calibration, charges
from driftline.simulation.liquid_argon.particles import (
    COLUMNS,
    ENERGY,
    KIND,
    KINETIC,
    LOSS,
    UX,
    X,
    make_work,
)
from driftline.simulation.liquid_argon.radiation import Tables, make_tables
from driftline.simulation.liquid_argon.readout import finish, project
from driftline.simulation.liquid_argon.transport import transport

PIXELS = 256
"""Along each side of a plane."""
PITCH = 0.5
"""[cm]"""
SIDE = PIXELS * PITCH
"""[cm] of the cube."""
BLOCK = 48
"""Events simulated at a time."""
UNITS = ("MeV", "electrons")
MOMENTUM_BELOW = 1e5
"""[MeV/c]"""
MOST_CHARGE = 100.0
"""[MeV] of a pixel's noise and threshold."""
LARGEST_MARGIN = 1000.0
"""[cm]"""
GENERATOR = "driftline liquid-argon simulation"
"""What made a sample, as its attributes say."""


@dataclass(frozen=True)
class LiquidArgonSettings:
    """What is simulated and how it is read out.

    Attributes:
        momentum: lowest and highest momentum [MeV/c], uniform between them.
        start: the particle starts uniformly in a cube from here [cm] ...
        end: ... to here; the direction is isotropic.
        margin: particles this far [cm] outside the box are dropped; nearer ones may come back.
        recombination: name in ``charge.RECOMBINATION``.
        unit: of the pixels, ``MeV`` (calibrated at minimum ionisation) or ``electrons``.
        diffusion: spread charge on its drift along x.
        noise: standard deviation of a pixel's noise [MeV], white.
        threshold: pixels below it are zero [MeV]; both are converted to ``unit``.
    """

    momentum: tuple[float, float] = (30.0, 800.0)
    start: float = 0.25 * SIDE
    end: float = 0.75 * SIDE
    margin: float = 14.0
    recombination: str = "modified-box"
    unit: str = "MeV"
    diffusion: bool = False
    noise: float = 0.0
    threshold: float = 0.05

    def check(self) -> None:
        """Raise ``InputError`` where a value makes no sense."""
        low, high = self.momentum
        if not all(0.0 < value < MOMENTUM_BELOW for value in self.momentum):
            raise InputError(
                f"momentum: {low:g},{high:g} MeV/c; choose both above 0 and below "
                f"{MOMENTUM_BELOW:.0f}"
            )
        if low > high:
            raise InputError(
                f"momentum: {low:g},{high:g} is no range [MeV/c]; give the lower number first"
            )
        if not 0.0 <= self.start <= self.end <= SIDE:
            raise InputError(f"start: give a part of the box, between 0 and {SIDE:g} cm")
        if self.recombination not in RECOMBINATION:
            raise InputError(
                f"recombination: no model {self.recombination!r}; "
                f"choose from {', '.join(RECOMBINATION)}"
            )
        if self.unit not in UNITS:
            raise InputError(f"unit: {self.unit!r} is unknown; choose from {', '.join(UNITS)}")
        for name, value, most, unit in (
            ("noise", self.noise, MOST_CHARGE, "MeV"),
            ("threshold", self.threshold, MOST_CHARGE, "MeV"),
            ("margin", self.margin, LARGEST_MARGIN, "cm"),
        ):
            if not 0.0 <= value <= most:
                raise InputError(f"{name}: {value:g} {unit}; choose one from 0 to {most:g}")


@cache
def _tables() -> Tables:
    return make_tables()


def event_generator(particle: str, number: int, seed: int) -> np.random.Generator:
    """Random numbers of one event."""
    stream = np.random.SeedSequence((seed, IMAGE_TYPES.index(particle), number))
    return np.random.Generator(np.random.SFC64(stream))


def _first(particle: str, settings: LiquidArgonSettings, rng: np.random.Generator) -> NDArray[Any]:
    """The particle that an event begins with."""
    row = np.zeros(COLUMNS)
    row[KIND] = KINDS[particle]
    momentum = rng.uniform(*settings.momentum)
    mass = MASSES[KINDS[particle]]
    row[KINETIC] = np.hypot(momentum, mass) - mass
    row[X : X + 3] = rng.uniform(settings.start, settings.end, 3)
    direction = rng.standard_normal(3)
    row[UX : UX + 3] = direction / np.linalg.norm(direction)
    return row


def _block(
    events: Sequence[tuple[str, int]], *, seed: int, settings: LiquidArgonSettings
) -> Images:
    """Images of events, each given as its class and its number in the class."""
    count = len(events)
    shape = (count, 3, PIXELS, PIXELS)
    pixels, labels = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    momentum, start = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    shower = np.zeros(shape[1:], np.float32)
    work = make_work(settings.momentum[1] + 1000.0)
    scale = calibration(settings.recombination, settings.unit)
    noise, threshold = scale * settings.noise, scale * settings.threshold
    for i, (particle, number) in enumerate(events):
        rng = event_generator(particle, number, seed)
        first = _first(particle, settings, rng)
        mass = MASSES[KINDS[particle]]
        size = np.sqrt(first[KINETIC] * (first[KINETIC] + 2.0 * mass))
        momentum[i], start[i] = size * first[UX : UX + 3], first[X : X + 3]
        transport(work, first, _tables(), -settings.margin, SIDE + settings.margin, rng)
        deposits = work.deposits[: work.counts[1]]
        charge = charges(
            deposits[:, ENERGY], deposits[:, LOSS], settings.recombination, settings.unit
        )
        shower[:] = 0.0
        project(deposits, charge, PITCH, settings.diffusion, pixels[i], shower)
        finish(pixels[i], shower, labels[i], noise, threshold, rng)
    classes = np.array([IMAGE_TYPES.index(particle) for particle, _ in events], np.int64)
    numbers = np.array([number for _, number in events], np.int64)
    return Images(
        pixels=pixels,
        labels=classes,
        types=IMAGE_TYPES,
        planes=np.tile(np.arange(3, dtype=np.uint8), (count, 1)),
        event=numbers * len(IMAGE_TYPES) + classes,
        segmentation=labels,
        momentum=momentum,
        start=start,
        corner=np.zeros((count, 3, 2), np.int32),
        unit=settings.unit,
        threshold=threshold,
        pitch=PITCH,
        attributes=_provenance(seed, settings),
    )


def simulate_blocks(
    particles: Sequence[str] = IMAGE_TYPES,
    count: int = 1,
    *,
    seed: int,
    workers: int | None = None,
    settings: LiquidArgonSettings | None = None,
) -> Iterator[Images]:
    """Simulate events and give them in blocks, in order, few of them in memory at a time.

    The classes alternate: event 0 of each, event 1 of each, and so on: a larger sample begins with
    the smaller one.

    Args:
        particles: classes, of ``IMAGE_TYPES``.
        count: events of each class.
        seed: of all random numbers.
        workers: threads; by default one for each core this process may use.
        settings: what is simulated and how it is read out.

    Returns:
        An iterator over blocks of ``BLOCK`` events at most.

    Raises:
        InputError: for an unknown class or numbers out of range.
    """
    settings = settings or LiquidArgonSettings()
    settings.check()
    if not particles:
        raise InputError(f"particles: names no class; choose from {', '.join(IMAGE_TYPES)}")
    for particle in particles:
        if particle not in IMAGE_TYPES:
            raise InputError(
                f"particles: unknown class {particle!r}; choose from {', '.join(IMAGE_TYPES)}"
            )
    if count < 1 or seed < 0:
        raise InputError("count must be at least 1 and seed at least 0")
    return _blocks(particles, count, seed, workers, settings)


def _blocks(
    particles: Sequence[str],
    count: int,
    seed: int,
    workers: int | None,
    settings: LiquidArgonSettings,
) -> Iterator[Images]:
    work = partial(_block, seed=seed, settings=settings)
    every = ((particle, number) for number in range(count) for particle in particles)
    blocks = iter(lambda: list(islice(every, BLOCK)), [])
    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1:
        yield from map(work, blocks)
        return
    with ThreadPoolExecutor(workers) as pool:  # compiled code runs without the interpreter's lock
        waiting: deque[Future[Images]] = deque()
        for block in blocks:
            waiting.append(pool.submit(work, block))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def simulate(
    particles: Sequence[str] = IMAGE_TYPES,
    count: int = 1,
    *,
    seed: int,
    workers: int | None = None,
    settings: LiquidArgonSettings | None = None,
    progress: Callable[[int], None] | None = None,
) -> Images:
    """Simulate events into memory: a megabyte each; ``simulate_blocks`` streams.

    Args:
        particles: classes, of ``IMAGE_TYPES``.
        count: events of each class.
        seed: of all random numbers.
        workers: threads; by default one for each core this process may use.
        settings: what is simulated and how it is read out.
        progress: called with the number of events made since its last call.

    Returns:
        Images of three planes, with truth; their attributes hold versions, settings and seed.

    Raises:
        InputError: for an unknown class or numbers out of range.
    """
    parts = []
    blocks = simulate_blocks(particles, count, seed=seed, workers=workers, settings=settings)
    for part in blocks:
        parts.append(part)
        if progress is not None:
            progress(len(part))
    return concatenate(parts)


def _provenance(seed: int, settings: LiquidArgonSettings) -> dict[str, Any]:
    return {
        "generator": GENERATOR,
        "versions": {name: version(name) for name in ("driftline", "numpy", "numba")},
        "seed": seed,
        "pdg": {name: PDG_CODES[name] for name in IMAGE_TYPES},
        "settings": asdict(settings),
    }
