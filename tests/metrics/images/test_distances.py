"""Distances between samples of images against definitions, closed forms and limits."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from driftline.metrics.images.distances import (
    BANDWIDTHS,
    BLOCK,
    gaussian_mmd,
    image_wasserstein,
    median_distance,
    over_blocks,
    sinkhorn_divergence,
    squared_distances,
)


def points(count, mean=0.0, dimensions=5, seed=0):
    return np.random.default_rng(seed).normal(mean, 1.0, (count, dimensions))


def test_squared_distances_are_scipys():
    a, b = points(30), points(20, 1.0, seed=1)
    assert squared_distances(a, b) == pytest.approx(cdist(a, b, "sqeuclidean"))


def test_mmd_is_its_definition():
    a, b, scale = points(7), points(5, 0.5, seed=1), 1.7

    def kernel(x, y):
        squared = np.sum((x - y) ** 2) / scale**2
        return np.mean([np.exp(-squared / (2 * h**2)) for h in BANDWIDTHS])

    def mean(x, y, skip):
        pairs = [kernel(p, q) for i, p in enumerate(x) for j, q in enumerate(y) if i != j or skip]
        return np.mean(pairs)

    expected = mean(a, a, False) + mean(b, b, False) - 2 * mean(a, b, True)
    assert gaussian_mmd(a, b, scale) == pytest.approx(expected, rel=1e-10)


def test_mmd_of_one_distribution_scatters_about_zero():
    values = [gaussian_mmd(points(60, seed=s), points(60, seed=s + 500), 3.0) for s in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)
    assert min(values) < 0
    assert gaussian_mmd(points(60), points(60, 0.5, seed=1), 3.0) > 5 * np.std(values)


def test_image_wasserstein_is_the_best_assignment():
    a, b = points(40), points(40, 0.3, seed=1)
    cost = cdist(a, b)
    expected = cost[linear_sum_assignment(cost)].mean()
    assert image_wasserstein(a, b) == pytest.approx(expected, rel=1e-9)
    shift = np.array([0.3, 0.4, 0.0, 0.0, 0.0])
    assert image_wasserstein(a, a + shift) == pytest.approx(0.5, rel=1e-9)


def test_sinkhorn_divergence_between_its_limits():
    a, b = points(60), points(60, 0.8, seed=1)
    energy = cdist(a, b).mean() - 0.5 * cdist(a, a).mean() - 0.5 * cdist(b, b).mean()
    assert sinkhorn_divergence(a, b, 1.0, 1e4) == pytest.approx(energy, rel=1e-3)
    exact = image_wasserstein(a, b)
    assert sinkhorn_divergence(a, b, 1.0, 0.03) == pytest.approx(exact, rel=0.05)
    assert sinkhorn_divergence(a, a.copy(), 1.0) == pytest.approx(0.0, abs=1e-4)
    assert sinkhorn_divergence(3 * a, 3 * b, 3.0) == pytest.approx(
        sinkhorn_divergence(a, b, 1.0), rel=1e-3
    )


def test_blocks_are_disjoint_and_their_scatter_is_the_error():
    rng = np.random.default_rng(3)
    a, b = np.arange(5 * BLOCK + 7.0)[:, None], np.zeros((9 * BLOCK, 1))
    used = []
    over_blocks(lambda x, y: used.extend(x[:, 0]) or 0.0, a, b, rng)
    assert len(used) == len(set(used)) == 5 * BLOCK
    means = [
        over_blocks(lambda x, y: x.mean(), points(10 * BLOCK, 0, 1, s), b, rng) for s in range(60)
    ]
    assert np.mean([m.error for m in means]) == pytest.approx(
        np.std([m.value for m in means]), rel=0.25
    )


def test_images_that_are_all_equal_have_a_scale():
    assert median_distance(np.zeros((4, 1, 8, 8))) == 1.0
