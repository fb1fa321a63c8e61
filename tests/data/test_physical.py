"""Physical jets: moments are imposed, particles ordered, large changes counted."""

from pathlib import Path

import numpy as np

from driftline.data.energy_moments import energy_moments
from driftline.data.physical import make_physical
from driftline.data.shipped import read_reference


def test_particles_get_their_moments_and_their_order() -> None:
    particles = np.zeros((3, 3, 3), dtype=np.float32)
    particles[0] = [[0.1, 0, 0.2], [0.2, 0.1, 0.7], [0.3, 0, 0.6]]
    particles[1, :2] = [[0.01, 0, 0.3], [0, 0.02, 0.2]]
    particles[2, :1] = [0.1, 0.1, 0.5]
    moments = energy_moments(particles).astype(np.float32)
    moments[0] = [0, 0, 0.99, 0.08, 0.5, 0.1]
    moments[1, 2:4] *= 1.05
    moments[2] = [0, 0, 1, 1e-5, 0.3, 0]  # one particle has no mass, whatever is asked
    physical, counts = make_physical(particles, moments)
    assert counts == {"pt": 2, "mass": 1, "unmet": 1}
    again = energy_moments(physical)
    np.testing.assert_allclose(again[:2], moments[:2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(physical[2, 0], [0, 0, 1], atol=1e-7)
    np.testing.assert_allclose(physical[0, :, 2] / physical[0, 0, 2], [1, 6 / 7, 2 / 7], rtol=1e-6)
    assert not physical[1:, 2].any()


def test_jets_out_of_reach_of_a_twofold_stretch_are_counted() -> None:
    pair = np.float32([[0.1, 0.05, 0.5], [-0.1, -0.05, 0.4]])
    particles = np.stack([pair] * 4)
    moments = energy_moments(particles)
    moments[:, 3] *= [1.02, 1.9, 2.1, 5]
    physical, counts = make_physical(particles, moments)
    assert counts["unmet"] == 2
    met = np.abs(energy_moments(physical)[:, 3] / moments[:, 3] - 1) < 0.01
    assert met.tolist() == [True, True, False, False]


def test_simulated_jets_need_no_repair() -> None:
    """Their vector sum of pT stays at or below the jet's, their scalar sum does not."""
    particles = read_reference(Path("jets30")).particles
    moments = energy_moments(particles).astype(np.float32)
    assert moments[:, 2].max() <= 1 + 1e-6
    repaired, counts = make_physical(particles, moments)
    assert counts == {"pt": 0, "mass": 0, "unmet": 0}
    np.testing.assert_allclose(repaired, particles, rtol=1e-4, atol=1e-6)
    assert 1.005 < particles[..., 2].sum(axis=1, dtype=np.float64).max() < 1.02
