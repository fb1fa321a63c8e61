"""Decays and collisions with nuclei."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from argon_events import event, generator, particle
from driftline.simulation.liquid_argon import argon
from driftline.simulation.liquid_argon.nuclear import (
    CAPTURED,
    LARGEST_MICHEL,
    PION_DECAY_LENGTH,
    decay_in_flight,
    hit_nucleus,
    michel,
    two_bodies,
)
from driftline.simulation.liquid_argon.particles import BEGIN, KIND, KINETIC, make_work, turn


def test_michel_spectrum():
    """End point 52.83 MeV, distribution 2 x^3 - x^4."""
    assert pytest.approx(52.83, abs=0.005) == LARGEST_MICHEL
    rng = generator(1)
    energies = np.array([michel(rng) for _ in range(20_000)])
    assert energies.max() < LARGEST_MICHEL
    result = stats.kstest(energies / LARGEST_MICHEL, lambda x: 2.0 * x**3 - x**4)
    assert result.pvalue > 0.01
    assert energies.mean() == pytest.approx(0.7 * LARGEST_MICHEL, rel=0.01)


def test_positive_muons_decay():
    found = [event("mu+", 10.0, seed) for seed in range(1500)]
    neutrinos = np.array([f.ledger["neutrinos"] for f in found])
    assert neutrinos.min() >= argon.MUON_MASS - LARGEST_MICHEL - 1e-9
    assert neutrinos.mean() == pytest.approx(argon.MUON_MASS - 0.7 * LARGEST_MICHEL, abs=1.2)


def test_negative_muons_are_captured():
    decayed = np.mean([event("mu-", 5.0, s).ledger["electron masses"] > 0 for s in range(1000)])
    assert pytest.approx(0.76, abs=0.005) == CAPTURED
    assert decayed == pytest.approx(1.0 - CAPTURED, abs=0.04)


def test_positive_pions_at_rest_make_muons_of_four_mev():
    found = event("pi+", 5.0, 1)
    assert len(found.of("pi+")) and len(found.of("mu+")) and len(found.of("e+"))
    muon = found.of("mu+")[:, 6].sum()
    assert muon == pytest.approx(4.12, abs=0.02)


def test_negative_pions_at_rest_break_nuclei():
    found = [event("pi-", 5.0, seed) for seed in range(300)]
    protons = np.array([len(np.unique(f.of("p")[:, BEGIN])) > 0 for f in found])
    assert protons.mean() == pytest.approx(1.0 - np.exp(-1.2), abs=0.12)  # of a Poisson number
    nuclei = np.array([f.ledger["nuclei"] for f in found])
    assert (nuclei > 0.0).all() and (nuclei < argon.PION_MASS).all()
    assert all(f.ledger["neutrinos"] == 0.0 for f in found)


def test_protons_interact_after_a_nuclear_length():
    """Those of 300 MeV have a range of 51 cm, and 30 MeV left 1 cm before its end."""
    found = [event("p", 300.0, seed) for seed in range(300)]
    collided = np.mean([f.ledger["nuclei"] > 0.0 for f in found])
    assert collided == pytest.approx(1.0 - np.exp(-50.0 / argon.NUCLEAR_LENGTH), abs=0.1)
    assert max(f.of("p")[:, BEGIN + 2].max() for f in found) < 53.0


@pytest.mark.parametrize("name", ["pi+", "pi-", "p"])
def test_collisions_with_nuclei(name):
    """What comes out has the energy that went in; pions go on, turn neutral, or vanish."""
    kind, rng, work = argon.KINDS[name], generator(1), make_work(0.0)
    fates = np.zeros(3)
    for _ in range(3000):
        work.counts[:], work.ledger[:] = 0, 0.0
        hit_nucleus(work, particle(name, 300.0), rng)
        out = work.waiting[: work.counts[0]]
        kinds = out[:, KIND].astype(int)
        masses = np.where(kinds == argon.PROTON, 0.0, argon.MASSES[kinds])
        energy = (out[:, KINETIC] + masses).sum() + work.ledger.sum()
        assert energy == pytest.approx(300.0 + (argon.PION_MASS if name != "p" else 0.0), abs=1e-6)
        neutral = (kinds == argon.PHOTON).sum() == 2
        fates += kind in kinds, neutral, not (kind in kinds or neutral)
    expected = [1.0, 0.0, 0.0] if name == "p" else [0.60, 0.15, 0.25]
    np.testing.assert_allclose(fates / fates.sum(), expected, atol=0.03)


def test_pions_decay_in_flight():
    """The pion's energy goes to a muon and a neutrino."""
    work, rng = make_work(0.0), generator(2)
    for _ in range(100):
        work.counts[:], work.ledger[:] = 0, 0.0
        decay_in_flight(work, particle("pi-", 300.0), rng)
        muon = work.waiting[0]
        assert int(muon[KIND]) == argon.MUON_MINUS
        total = muon[KINETIC] + argon.MUON_MASS + work.ledger[0]
        assert total == pytest.approx(300.0 + argon.PION_MASS, abs=1e-9)
        # 1 - (m_mu / m_pi)^2 = 0.427 of the pion's energy and momentum at most
        assert work.ledger[0] < 0.43 * 0.5 * (300.0 + argon.PION_MASS + 417.0)


def test_pions_live_for_their_lifetime():
    """In 10 cm pions of 100 MeV cannot stop: muons without a collision are decays in flight."""
    found = [event("pi+", 100.0, seed, margin=10.0) for seed in range(8000)]
    decayed = np.mean([f.ledger["nuclei"] == 0.0 and len(f.of("mu+")) > 0 for f in found])
    rate = argon.PION_MASS / (PION_DECAY_LENGTH * 180.0)  # half way the momentum is 180 MeV/c
    expected = 10.0 * rate * np.exp(-5.0 / argon.PION_LENGTH)
    assert decayed == pytest.approx(expected, abs=4.0 * np.sqrt(expected / len(found)))


masses = st.floats(0.0, 1000.0)


@settings(max_examples=200, deadline=None)
@given(st.floats(1.0, 3000.0), masses, masses, st.integers(0, 2**32))
def test_two_bodies_conserve_energy_and_momentum(impulse, first, second, seed):
    inside = 1.1 * (first + second) + 1.0
    energy = np.hypot(impulse, inside)
    kinetic, cosine, other, backward = two_bodies(energy, impulse, first, second, generator(seed))
    assert kinetic + first + other + second == pytest.approx(energy, rel=1e-9)
    p, q = np.sqrt(kinetic * (kinetic + 2 * first)), np.sqrt(other * (other + 2 * second))
    assert p * cosine + q * backward == pytest.approx(impulse, rel=1e-5, abs=1e-3)
    across = p * np.sqrt(max(1 - cosine**2, 0.0)), q * np.sqrt(max(1 - backward**2, 0.0))
    assert across[0] == pytest.approx(across[1], rel=1e-3, abs=0.05)


def test_two_bodies_that_weigh_too_much():
    assert two_bodies(100.0, 10.0, 80.0, 40.0, generator(1))[0] < 0.0


@settings(max_examples=200, deadline=None)
@given(st.floats(-1.0, 1.0), st.floats(0.0, 7.0), st.integers(0, 2**32))
def test_turning_keeps_the_length(cosine, azimuth, seed):
    before = np.random.default_rng(seed).standard_normal(3)
    before /= np.linalg.norm(before)
    after = before.copy()
    turn(after, cosine, azimuth)
    assert np.linalg.norm(after) == pytest.approx(1.0, abs=1e-12)
    assert before @ after == pytest.approx(cosine, abs=1e-9)


@pytest.mark.parametrize("along", [1.0, -1.0])
def test_turning_about_the_z_axis(along):
    after = np.array([0.0, 0.0, along])
    turn(after, 0.5, 0.0)
    np.testing.assert_allclose(after, [np.sqrt(0.75), 0.0, 0.5 * along], atol=1e-12)
