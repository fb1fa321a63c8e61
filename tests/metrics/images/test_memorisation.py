"""Nearest distances against scipy; copies are found, independent samples are not blamed."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from driftline.metrics.images.memorisation import memorisation, nearest_distances


def images(count, seed):
    return np.random.default_rng(seed).exponential(size=(count, 1, 6, 6)).astype(np.float32)


def test_nearest_distances_are_scipys():
    a, b = images(700, 0), images(300, 1)
    expected = cdist(*(x.reshape(len(x), -1).astype(float) for x in (a, b))).min(axis=1)
    assert nearest_distances(a, b) == pytest.approx(expected, rel=1e-6)


def test_a_copy_is_at_distance_zero_and_counts_as_memorised():
    training, held_out = 100 * images(80, 1), 100 * images(90, 2)
    assert np.all(nearest_distances(training, training) == 0)
    rng = np.random.default_rng(0)
    found = memorisation(training, np.concatenate([training]), held_out, rng)
    assert (found.share, found.ratio) == (1.0, 0.0)
    assert memorisation(held_out, training, held_out, rng).share < 0.2  # 80 of the 90 are used


def test_nearly_copied_images_are_found():
    training, held_out = images(200, 1), images(200, 2)
    noisy = training + 0.05 * images(200, 3)
    found = memorisation(noisy, training, held_out, np.random.default_rng(0))
    assert found.share == 1.0
    assert found.ratio < 0.2


def test_independent_samples_are_at_one_half_within_the_error():
    shares, errors, ratios = [], [], []
    for seed in range(40):
        found = memorisation(
            images(400, 3 * seed),
            images(400, 3 * seed + 1),
            images(800, 3 * seed + 2),
            np.random.default_rng(seed),
        )
        shares.append(found.share)
        errors.append(found.share_error)
        ratios.append(found.ratio)
    assert np.mean(shares) == pytest.approx(0.5, abs=0.015)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.005)
    assert 0.8 * np.std(shares) < np.mean(errors) < 1.3 * np.std(shares)


def test_empty_images_are_as_near_to_both():
    empty = np.zeros((10, 1, 6, 6), np.float32)
    found = memorisation(empty, empty, empty, np.random.default_rng(0))
    assert (found.share, found.ratio) == (0.5, 1.0)
    only_held_out = memorisation(empty, images(10, 0), empty, np.random.default_rng(0))
    assert only_held_out.share == 0.0
    assert np.isfinite(only_held_out.ratio) and only_held_out.ratio > 1e6
