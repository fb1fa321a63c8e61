"""Photons, bremsstrahlung and pairs against published tables and quadrature."""

import numpy as np
import pytest
from numba import njit

from argon_events import (
    ELECTRON_RADIATION,
    PHOTON_ATTENUATION,
    conversion_length,
    generator,
    tables,
)
from driftline.simulation.liquid_argon import argon
from driftline.simulation.liquid_argon.photons import compton, compton_rate, photoelectric_rate
from driftline.simulation.liquid_argon.radiation import (
    PHOTON_CUT,
    bremsstrahlung,
    interpolate,
    opening_angle,
    pair,
)


@njit
def _photons(kinetic, count, rng):
    return np.array([bremsstrahlung(kinetic, rng) for _ in range(count)])


@pytest.mark.parametrize(("kinetic", "published"), ELECTRON_RADIATION.items())
def test_radiative_loss(kinetic, published):
    """Photons drawn and the soft rest, against ESTAR."""
    made = tables()
    drawn = _photons(float(kinetic), 300_000, generator(1))
    rate, soft = interpolate(made, made.photons, kinetic), interpolate(made, made.soft, kinetic)
    error = rate * drawn.std() / np.sqrt(len(drawn)) / argon.DENSITY
    assert error < 0.005 * published
    assert (rate * drawn.mean() + soft) / argon.DENSITY == pytest.approx(published, rel=0.03)


def test_bremsstrahlung_stays_in_range():
    rng = generator(2)
    photons = _photons(5.0, 10_000, rng)
    assert photons.min() >= PHOTON_CUT
    assert photons.max() <= 5.0


def test_conversion_length_is_nine_sevenths():
    """Where screening is complete: 100 GeV."""
    assert conversion_length(1e5, 20_000) == pytest.approx(9 / 7 * argon.RADIATION_LENGTH, rel=0.03)


@pytest.mark.parametrize(("energy", "published"), PHOTON_ATTENUATION.items())
def test_attenuation(energy, published):
    """The tables include coherent scattering, up to 2 %, which does not matter to images."""
    made = tables()
    pairs = interpolate(made, made.pairs, energy) if energy > 1.022 else 0.0
    rate = compton_rate(energy) + photoelectric_rate(energy) + pairs
    assert rate / argon.DENSITY == pytest.approx(published, rel=0.025)


@pytest.mark.parametrize("energy", [0.1, 1.0, 20.0])
def test_compton_spectrum(energy):
    """Mean and rate of the scattered energy against quadrature of Klein and Nishina's formula."""
    k = energy / argon.ELECTRON_MASS
    nodes, weights = np.polynomial.legendre.leggauss(400)
    ratio = 1.0 / (1.0 + k * (1.0 - nodes))
    section = 0.5 * ratio**2 * (ratio + 1.0 / ratio - 1.0 + nodes**2)
    # 2 pi r_e^2 = 3/4 Thomson
    rate = 0.75 * argon.THOMSON * argon.ELECTRONS * np.dot(weights, section)
    assert compton_rate(energy) == pytest.approx(rate, rel=1e-6)
    rng = generator(3)
    drawn = np.array([compton(energy, rng) for _ in range(15_000)])
    mean = energy * np.dot(weights, section * ratio) / np.dot(weights, section)
    assert drawn.mean() == pytest.approx(mean, rel=0.02)
    assert energy / (1.0 + 2.0 * k) <= drawn.min() and drawn.max() <= energy


def test_pairs_share_the_energy():
    rng = generator(4)
    shares = np.array([pair(1000.0, rng) / 1000.0 for _ in range(20_000)])
    assert shares.min() > argon.ELECTRON_MASS / 1000.0
    assert shares.mean() == pytest.approx(0.5, abs=0.01)
    assert shares.std() > 1.02 / np.sqrt(12.0)  # flat would be 1/sqrt(12); unequal pairs win


def test_opening_angle_median():
    """u^2 / (1 + u^2) = 1/2 at u = 1."""
    rng = generator(5)
    angles = np.array([opening_angle(100.0, rng) for _ in range(20_000)])
    assert np.median(angles) == pytest.approx(argon.ELECTRON_MASS / 100.0, rel=0.03)
