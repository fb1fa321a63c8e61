"""JetNet-recipe simulation: reproducible, physical, and close to the published data."""

from functools import partial

import numpy as np
import pytest

pytest.importorskip("pythia8mc")
fastjet = pytest.importorskip("fastjet")

from driftline.data.clouds import JET_TYPES  # noqa: E402
from driftline.errors import InputError  # noqa: E402
from driftline.simulation import pythia  # noqa: E402
from driftline.simulation.clustering import LeadingJets, groomed_counts, leading_jets  # noqa: E402
from driftline.simulation.detector import Particles  # noqa: E402

COUNT = 160

# Mean jet pT [GeV], mean mass [GeV] and mean constituents of public JetNet-150 (as published with
# FPCD), with the standard deviation of each: tolerances below are in units of sd / sqrt(COUNT).
JETNET = {
    "g": ((1132.8, 196.9), (95.85, 47.76), (66.57, 22.03)),
    "q": ((1018.7, 91.0), (58.86, 35.32), (38.28, 16.98)),
    "t": ((994.9, 89.6), (145.39, 36.84), (62.98, 17.50)),
    "w": ((1041.3, 66.6), (79.70, 11.57), (38.63, 11.41)),
    "z": ((1040.5, 65.1), (89.12, 13.91), (40.21, 12.17)),
}


@pytest.fixture(scope="module")
def samples():
    # the leading jet alone: JetNet's choice, which the published moments are those of
    settings = pythia.PythiaSettings(jets_per_event=1)
    make = partial(pythia.simulate_jets, particles=150, seed=1, workers=1, settings=settings)
    return {t: make(t, COUNT) for t in JET_TYPES}


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(pythia, "BLOCK", 8)


@pytest.mark.parametrize("jet_type", JET_TYPES)
def test_invariants(samples, jet_type):
    jets = samples[jet_type]
    ptrel = jets.particles[..., 2]
    assert jets.particles.shape == (COUNT, 150, 3)
    assert (jets.labels == JET_TYPES.index(jet_type)).all()
    assert (jets.features[:, 3] == jets.num_particles).all()
    assert (jets.particles[~jets.mask] == 0).all()
    assert (ptrel[jets.mask] > 0).all()
    assert (np.diff(ptrel, axis=1) <= 0).all()
    # particles may cancel each other's pT by a little, never add to it
    assert (ptrel.sum(1) > 0.85).all()
    assert (ptrel.sum(1) < 1.1).all()
    assert np.abs(jets.particles[..., 1]).max() < 0.6
    assert len(np.unique(jets.features[:, 0])) == COUNT


@pytest.mark.parametrize("jet_type", JET_TYPES)
def test_particles_add_up_to_the_jet(samples, jet_type):
    """An independent sum: what (eta, phi, pT) of all particles say of the jet's own axis and pT."""
    jets = samples[jet_type]
    complete = jets.features[:, 3] < 150
    particles = jets.particles[complete].astype(float)
    pt, eta = jets.features[complete, 0].astype(float), jets.features[complete, 1].astype(float)
    px = (particles[..., 2] * np.cos(particles[..., 1])).sum(1)
    py = (particles[..., 2] * np.sin(particles[..., 1])).sum(1)
    pz = (particles[..., 2] * np.sinh(particles[..., 0] + eta[:, None])).sum(1)
    assert px == pytest.approx(np.ones(len(px)), abs=1e-4)
    assert py == pytest.approx(np.zeros(len(px)), abs=1e-4)
    assert np.arcsinh(pz) == pytest.approx(eta, abs=1e-3)
    assert (pt > 100).all()


@pytest.mark.parametrize("jet_type", JET_TYPES)
def test_moments_are_those_of_jetnet(samples, jet_type):
    for column, (mean, sd) in zip((0, 2, 3), JETNET[jet_type], strict=True):
        values = samples[jet_type].features[:, column].astype(float)
        error = max(sd, values.std()) / np.sqrt(COUNT)
        # four standard errors, and 3 % for the generator
        assert abs(values.mean() - mean) < 4 * error + 0.03 * mean, (jet_type, column)


def test_gluons_have_more_particles_than_quarks(samples):
    gluon, quark = (samples[t].features[:, 3].mean() for t in "gq")
    assert gluon > 1.4 * quark


def test_workers_and_size_do_not_change_the_jets(small_blocks):
    whole = pythia.simulate_jets("w", 20, seed=3, workers=1)
    start = pythia.simulate_jets("w", 11, seed=3, workers=1)
    assert np.array_equal(whole.particles[:11], start.particles)
    assert np.array_equal(whole.features[:11], start.features)
    shared = pythia.simulate_jets("w", 20, seed=3, workers=2)
    assert np.array_equal(whole.particles, shared.particles)
    assert np.array_equal(whole.features, shared.features)


def test_two_jets_of_an_event_hold_the_leading_one(samples):
    both = pythia.simulate_jets(
        "t", 60, particles=150, seed=1, workers=1, settings=pythia.PythiaSettings(jets_per_event=2)
    )
    leading = np.isin(both.features[:, 0], samples["t"].features[:, 0])
    assert 0.4 < leading.mean() < 0.6
    pt = both.features[:, 0]
    assert pt[leading].mean() > pt[~leading].mean() + 50


def test_seeds_blocks_and_types_differ(small_blocks):
    one = pythia.simulate_jets("q", 16, seed=3, workers=1)
    other = pythia.simulate_jets("q", 16, seed=4, workers=1)
    assert not np.isin(one.features[:, 0], other.features[:, 0]).any()
    assert not np.isin(one.features[:8, 0], one.features[8:, 0]).any()


def test_leading_jets_against_fastjet_itself():
    rng = np.random.default_rng(5)
    counts = [300, 0, 250]
    event = np.repeat(np.arange(3), counts)
    pt = rng.exponential(20, len(event))
    eta, phi = rng.normal(0, 1, len(event)), rng.uniform(0, 2 * np.pi, len(event))
    momentum = np.stack(
        (pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)), 1
    )
    ours = leading_jets(Particles(momentum, event, 3), 0.4, 1)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.4)
    expected = []
    for i in (0, 2):
        particles = [fastjet.PseudoJet(*map(float, p)) for p in momentum[event == i]]
        clusters = fastjet.ClusterSequence(particles, definition)
        best = max(clusters.inclusive_jets(), key=lambda jet: jet.pt())
        expected.append([best.px(), best.py(), best.pz(), best.e(), len(best.constituents())])
    expected = np.array(expected)
    assert ours.momentum == pytest.approx(expected[:, :4], rel=1e-9, abs=1e-7)
    assert ours.counts.tolist() == expected[:, 4].tolist()


def test_grooming_leaves_the_hard_core():
    # two hard prongs with a soft particle beside each (kept: inside a prong), and one far away
    pt = np.array([400.0, 300.0, 1.0, 1.0, 500.0, 2.0])
    eta = np.array([0.0, 0.2, 0.01, -0.35, 0.0, 0.3])
    zero = np.zeros(6)
    momentum = np.stack((pt, zero, pt * np.sinh(eta), pt * np.cosh(eta)), 1)
    counts = np.array([4, 2])
    jets = LeadingJets(np.zeros((2, 4)), momentum, counts)
    assert groomed_counts(jets).tolist() == [3, 1]


def test_provenance(samples):
    attributes = samples["g"].attributes
    assert attributes["versions"]["pythia8mc"]
    assert "HardQCD:gg2gg = on" in attributes["hard_process"]
    assert attributes["settings"]["detector"]["hcal_cell"] == 0.022
    assert attributes["seed"] == 1


@pytest.mark.parametrize(("jet_type", "count", "seed"), [("b", 10, 1), ("g", 0, 1), ("g", 10, -1)])
def test_bad_input(jet_type, count, seed):
    with pytest.raises(InputError):
        pythia.simulate_jets(jet_type, count, seed=seed)


def test_missing_generators(monkeypatch):
    monkeypatch.setattr(pythia, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "driftline\[simulation\]"'):
        pythia.simulate_jets("g", 1, seed=1)


def test_progress_counts_every_jet(small_blocks):
    made = []
    pythia.simulate_jets("w", 10, seed=1, workers=1, progress=made.append)
    assert made == [8, 2]
