"""Observables of jets, what is shared between samples, and the traps of padded slots."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from driftline.metrics.energy_flow import W1EFP_GRAPHS, energy_flow_polynomials
from driftline.metrics.jet_observables import JetSample, real_particles, relative_mass


def test_mass_of_two_massless_particles():
    jet = np.array([[[0.1, -0.2, 0.5], [0.3, 0.4, 0.2], [0.0, 0.0, 0.0]]])
    squared = 2 * 0.5 * 0.2 * (np.cosh(0.2) - np.cos(0.6))
    assert relative_mass(jet)[0] == pytest.approx(np.sqrt(squared), rel=1e-12)


def test_mass_of_the_toy_is_that_of_its_features(toy_jets):
    sample = JetSample(toy_jets.of_type("t"))
    assert sample.relative_mass * sample.pt == pytest.approx(sample.mass, rel=1e-3)


def test_real_particles_are_unmasked_and_not_zero():
    particles = np.zeros((2, 3, 3), np.float32)
    particles[0, :2] = 0.1
    particles[1, 0] = 0.2
    mask = np.array([[True, True, True], [False, False, False]])
    features, owner = real_particles(particles, mask)
    assert features == pytest.approx(np.full((2, 3), 0.1))
    assert owner.tolist() == [0, 0]


def test_recentring_after_masking_would_dilute_w1p(make_jets):
    """The trap: padding moved off zero passes the test of the norm, on both sides alike."""
    quarks = make_jets(400, types=("q",), seed=5)
    others = make_jets(400, types=("q",), seed=6)
    wide = others.particles * np.array([1.2, 1.0, 1.0], np.float32)
    full = quarks.mask.mean()
    truth, _ = real_particles(quarks.particles, quarks.mask)
    made, _ = real_particles(wide, others.mask)
    expected = wasserstein_distance(truth[:, 0], made[:, 0])

    centre = np.array([0.001, 0.002, 0.0], np.float32)
    filled, filled_wide = quarks.particles + centre, wide + centre
    masked, _ = real_particles(filled, quarks.mask)
    masked_wide, _ = real_particles(filled_wide, others.mask)
    distance = wasserstein_distance(masked[:, 0], masked_wide[:, 0])
    assert distance == pytest.approx(expected, rel=1e-4)
    everything = np.ones_like(quarks.mask)
    diluted, _ = real_particles(filled, everything)
    diluted_wide, _ = real_particles(filled_wide, everything)
    assert len(diluted) == quarks.mask.size
    distance = wasserstein_distance(diluted[:, 0], diluted_wide[:, 0])
    assert distance == pytest.approx(expected * full, rel=0.1)
    assert full < 0.85


def test_padded_slots_do_not_matter(toy_jets):
    filled = replace(
        toy_jets, particles=np.where(toy_jets.mask[..., None], toy_jets.particles, np.float32(0.3))
    )
    clean, spoiled = JetSample(toy_jets), JetSample(filled)
    for name in ("relative_mass", "polynomials", "subjettiness", "high_level", "multiplicity"):
        assert np.array_equal(getattr(clean, name), getattr(spoiled, name)), name


def test_a_part_shares_what_the_whole_has_computed(toy_jets):
    whole = JetSample(toy_jets)
    index = np.array([5, 2, 700])
    part = whole[index][1:]
    direct = JetSample(toy_jets[index[1:]])
    for name in ("tau21", "tau32", "d2", "pt", "w1efp_polynomials", "high_level"):
        assert getattr(part, name) == pytest.approx(getattr(direct, name), rel=1e-12), name
    assert len(part) == 2
    five = energy_flow_polynomials(direct.particles, W1EFP_GRAPHS)
    assert part.w1efp_polynomials == pytest.approx(five, rel=1e-12)


def test_ptrel_of_the_kept_particles_only_is_another_quantity(toy_jets):
    """The trap: ptrel must stay relative to the full jet; FPND's features tell the difference."""
    tops = toy_jets.of_type("t")[:100]
    particles = tops.particles.copy()
    particles[..., 2] /= particles[..., 2].sum(axis=1, keepdims=True)
    renormalised = replace(tops, particles=particles)
    right, wrong = JetSample(tops).particlenet, JetSample(renormalised).particlenet
    shift = np.abs(right.mean(axis=0) - wrong.mean(axis=0)) / (right.std(axis=0) / 10)
    assert shift.max() > 5
