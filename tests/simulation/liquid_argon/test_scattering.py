"""Multiple scattering against Highland's formula."""

import numpy as np
import pytest

from argon_events import generator, highland, scattered
from driftline.simulation.liquid_argon import argon
from driftline.simulation.liquid_argon.scattering import scattering_angle


@pytest.mark.parametrize("steps", [1, 5, 50])
def test_width_does_not_depend_on_the_steps(steps):
    thickness, momentum = argon.RADIATION_LENGTH, 1000.0
    energy = np.hypot(momentum, argon.MUON_MASS)
    beta2, step, rng = (momentum / energy) ** 2, thickness / steps, generator(1)
    squares = np.array(
        [
            sum(scattering_angle(step, i * step, momentum, beta2, rng) ** 2 for i in range(steps))
            for _ in range(30_000 // steps)
        ]
    )
    width = np.sqrt(0.5 * squares.mean())  # of one projection
    expected = highland(thickness, momentum, argon.MUON_MASS)
    assert width == pytest.approx(expected, rel=0.02 if steps < 50 else 0.05)


def test_muons_through_a_radiation_length():
    """Directions of simulated muons of 2 GeV/c after 14 cm."""
    momentum, mass = 2000.0, argon.MUON_MASS
    angles = scattered(14.0, np.hypot(momentum, mass) - mass, 700)
    # they lose 30 MeV on the way: take the mean momentum
    assert angles.std() == pytest.approx(highland(14.0, momentum - 16.0, mass), rel=0.06)
    assert abs(angles.mean()) < 4.0 * angles.std() / np.sqrt(len(angles))


def test_angles_end_at_a_half_turn():
    rng = generator(2)
    angles = [scattering_angle(0.3, 1.0, 0.5, 0.5, rng) for _ in range(1000)]
    assert max(angles) == np.pi
