"""Mean losses against published tables; the split into soft and hard collisions."""

import numpy as np
import pytest
from numba import njit

from argon_events import (
    ELECTRON_COLLISION,
    MINIMUM_LOSS,
    MUON_RANGE,
    PROTON_RANGE,
    csda_range,
    generator,
    mean_range,
    mode,
    most_probable_loss,
    track_loss,
)
from driftline.simulation.liquid_argon import argon
from driftline.simulation.liquid_argon.ionisation import (
    electron_collisions,
    electron_loss,
    electron_transfer,
    heavy_collisions,
    heavy_loss,
    heavy_transfer,
    largest_transfer,
)


@njit
def _heavy_transfers(beta2, largest, low, count, rng):
    return np.array([heavy_transfer(beta2, largest, low, rng) for _ in range(count)])


@njit
def _electron_transfers(kinetic, low, count, rng):
    return np.array([electron_transfer(kinetic, low, rng) for _ in range(count)])


@pytest.mark.parametrize(("kinetic", "published"), MUON_RANGE.items())
def test_muon_csda_range(kinetic, published):
    assert csda_range("mu-", kinetic) == pytest.approx(published, rel=0.012)


@pytest.mark.parametrize(("kinetic", "published"), PROTON_RANGE.items())
def test_proton_csda_range(kinetic, published):
    assert csda_range("p", kinetic) == pytest.approx(published, rel=0.035)


@pytest.mark.parametrize("kinetic", [40, 100, 200])
def test_simulated_muons_stop_at_their_range(kinetic):
    mean, error = mean_range("mu-", kinetic, 60)
    assert error < 0.01 * mean
    assert mean == pytest.approx(MUON_RANGE[kinetic], rel=0.03)


def test_simulated_protons_stop_at_their_range():
    # few meet a nucleus on 0.45 cm; those that do are shorter
    assert mean_range("p", 20, 100)[0] == pytest.approx(PROTON_RANGE[20], rel=0.05)


def test_minimum_ionisation():
    muon = argon.MUON_MASS
    least = min(heavy_loss(gamma, muon, np.inf) for gamma in np.linspace(2.0, 6.0, 100))
    assert least == pytest.approx(MINIMUM_LOSS * argon.DENSITY, rel=0.002)
    assert least == pytest.approx(2.1, rel=0.03)


def test_simulated_tracks_lose_the_mean():
    """Soft losses, hard collisions and electrons knocked on add up to Bethe's formula."""
    kinetic, length = 270.0, 9.9  # 33 steps
    energy = [270.0 - 2.1 * z for z in np.linspace(0.0, length, 11)]
    expected = np.mean(
        [heavy_loss(1.0 + e / argon.MUON_MASS, argon.MUON_MASS, np.inf) for e in energy]
    )
    losses = track_loss("mu-", kinetic, length, 300) / length
    assert losses.std() / np.sqrt(len(losses)) < 0.007 * expected
    assert losses.mean() == pytest.approx(expected, rel=0.02)


def test_most_probable_loss():
    """Landau, Vavilov and Bichsel for 2.1 cm of liquid argon, 7 steps."""
    losses = track_loss("mu-", 270.0, 2.1, 2500)
    assert mode(losses) == pytest.approx(most_probable_loss(270.0, 2.1), rel=0.03)
    assert losses.mean() > 1.1 * mode(losses)


@pytest.mark.parametrize("name", ["mu-", "pi+", "p"])
@pytest.mark.parametrize("low", [0.01, 0.05])
def test_heavy_loss_does_not_depend_on_the_split(name, low):
    mass = argon.MASSES[argon.KINDS[name]]
    gamma = 1.0 + 400.0 / mass
    beta2 = 1.0 - 1.0 / gamma**2
    largest = largest_transfer(gamma, mass)
    transfers = _heavy_transfers(beta2, largest, low, 1_000_000, generator(1))
    assert low <= transfers.min() and transfers.max() <= largest
    rate = heavy_collisions(beta2, largest, low)
    error = 4.0 * rate * transfers.std() / np.sqrt(len(transfers))
    whole, soft = heavy_loss(gamma, mass, np.inf), heavy_loss(gamma, mass, low)
    assert error < 0.05 * (whole - soft)
    assert rate * transfers.mean() == pytest.approx(whole - soft, abs=error)


@pytest.mark.parametrize("kinetic", [0.5, 10.0, 50.0])
def test_electron_loss_does_not_depend_on_the_split(kinetic):
    low = 0.01
    transfers = _electron_transfers(kinetic, low, 1_000_000, generator(1))
    assert low <= transfers.min() and transfers.max() <= 0.5 * kinetic
    rate = electron_collisions(kinetic, low)
    error = 4.0 * rate * transfers.std() / np.sqrt(len(transfers))
    whole, soft = electron_loss(kinetic, np.inf), electron_loss(kinetic, low)
    assert error < 0.05 * (whole - soft)
    assert rate * transfers.mean() == pytest.approx(whole - soft, abs=error)


@pytest.mark.parametrize(("kinetic", "published"), ELECTRON_COLLISION.items())
def test_electron_collision_loss(kinetic, published):
    assert electron_loss(kinetic, np.inf) / argon.DENSITY == pytest.approx(published, rel=0.003)
