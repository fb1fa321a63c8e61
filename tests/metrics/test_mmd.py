"""The kernel physics distance against the sums that define it."""

import numpy as np
import pytest

from driftline.metrics.mmd import kernel_physics_distance, polynomial_mmd


def test_mmd_is_its_definition():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(9, 3))

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 4

    within_x = [kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    within_y = [kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    between = [kernel(a, b) for a in x for b in y]
    expected = np.mean(within_x) + np.mean(within_y) - 2 * np.mean(between)
    assert polynomial_mmd(x, y) == pytest.approx(expected, rel=1e-10)


def test_mmd_is_unbiased():
    rng = np.random.default_rng(1)
    values = [polynomial_mmd(x, y) for x, y in rng.normal(size=(400, 2, 40, 2))]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(400)
    assert np.min(values) < 0.0


def test_mmd_sees_a_difference():
    rng = np.random.default_rng(2)
    values = [polynomial_mmd(x, 0.8 * y) for x, y in rng.random((20, 2, 100, 3))]
    assert np.mean(values) > 10 * np.std(values) / np.sqrt(20)


def test_kpd_is_in_units_of_the_reference(monkeypatch):
    monkeypatch.setattr("driftline.metrics.mmd.KPD_BATCH_SIZE", 200)
    rng = np.random.default_rng(3)
    truth, other = rng.random((500, 2)), rng.random((400, 2))
    found = kernel_physics_distance(truth, other)
    scaled = kernel_physics_distance(7.0 * truth, 7.0 * other)
    assert (scaled.value, scaled.error) == pytest.approx((found.value, found.error), abs=1e-11)
    assert found.error > 0.0
