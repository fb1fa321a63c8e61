"""The sum of constituents: four-vectors by another package, and sums imposed exactly."""

import awkward
import numpy as np
import pytest
import vector
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from driftline.data.clouds import Jets
from driftline.data.constituent_sum import LARGEST_ANGLE, constituent_sum, impose_sum

vector.register_awkward()


def test_sums_are_those_of_the_vector_package(toy_jets: Jets) -> None:
    some = toy_jets[:50].particles.astype(np.float64)
    fields = {
        "eta": some[..., 0],
        "phi": some[..., 1],
        "pt": some[..., 2],
        "mass": 0 * some[..., 0],
    }
    total = awkward.sum(awkward.zip(fields, with_name="Momentum4D"), axis=1)
    expected = np.stack(
        [awkward.to_numpy(getattr(total, n)) for n in ("eta", "phi", "pt", "mass")], 1
    )
    np.testing.assert_allclose(constituent_sum(some), expected, rtol=1e-9, atol=1e-12)


def test_padding_and_empty_jets_count_nothing(toy_jets: Jets) -> None:
    some = toy_jets[:50].particles
    shifted = some.copy()
    shifted[..., :2] += np.where(some[..., 2:] > 0, 0, 0.3).astype(np.float32)
    np.testing.assert_array_equal(constituent_sum(shifted), constituent_sum(some))
    np.testing.assert_array_equal(constituent_sum(np.zeros((2, 3, 3))), np.zeros((2, 4)))


@settings(deadline=None, max_examples=100)
@given(
    angles=hnp.arrays(np.float64, (3, 5, 2), elements=st.floats(-0.4, 0.4)),
    ptrel=hnp.arrays(np.float64, (3, 5), elements=st.floats(1e-3, 0.5)),
    centre=hnp.arrays(np.float64, (3, 2), elements=st.floats(-0.1, 0.1)),
    pt=hnp.arrays(np.float64, 3, elements=st.floats(0.3, 1)),
    stretch=st.floats(0.5, 1.3),
)
def test_any_sum_can_be_imposed(
    angles: np.ndarray, ptrel: np.ndarray, centre: np.ndarray, pt: np.ndarray, stretch: float
) -> None:
    particles = np.concatenate([angles, ptrel[..., None]], axis=2)
    particles[0, 3:] = 0
    now = constituent_sum(particles)
    massive = now[:, 3] / now[:, 2] > 1e-3
    target = np.column_stack([centre, pt, stretch * now[:, 3] / now[:, 2] * pt])
    moved = impose_sum(particles, target)
    np.testing.assert_allclose(constituent_sum(moved)[massive], target[massive], atol=1e-4)
    np.testing.assert_allclose(constituent_sum(moved)[:, 2], pt, rtol=1e-4)
    assert not moved[0, 3:].any()
    # one scale for all pT, one stretch for both angles
    np.testing.assert_allclose(
        moved[1, :, 2] / particles[1, :, 2], moved[1, 0, 2] / particles[1, 0, 2], rtol=1e-9
    )


def test_jets_that_have_their_sum_already_stay(toy_jets: Jets) -> None:
    particles = toy_jets.particles.astype(np.float64)
    moved = impose_sum(particles, constituent_sum(particles))
    np.testing.assert_allclose(moved, particles, rtol=1e-6, atol=1e-9)


def test_wild_clouds_stay_finite() -> None:
    """What an untrained model may give: angles far beyond any jet."""
    rng = np.random.default_rng(1)
    particles = rng.uniform([-np.pi, -np.pi, 1e-9], [np.pi, np.pi, 1], (100, 4, 3))
    moved = impose_sum(particles, np.tile([0.0, 0.0, 1.0, 0.1], (100, 1)))
    assert np.isfinite(moved).all()
    assert np.abs(moved[..., :2]).max() <= LARGEST_ANGLE


@pytest.mark.parametrize("mass", [0.0, 1e-5])
def test_one_particle_goes_where_its_sum_is(mass: float) -> None:
    moved = impose_sum(np.array([[[0.3, -0.2, 0.5]]]), np.array([[0.01, 0.02, 0.9, mass]]))
    np.testing.assert_allclose(moved, [[[0.01, 0.02, 0.9]]], atol=1e-12)
