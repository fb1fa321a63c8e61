"""Tests of two samples against scipy, and their p-values under one distribution."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp, kstest

from driftline.metrics.images.goodness import BINS, chi_square, kolmogorov_smirnov


def test_kolmogorov_smirnov_is_scipys_also_with_equal_values():
    rng = np.random.default_rng(0)
    for digits in (8, 0):
        a, b = rng.normal(size=300).round(digits), rng.normal(0.2, 1, 400).round(digits)
        found = kolmogorov_smirnov(a, b, rng)
        expected = ks_2samp(a, b, method="asymp")
        assert (found.value, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_the_error_of_kolmogorov_smirnov_is_its_spread():
    rng = np.random.default_rng(1)
    found = [
        kolmogorov_smirnov(rng.normal(size=400), rng.normal(0.5, 1, 500), rng) for _ in range(60)
    ]
    assert np.mean([f.error for f in found]) == pytest.approx(
        np.std([f.value for f in found]), rel=0.3
    )


def test_chi_square_is_that_of_the_contingency_table():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=2000), rng.normal(0.05, 1, 3000)
    edges = np.quantile(np.concatenate([a, b]), np.arange(1, BINS) / BINS)
    table = [np.bincount(np.searchsorted(edges, x), minlength=BINS) for x in (a, b)]
    expected = chi2_contingency(table)
    found = chi_square(a, b)
    assert found.value * (BINS - 1) == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)


def test_p_values_of_one_distribution_are_uniform():
    rng = np.random.default_rng(3)
    found = [chi_square(rng.exponential(size=800), rng.exponential(size=500)) for _ in range(300)]
    assert kstest([f.p for f in found], "uniform").pvalue > 1e-3
    assert np.std([f.value for f in found]) == pytest.approx(
        np.mean([f.error for f in found]), rel=0.3
    )


def test_equal_values_share_a_bin_and_constants_agree():
    a = np.concatenate([np.zeros(500), np.linspace(1, 2, 500)])
    assert chi_square(a, a[::2]).value == pytest.approx(0, abs=0.1)
    constant = chi_square(np.ones(50), np.ones(70))
    assert (constant.value, constant.p) == (0.0, 1.0)
    apart = chi_square(np.zeros(50), np.ones(70))
    assert apart.p < 1e-10
