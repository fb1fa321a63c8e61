"""Whole events: the balance of energy, showers, and what leaves."""

import numpy as np
import pytest

from argon_events import balance, event, expected_maximum, shower_maximum
from driftline.simulation.liquid_argon import argon
from driftline.simulation.liquid_argon.particles import BEGIN, END, ENERGY, MAKER


@pytest.mark.parametrize("name", argon.KINDS)
@pytest.mark.parametrize("margin", [np.inf, 30.0])
def test_energy_is_conserved(name, margin):
    """Deposits, neutrinos, nuclei, escapes and electron masses: all of it, in every event."""
    for seed in range(15):
        assert abs(balance(name, 5.0 + 45.0 * seed, seed, margin)) < 1e-6


@pytest.mark.parametrize("name", argon.KINDS)
def test_nothing_escapes_from_endless_argon(name):
    found = event(name, 200.0, 1)
    assert found.ledger["escaped"] == 0.0
    assert (found.deposits[:, ENERGY] >= 0.0).all()


@pytest.mark.parametrize("name", ["e-", "gamma", "p"])
def test_contained_particles_deposit_their_energy(name):
    for seed in range(10):
        assert event(name, 25.0, seed).energy == pytest.approx(25.0, rel=0.01)


def test_electron_shower_maximum():
    """At 0.5, 1 and 2 GeV: ln(E/Ec) - 0.5."""
    above = [
        shower_maximum("e-", energy, events) - expected_maximum("e-", energy)
        for energy, events in ((500.0, 600), (1000.0, 450), (2000.0, 300))
    ]
    assert np.mean(above) == pytest.approx(0.0, abs=0.3)
    np.testing.assert_allclose(above, 0.0, atol=0.4)  # four standard errors beside the formula's


def test_photons_shower_deeper_than_electrons():
    """By a conversion length less what two particles of half the energy are ahead."""
    later = shower_maximum("gamma", 500.0, 400) - shower_maximum("e-", 500.0, 400)
    assert 0.5 < later < 1.3


def test_segments_are_steps():
    """Deposits lie on straight segments no longer than the longest step."""
    deposits = event("mu-", 300.0, 1).deposits
    length = np.linalg.norm(deposits[:, END : END + 3] - deposits[:, BEGIN : BEGIN + 3], axis=1)
    assert length.max() <= 0.3 + 1e-12
    muon = deposits[deposits[:, MAKER] == argon.KINDS["mu-"]]
    steps = np.linalg.norm(np.diff(muon[:, BEGIN : BEGIN + 3], axis=0), axis=1)
    moved = np.linalg.norm(muon[:, END : END + 3] - muon[:, BEGIN : BEGIN + 3], axis=1)[:-1]
    np.testing.assert_allclose(steps, moved, atol=1e-9)


def test_stopping_tracks_end_in_a_bragg_peak():
    """The last half cm of protons is several times as dense as their beginning."""
    first, last = [], []
    for seed in range(40):
        track = event("p", 150.0, seed).of("p")
        depth = track[:, END + 2].max()
        if depth < 14.0:  # met a nucleus
            continue
        first.append(track[track[:, END + 2] < 5.0, ENERGY].sum() / 5.0)
        last.append(track[track[:, BEGIN + 2] > depth - 0.5, ENERGY].sum() / 0.5)
    assert len(last) > 20
    assert 4.5 * np.mean(first) < np.mean(last) < 9.0 * np.mean(first)


def test_what_is_outside_is_dropped():
    deposits = event("mu-", 500.0, 1, margin=20.0).deposits
    assert np.abs(deposits[:, BEGIN : BEGIN + 3]).max() <= 20.0
    assert event("mu-", 500.0, 1, margin=20.0).ledger["escaped"] > 400.0
