"""Energy moments: four-vectors by another package, ellipses by numpy; imposed within limits."""

import awkward
import numpy as np
import pytest
import vector
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from driftline.data.clouds import Jets
from driftline.data.energy_moments import LARGEST_ANGLE, energy_moments, impose_moments

vector.register_awkward()


def test_four_momenta_are_those_of_the_vector_package(toy_jets: Jets) -> None:
    some = toy_jets[:50].particles.astype(np.float64)
    eta, phi, pt = np.moveaxis(some, 2, 0)
    fields = {"eta": eta, "phi": phi, "pt": pt, "mass": 0 * pt}
    total = awkward.sum(awkward.zip(fields, with_name="Momentum4D"), axis=1)
    names = ("eta", "phi", "pt", "mass")
    expected = np.stack([awkward.to_numpy(getattr(total, name)) for name in names], axis=1)
    np.testing.assert_allclose(energy_moments(some)[:, :4], expected, rtol=1e-9, atol=1e-12)


def test_ellipticities_are_those_of_numpys_covariance(toy_jets: Jets) -> None:
    for jet in toy_jets[:50].particles.astype(np.float64):
        c = np.cov(jet[:, :2].T, aweights=jet[:, 2], ddof=0)
        expected = np.array([c[0, 0] - c[1, 1], 2 * c[0, 1]]) / np.trace(c)
        np.testing.assert_allclose(energy_moments(jet[None])[0, 4:], expected, atol=1e-10)


def test_ellipticity_by_hand() -> None:
    line = np.array([[[0.1, 0.1, 0.5], [-0.1, -0.1, 0.5], [0, 0, 0]]])
    np.testing.assert_allclose(energy_moments(line)[0, 4:], [0, 1], atol=1e-12)
    cross = np.array([[[0.1, 0, 0.2], [-0.1, 0, 0.2], [0, 0.1, 0.2], [0, -0.1, 0.2]]])
    np.testing.assert_allclose(energy_moments(cross)[0, 4:], 0, atol=1e-12)
    assert energy_moments(line[:, :1])[0, 4:].tolist() == [0, 0]


def test_padding_and_empty_jets_count_nothing(toy_jets: Jets) -> None:
    some = toy_jets[:50].particles
    shifted = some.copy()
    shifted[..., :2] += np.where(some[..., 2:] > 0, 0, 0.3).astype(np.float32)
    np.testing.assert_allclose(energy_moments(shifted), energy_moments(some), atol=1e-12)
    np.testing.assert_array_equal(energy_moments(np.zeros((2, 3, 3))), np.zeros((2, 6)))


@settings(deadline=None, max_examples=100)
@given(
    angles=hnp.arrays(np.float64, (3, 5, 2), elements=st.floats(-0.3, 0.3)),
    ptrel=hnp.arrays(np.float64, (3, 5), elements=st.floats(0.05, 0.5)),
    centre=hnp.arrays(np.float64, (3, 2), elements=st.floats(-0.1, 0.1)),
    pt=hnp.arrays(np.float64, 3, elements=st.floats(0.3, 1)),
    stretch=st.floats(0.7, 1.1),
    e=hnp.arrays(np.float64, (3, 2), elements=st.floats(-0.3, 0.3)),
)
def test_moments_within_reach_of_a_small_stretch_are_imposed(
    angles: np.ndarray,
    ptrel: np.ndarray,
    centre: np.ndarray,
    pt: np.ndarray,
    stretch: float,
    e: np.ndarray,
) -> None:
    particles = np.concatenate([angles, ptrel[..., None]], axis=2)
    particles[0, 3:] = 0
    now = energy_moments(particles)
    # of points on a line no round jet can be made without a large stretch
    spread = (now[:, 3] / now[:, 2] > 1e-2) & (np.hypot(*now[:, 4:].T) < 0.5)
    target = np.column_stack([centre, pt, stretch * now[:, 3] / now[:, 2] * pt, e])
    moved = impose_moments(particles, target)
    np.testing.assert_allclose(energy_moments(moved)[spread], target[spread], atol=1e-3)
    np.testing.assert_allclose(energy_moments(moved)[:, 2], pt, rtol=1e-9)
    assert not moved[0, 3:].any()
    # one scale for all pT
    np.testing.assert_allclose(
        moved[1, :, 2] / particles[1, :, 2], moved[1, 0, 2] / particles[1, 0, 2], rtol=1e-9
    )


def test_small_corrections_are_small(toy_jets: Jets) -> None:
    """Particles smeared by a per cent of the jet's size are moved back by about as much."""
    rng = np.random.default_rng(3)
    true = toy_jets.particles[toy_jets.num_particles > 5].astype(np.float64)
    true[..., :2] = np.clip(true[..., :2], -0.4, 0.4)
    smeared = true.copy()
    smeared[..., :2] += 1e-3 * rng.standard_normal(true[..., :2].shape) * (true[..., 2:] > 0)
    moved = impose_moments(smeared, energy_moments(true))
    np.testing.assert_allclose(energy_moments(moved), energy_moments(true), atol=1e-6)
    assert np.median(np.abs(moved - smeared).max(axis=(1, 2))) < 3e-3


def test_jets_that_have_their_moments_already_stay(toy_jets: Jets) -> None:
    particles = toy_jets.particles.astype(np.float64)
    moved = impose_moments(particles, energy_moments(particles))
    np.testing.assert_allclose(moved, particles, rtol=1e-6, atol=1e-9)


def test_no_particle_is_thrown_far_to_carry_a_mass_meant_for_others() -> None:
    """A hard core that was told to have two prongs: its one soft particle cannot be the second."""
    core = [[0.0, 0.0, 0.5], [0.01, 0.0, 0.3], [0.0, 0.01, 0.19]]
    particles = np.array([[*core, [0.1, 0.1, 0.01]]])
    moved = impose_moments(particles, np.array([[0.0, 0.0, 1.0, 0.3, 0.0, 0.9]]))
    apart = moved[0, :, :2] - energy_moments(moved)[0, :2]
    before = particles[0, :, :2] - energy_moments(particles)[0, :2]
    assert (np.linalg.norm(apart, axis=1) <= 2.01 * np.linalg.norm(before, axis=1)).all()
    assert energy_moments(moved)[0] != pytest.approx([0.0, 0.0, 1.0, 0.3, 0.0, 0.9], abs=0.01)
    np.testing.assert_allclose(energy_moments(moved)[0, :3], [0.0, 0.0, 1.0], atol=1e-6)


def test_wild_clouds_stay_finite() -> None:
    """What an untrained model may give: angles far beyond any jet."""
    rng = np.random.default_rng(1)
    particles = rng.uniform([-np.pi, -np.pi, 1e-9], [np.pi, np.pi, 1], (100, 4, 3))
    moved = impose_moments(particles, np.tile([0.0, 0.0, 1.0, 0.1, 0.99, 0.0], (100, 1)))
    assert np.isfinite(moved).all()
    assert np.abs(moved[..., :2]).max() <= LARGEST_ANGLE


@pytest.mark.parametrize("mass", [0.0, 1e-5])
def test_one_particle_goes_where_its_sum_is(mass: float) -> None:
    target = np.array([[0.01, 0.02, 0.9, mass, 0.4, 0.0]])
    moved = impose_moments(np.array([[[0.3, -0.2, 0.5]]]), target)
    np.testing.assert_allclose(moved, [[[0.01, 0.02, 0.9]]], atol=1e-12)
