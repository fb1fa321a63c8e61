"""JetNet-recipe jets from Pythia 8 and FastJet.

Hard process at 1 TeV, shower with underlying event, simplified detector, anti-kT with R = 0.4, the
leading jets of each event: the chain that made JetNet (Kansal et al., arXiv:2106.11535; Coleman et
al., arXiv:1709.08705), as far as it is published. Jets are made in blocks, each with its own
random numbers, so that a sample depends on its seed and not on the number of workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import JET_TYPES, Jets
from driftline.errors import InputError
from driftline.simulation.clustering import LeadingJets, groomed_counts, leading_jets
from driftline.simulation.detector import DetectorSettings, Particles, detect
from driftline.simulation.hard_process import hard_process_settings, les_houches_source

#: jets of one stream of random numbers; a sample is made of whole blocks and the start of one
BLOCK = 1000
_EVENTS_PER_BATCH = 50
_BEAM_ENERGY = 6500.0
_NEUTRINOS = (12, 14, 16)
#: Pythia takes seeds up to 900,000,000
_SEEDS = 900_000_000

#: what made a sample, as its attributes say
GENERATOR = "driftline JetNet-recipe simulation"

Block = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class PythiaSettings:
    """How jets are made; tuned to JetNet's published moments with one jet an event.

    Attributes:
        pt_min: lower edge of the hard process's pT [GeV].
        pt_width: width of the pT window [GeV]; gluons alone have no upper edge.
        radius: of anti-kT.
        jets_per_event: how many jets of an event are kept, the hardest first. JetNet probably has
            one; two nearly double the rate, but the second has lower pT and loses decay products.
        shower: settings of the Pythia that showers, decays and hadronises.
        groomed_min: least number of constituents after grooming. JetNet's authors dropped jets
            whose groomed substructure variables are undefined, which these are; isolated
            photons and leptons go with them.
        detector: the simplified detector.
    """

    pt_min: float = 1000.0
    pt_width: float = 10.0
    radius: float = 0.4
    jets_per_event: int = 1
    shower: tuple[str, ...] = (
        "24:onMode = off",
        "24:onIfAny = 1 2 3 4 5",
        "23:onMode = off",
        "23:onIfAny = 1 2 3 4 5",
    )
    groomed_min: int = 3
    detector: DetectorSettings = field(default_factory=DetectorSettings)

    def hard_process(self, jet_type: str) -> tuple[str, ...]:
        """Pythia settings of the hard process of one class."""
        # JetNet's gluon jets reach 3 TeV with a mean of 1133 GeV: a falling spectrum above 1 TeV
        pt_max = None if jet_type == "g" else self.pt_min + self.pt_width
        return hard_process_settings(jet_type, self.pt_min, pt_max)


def require_generators() -> None:
    """Raises InputError unless Pythia and FastJet are installed."""
    missing = [name for name in ("pythia8mc", "fastjet", "awkward") if find_spec(name) is None]
    if missing:
        raise InputError(
            f'simulating jets needs {" and ".join(missing)}: pip install "driftline[simulation]"'
        )


def _pythia(module: Any, settings: tuple[str, ...], seed: int) -> Any:
    pythia = module.Pythia("", False)
    common = ("Print:quiet = on", "Random:setSeed = on", f"Random:seed = {seed}")
    for line in common + settings:
        if not pythia.readString(line):
            raise InputError(f"Pythia does not know the setting {line!r}")
    return pythia


def _start(jet_type: str, settings: PythiaSettings, seeds: tuple[int, int]) -> tuple[Any, ...]:
    """A ready Pythia, and what it refers to without owning."""
    import pythia8mc

    energy = (f"Beams:eCM = {2 * _BEAM_ENERGY}",)
    hard = _pythia(pythia8mc, energy + settings.hard_process(jet_type), seeds[0])
    pythia = _pythia(pythia8mc, ("Beams:frameType = 5", *settings.shower), seeds[1])
    source = les_houches_source(pythia8mc, hard, _BEAM_ENERGY)
    pythia.setLHAupPtr(source)
    if not hard.init() or not pythia.init():
        raise RuntimeError(f"Pythia did not initialise for {jet_type} jets")
    return pythia, source, hard


def _visible(pythia: Any, events: int) -> tuple[Particles, NDArray[np.int64]]:
    """Stable particles, without neutrinos, of the next events, and their PDG codes."""
    import awkward

    record = pythia.nextBatch(events).prt
    counts = awkward.num(record.id).to_numpy()
    flat = {name: awkward.flatten(record[name]).to_numpy() for name in ("id", "status")}
    final = (flat["status"] > 0) & ~np.isin(np.abs(flat["id"]), _NEUTRINOS)
    columns = [
        awkward.flatten(record.p[name]).to_numpy()[final] for name in ("px", "py", "pz", "e")
    ]
    event = np.repeat(np.arange(len(counts)), counts)[final]
    particles = Particles(np.stack(columns, axis=1), event, len(counts))
    return particles, flat["id"][final].astype(np.int64)


def _kinematics(momentum: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """pT, eta and phi of four-momenta (N, 4)."""
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    return pt, np.arcsinh(momentum[:, 2] / pt), np.arctan2(momentum[:, 1], momentum[:, 0])


def _clouds(jets: LeadingJets, slots: int) -> Block:
    """Particles (N, slots, 3) and features (N, 4) of jets, in JetNet's coordinates."""
    jet = np.repeat(np.arange(len(jets.counts)), jets.counts)
    jet_pt, jet_eta, jet_phi = _kinematics(jets.momentum)
    pt, eta, phi = _kinematics(jets.constituents)
    dphi = (phi - jet_phi[jet] + np.pi) % (2 * np.pi) - np.pi
    relative = np.stack((eta - jet_eta[jet], dphi, pt / jet_pt[jet]), axis=1)
    order = np.lexsort((-pt, jet))
    rank = np.arange(len(pt)) - np.repeat(np.cumsum(jets.counts) - jets.counts, jets.counts)
    kept = rank < slots
    particles = np.zeros((len(jets.counts), slots, 3), dtype=np.float32)
    particles[jet[kept], rank[kept]] = relative[order[kept]]
    squared = jets.momentum[:, 3] ** 2 - np.square(jets.momentum[:, :3]).sum(1)
    mass = np.sqrt(np.maximum(squared, 0.0))
    features = np.stack((jet_pt, jet_eta, mass, np.minimum(jets.counts, slots)), axis=1)
    return particles, features.astype(np.float32)


def jet_batches(
    jet_type: str, *, slots: int, seed: int, number: int, settings: PythiaSettings
) -> Iterator[Block]:
    """The accepted jets of one stream of random numbers, without an end; Pythia is started once.

    Args:
        jet_type: "g", "q", "t", "w" or "z".
        slots: constituents kept, the hardest first.
        seed: of the sample.
        number: of the stream: of the block of a sample.
        settings: how jets are made.

    Returns:
        Particles (N, slots, 3) and features (N, 4) of those of 50 events at a time.
    """
    stream = np.random.SeedSequence((seed, JET_TYPES.index(jet_type), number))
    first, second = (int(s) % _SEEDS + 1 for s in stream.generate_state(2))
    rng = np.random.Generator(np.random.Philox(stream.spawn(1)[0]))
    pythia, *_keep_alive = _start(jet_type, settings, (first, second))
    while True:
        particles, pdg = _visible(pythia, _EVENTS_PER_BATCH)
        seen = detect(particles, pdg, settings.detector, rng)
        jets = leading_jets(seen, settings.radius, settings.jets_per_event)
        yield _clouds(jets.select(groomed_counts(jets) >= settings.groomed_min), slots)


def _simulate_block(
    block: tuple[int, int], *, jet_type: str, slots: int, seed: int, settings: PythiaSettings
) -> Block:
    """The first jets of a block, given as its number and how many jets are wanted."""
    number, wanted = block
    parts: list[Block] = []
    made = 0
    for part in jet_batches(jet_type, slots=slots, seed=seed, number=number, settings=settings):
        parts.append(part)
        made += len(part[0])
        if made >= wanted:
            break
    clouds, features = (np.concatenate(arrays)[:wanted] for arrays in zip(*parts, strict=True))
    return clouds, features


def _run_blocks(
    work: Callable[[tuple[int, int]], Block], blocks: list[tuple[int, int]], workers: int
) -> Iterator[Block]:
    if workers == 1:
        yield from map(work, blocks)
        return
    # spawn: a fork of a process that has used torch's threads may hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, blocks)


def simulate_jets(
    jet_type: str,
    count: int,
    *,
    particles: int = 30,
    seed: int,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    settings: PythiaSettings | None = None,
) -> Jets:
    """Simulate jets of one class after the JetNet recipe.

    Args:
        jet_type: "g", "q", "t", "w" or "z".
        count: jets wanted; exactly so many are made.
        particles: constituents kept, the hardest first.
        seed: with equal seeds a larger sample begins with the smaller one, whatever the workers.
        workers: processes; by default one for each core this process may use.
        progress: called with the number of jets made since its last call.
        settings: how jets are made.

    Returns:
        The sample; its attributes hold versions, settings and seed.

    Raises:
        InputError: for an unknown class, numbers out of range, or absent generators.
    """
    if jet_type not in JET_TYPES:
        raise InputError(f"no jet type {jet_type!r}: choose one of {', '.join(JET_TYPES)}")
    if count < 1 or particles < 1 or seed < 0:
        raise InputError("count and particles must be at least 1, and seed at least 0")
    require_generators()
    settings = settings or PythiaSettings()
    blocks = [(i, min(BLOCK, count - i * BLOCK)) for i in range(-(-count // BLOCK))]
    workers = min(workers or len(os.sched_getaffinity(0)), len(blocks))
    work = partial(
        _simulate_block, jet_type=jet_type, slots=particles, seed=seed, settings=settings
    )
    parts = []
    for part in _run_blocks(work, blocks, workers):
        parts.append(part)
        if progress is not None:
            progress(len(part[0]))
    clouds, features = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return as_jets((clouds, features), jet_type, _provenance(jet_type, seed, settings))


def as_jets(block: Block, jet_type: str, attributes: dict[str, Any]) -> Jets:
    """A block of one class as a sample with these attributes."""
    particles, features = block
    return Jets(
        particles=particles,
        mask=np.arange(particles.shape[1]) < features[:, 3:],
        features=features,
        labels=np.full(len(particles), JET_TYPES.index(jet_type)),
        types=JET_TYPES,
        attributes=attributes,
    )


def _provenance(jet_type: str, seed: int, settings: PythiaSettings) -> dict[str, Any]:
    packages = ("pythia8mc", "fastjet", "driftline")
    return {
        "generator": GENERATOR,
        "versions": {name: version(name) for name in packages if find_spec(name) is not None},
        "jet_type": jet_type,
        "seed": seed,
        "block": BLOCK,
        "beam_energy": _BEAM_ENERGY,
        "hard_process": list(settings.hard_process(jet_type)),
        "settings": asdict(settings),
    }
