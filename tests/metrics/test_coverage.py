"""The energy mover's distance as a metric, and coverage and matching distance by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from driftline.metrics.coverage import (
    coverage_and_mmd,
    energy_movers_distance,
    lower_bounds,
    nearest,
)


def random_jet(rng, particles=5):
    angles = rng.uniform(-0.4, 0.4, size=(particles, 2))
    return np.concatenate([angles, rng.random((particles, 1))], axis=1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20))
def test_it_is_a_metric(seed):
    rng = np.random.default_rng(seed)
    a, b, c = (random_jet(rng) for _ in range(3))
    ab, bc, ac = (energy_movers_distance(x, y) for x, y in ((a, b), (b, c), (a, c)))
    assert energy_movers_distance(a, a) == pytest.approx(0.0, abs=1e-12)
    assert ab == pytest.approx(energy_movers_distance(b, a), rel=1e-9)
    assert ac <= ab + bc + 1e-12
    assert ab >= abs(a[:, 2].sum() - b[:, 2].sum()) - 1e-12


def test_particles_on_a_line_are_a_problem_in_one_dimension():
    rng = np.random.default_rng(0)
    a, b = random_jet(rng), random_jet(rng, 7)
    a[:, 1] = b[:, 1] = 0.1
    a[:, 2] /= a[:, 2].sum()
    b[:, 2] /= b[:, 2].sum()
    expected = wasserstein_distance(a[:, 0], b[:, 0], a[:, 2], b[:, 2])
    assert energy_movers_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_missing_momentum_costs_itself():
    jet = np.array([[0.1, -0.2, 0.5]])
    assert energy_movers_distance(jet, jet * [1, 1, 0.6]) == pytest.approx(0.2)
    assert energy_movers_distance(jet, np.zeros((3, 3))) == pytest.approx(0.5)
    assert energy_movers_distance(np.zeros((1, 3)), np.zeros((2, 3))) == 0.0


def test_padding_does_not_matter():
    rng = np.random.default_rng(0)
    a, b = random_jet(rng), random_jet(rng)
    padded = np.concatenate([np.zeros((3, 3)), a])
    assert energy_movers_distance(padded, b) == pytest.approx(energy_movers_distance(a, b))


def test_coverage_of_a_collapsed_generator_is_one_jet():
    rng = np.random.default_rng(0)
    real = np.stack([random_jet(rng) for _ in range(40)])
    collapsed = np.repeat(real[:1], 40, axis=0)
    result = coverage_and_mmd(real, collapsed, rng, jets=20, batches=3)
    assert result.coverage == pytest.approx(1 / 20)
    everything = coverage_and_mmd(real, real, rng, jets=20, batches=3)
    assert everything.coverage > 0.4
    assert everything.mmd < result.mmd


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from([0.02, 0.2, 0.6]))
def test_pruning_by_bounds_changes_nothing(seed, width):
    rng = np.random.default_rng(seed)
    a, b = (np.stack([random_jet(rng) for _ in range(n)]) for n in (12, 15))
    a[..., :2] *= width / 0.4
    a[:, 3:] = 0.0  # padding
    distances = np.array([[energy_movers_distance(x, y) for y in b] for x in a])
    bounds = lower_bounds(a, b)
    assert np.all(bounds <= distances + 1e-12)
    assert np.mean(bounds / distances) > 0.3
    matches, nearness = nearest(a, b)
    assert np.array_equal(matches, distances.argmin(axis=1))
    assert np.array_equal(nearness, distances.min(axis=0))
