"""The two-sample test by a classifier: its AUC, its error, and what it must and must not see."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from driftline.metrics.classifier import area_under_curve, classifier_test


def test_auc_is_sklearns_with_ties():
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 8, 50).astype(float), rng.integers(0, 6, 70).astype(float)
    labels = np.repeat([1, 0], [50, 70])
    expected = roc_auc_score(labels, np.concatenate([positive, negative]))
    assert area_under_curve(positive, negative).value == pytest.approx(expected, rel=1e-12)


def test_error_is_the_spread_over_samples():
    rng = np.random.default_rng(1)
    areas = [area_under_curve(rng.normal(0.7, 1, 200), rng.normal(size=300)) for _ in range(300)]
    values = [area.value for area in areas]
    assert np.mean(values) == pytest.approx(norm.cdf(0.7 / np.sqrt(2)), abs=0.005)
    assert np.mean([area.error for area in areas]) == pytest.approx(np.std(values), rel=0.15)


def test_equal_samples_cannot_be_told_apart():
    rng = np.random.default_rng(2)
    area = classifier_test(rng.normal(size=(2_000, 3)), rng.normal(size=(1_500, 3)))
    assert abs(area.value - 0.5) < 4 * area.error


def test_a_shift_gives_the_auc_of_the_likelihood_ratio():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(6_000, 2)), rng.normal(size=(6_000, 2)) + [1.0, 0.0]
    area = classifier_test(a, b, seed=4)
    assert area.value == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.02)
    assert area == classifier_test(a, b, seed=4)
