"""Frechet distances against closed forms, FPD's extrapolation, and bootstrap errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.metrics.frechet import (
    BlockMoments,
    fpd_sizes,
    frechet_distance,
    frechet_error,
    frechet_physics_distance,
    moments,
    normalised,
)


def random_covariance(rng, size, rank=None):
    root = rng.normal(size=(size, rank or size))
    return root @ root.T


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20))
def test_axioms(seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=4), random_covariance(rng, 4)
    b = rng.normal(size=4), random_covariance(rng, 4, rank=2)
    scale = np.trace(a[1]) + np.trace(b[1])
    assert frechet_distance(*a, *a) == pytest.approx(0.0, abs=1e-12 * scale)
    assert frechet_distance(*b, *b) == pytest.approx(0.0, abs=1e-12 * scale)
    assert frechet_distance(*a, *b) == pytest.approx(frechet_distance(*b, *a), rel=1e-9)
    assert frechet_distance(*a, *b) > 0.0


def test_commuting_covariances_have_a_closed_form():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    first, second = rng.random(5), rng.random(5)
    shift = rng.normal(size=5)
    expected = shift @ shift + np.sum((np.sqrt(first) - np.sqrt(second)) ** 2)
    found = frechet_distance(shift, basis * first @ basis.T, np.zeros(5), basis * second @ basis.T)
    assert found == pytest.approx(expected, rel=1e-12)


def test_moments_are_numpys():
    features = np.random.default_rng(0).normal(3.0, 2.0, size=(50, 4))
    mean, covariance = moments(features)
    assert mean == pytest.approx(features.mean(axis=0))
    assert covariance == pytest.approx(np.cov(features, rowvar=False))


def test_blocks_that_count_once_give_the_moments():
    features = np.random.default_rng(0).normal(30.0, 2.0, size=(103, 3))
    mean, covariance = BlockMoments(features, blocks=10).moments(np.ones(10, np.int64))
    assert mean == pytest.approx(features.mean(axis=0))
    assert covariance == pytest.approx(np.cov(features, rowvar=False))


def test_bootstrap_error_is_the_spread_over_samples():
    rng = np.random.default_rng(1)
    distances, errors = [], []
    for _ in range(80):
        a, b = rng.normal(size=(1_000, 2)), rng.normal(0.5, 1.0, size=(1_000, 2))
        distances.append(frechet_distance(*moments(a), *moments(b)))
        errors.append(frechet_error(a, b, rng))
    assert np.mean(errors) == pytest.approx(np.std(distances), rel=0.3)
    known = frechet_error(a, moments(b), rng, draws=200)
    assert known == pytest.approx(np.std(distances) / np.sqrt(2), rel=0.4)


def test_features_are_divided_by_the_largest_of_the_reference():
    reference = np.array([[1.0, -4.0, 0.0], [-2.0, 2.0, 0.0]])
    scaled, generated = normalised(reference, np.ones((1, 3)))
    assert np.abs(scaled).max(axis=0) == pytest.approx([1.0, 1.0, 0.0])
    assert generated[0] == pytest.approx([0.5, 0.25, 1.0])


def test_fpd_sizes_are_regular_in_one_over_n():
    sizes = fpd_sizes(60_000)
    assert (sizes[0], sizes[-1]) == (20_000, 49_999)  # JetNet's rounding
    assert np.diff(1.0 / sizes) == pytest.approx(np.diff(1.0 / sizes).mean(), rel=1e-2)
    reduced = fpd_sizes(5_000)
    assert reduced[0] == 2_000
    assert reduced[-1] in (4_999, 5_000)


def test_fpd_sees_a_difference_and_not_its_absence():
    rng = np.random.default_rng(0)
    truth, other = rng.gamma(3.0, size=(6_000, 4)), rng.gamma(3.0, size=(6_000, 4))
    same = frechet_physics_distance(truth, other)
    shifted = frechet_physics_distance(truth, other + 0.2)
    scale = np.abs(truth).max(axis=0)
    assert same.value < 3e-4
    assert shifted.value == pytest.approx(np.sum((0.2 / scale) ** 2), rel=0.25)
    assert same.value >= 0.0
    assert shifted.sizes[0] == 2_400
    assert not shifted.bounded
