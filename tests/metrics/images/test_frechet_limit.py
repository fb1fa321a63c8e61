"""The extrapolated Frechet distance is free of the bias of few images."""

import numpy as np
import pytest

from driftline.metrics.frechet import frechet_distance
from driftline.metrics.images.frechet_limit import frechet_limit

SCALE = 0.9 ** np.arange(24)


def sample(count, seed, shift=0.0):
    return np.random.default_rng([count, seed]).normal(shift, 1.0, (count, len(SCALE))) * SCALE


def limits(count, shift):
    # the reference is the same, and with it the feature scale, so that distances compare
    reference = sample(count, 0)
    scale = np.abs(reference).max(axis=0)
    found = [
        frechet_limit(reference, sample(count, seed, shift), np.random.default_rng(seed))
        for seed in range(1, 9)
    ]
    return found, scale


def test_one_distribution_is_at_zero_where_the_plain_distance_is_not():
    found, _ = limits(600, 0.0)
    values = np.array([f.value for f in found])
    plain = np.array([f.plain for f in found])
    assert plain.mean() > 5 * plain.std()
    assert abs(values.mean()) < 0.2 * plain.mean()
    assert np.all(np.abs(values) < 3 * np.array([f.error for f in found]))
    assert found[0].size == 600


def test_a_shift_is_found_at_its_size():
    found, scale = limits(600, 0.5)
    cov = np.diag((SCALE / scale) ** 2)
    exact = frechet_distance(np.zeros(len(SCALE)), cov, 0.5 * SCALE / scale, cov)
    values = [f.value for f in found]
    assert np.mean(values) == pytest.approx(exact, rel=0.12)
    assert found[0].plain > exact
