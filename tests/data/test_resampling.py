"""Charge on another grid: shared out by area, none of it lost."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from driftline.data.resampling import resample, touched

sides = st.floats(0.2, 7.0)
lengths = st.integers(1, 12)


def overlap(length, side):
    """(new pixels, old pixels) share of each old pixel that lies in each new one."""
    count = touched(0, length, side)[1]
    old, new = np.arange(length), side * np.arange(max(count, 1))[:, None]
    return np.clip(np.minimum(old + 1, new + side) - np.maximum(old, new), 0, 1)


@given(lengths, lengths, sides, sides, st.integers(0, 99))
def test_area_shares_the_charge(height, width, rows, columns, seed):
    charge = np.random.default_rng(seed).exponential(1e3, (height, width))
    made = resample(charge, rows, columns)
    expected = overlap(height, rows) @ charge @ overlap(width, columns).T
    np.testing.assert_allclose(made, expected, rtol=1e-12, atol=1e-8)
    assert made.sum() == pytest.approx(charge.sum(), rel=1e-13)


@given(lengths, sides, st.data())
def test_a_pixel_goes_where_it_lies(length, side, data):
    place = data.draw(st.integers(0, length - 1))
    share = overlap(length, side)[:, place]
    assume(not ((share > 1e-9) & (share < 1e-4)).any())  # by rounding or not, no matter
    charge = np.zeros((length, 1))
    charge[place] = 1.0
    rows = np.flatnonzero(resample(charge, side, 1)[:, 0] > 1e-5)
    assert rows.tolist() == list(range(*touched(place, place + 1, side)))


@pytest.mark.parametrize(("rows", "columns"), [(1.0709, 6.25), (0.7, 0.3)])
def test_constant_density_stays(rows, columns):
    made = resample(np.full((20, 90), 3.0), rows, columns)
    np.testing.assert_allclose(made[:-1, :-1], 3.0 * rows * columns, rtol=1e-12)


def test_known_grids():
    charge = np.random.default_rng(0).exponential(1e3, (12, 20)).astype(np.float32)
    np.testing.assert_allclose(resample(charge, 1, 1), charge, rtol=1e-12)
    blocks = charge.reshape(4, 3, 5, 4).sum(axis=(1, 3), dtype=np.float64)
    np.testing.assert_allclose(resample(charge, 3, 4), blocks, rtol=1e-12)
    assert resample(charge, 1e9, 1e9).shape == (1, 1)
    # rounding of the side makes no pixel more
    assert resample(charge, 1 - 1e-12, 0.1 + 1e-17).shape == (12, 200)
