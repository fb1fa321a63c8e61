"""Profiles of charge along and across particles that are drawn by hand."""

from itertools import pairwise

import numpy as np
import pytest

from driftline.metrics.images.profiles import (
    DEPTH,
    DISTANCE,
    RESIDUAL_RANGE,
    shower_profiles,
    stopping_profile,
)

PITCH = 0.5


def track(charges, size=64):
    image = np.zeros((size, size))
    start = (size - len(charges)) // 2
    image[start : start + len(charges), size // 2] = charges
    return image


def bragg(pixels):
    """Charge that rises as the residual range falls to half a pixel."""
    residual = PITCH * (np.arange(pixels)[::-1] + 0.5)
    return 3.0 * residual**-0.4


def test_dedx_of_a_track_on_the_grid():
    charges = bragg(40)
    found = stopping_profile(track(charges)[None], PITCH)[0]
    backwards = charges[::-1]
    bins = (RESIDUAL_RANGE / PITCH).astype(int)
    expected = [backwards[low:high].sum() / ((high - low) * PITCH) for low, high in pairwise(bins)]
    assert found == pytest.approx(expected)
    assert np.all(np.diff(found) < 0)


def test_the_end_is_found_however_the_image_is_turned():
    image = track(bragg(24))
    expected = stopping_profile(image[None], PITCH)[0]
    for turned in (image[::-1], image[:, ::-1], image.T, image.T[:, ::-1]):
        assert stopping_profile(turned[None], PITCH)[0] == pytest.approx(expected)


def test_bins_beyond_a_track_are_zero_and_its_charge_is_all_there():
    charges = bragg(10)  # 5 cm
    found = stopping_profile(track(charges)[None], PITCH)[0]
    assert np.all(found[-1:] == 0) and np.all(found[:-1] > 0)
    assert (found * np.diff(RESIDUAL_RANGE)).sum() == pytest.approx(charges.sum())


def test_an_oblique_track_has_more_charge_a_projected_centimetre():
    rows = np.arange(10, 50)
    image = np.zeros((64, 64))
    image[rows, rows] = 1.0
    found = stopping_profile(image[None], PITCH)[0]
    charge = (found * np.diff(RESIDUAL_RANGE))[1:].sum()  # between 1 and 16 cm
    assert charge / 15 == pytest.approx(1.0 / (PITCH * 2**0.5), rel=0.05)


def test_no_charge_has_no_profile():
    planes = np.zeros((2, 16, 16))
    planes[1, 3, 3] = 1.0
    assert np.all(stopping_profile(planes, PITCH) == 0)
    longitudinal, transverse = shower_profiles(planes, PITCH)
    assert np.all(longitudinal[0] == 0) and np.all(transverse[0] == 0)
    assert longitudinal[1, 0] * DEPTH[1] == transverse[1, 0] * DISTANCE[1] == 1.0


def shower():
    """A cascade along the rows: a gamma distribution in depth, a Gaussian across."""
    depth = np.arange(40.0)[:, None]
    across = np.arange(-20.0, 21.0)[None]
    image = np.zeros((64, 64))
    image[10:50, 12:53] = (depth + 1) * np.exp(-depth / 5) * np.exp(-(across**2) / 8)
    return image


def test_shower_profiles_are_those_it_was_made_of():
    image = shower()
    longitudinal, transverse = shower_profiles(image[None], PITCH)
    rows = image.sum(axis=1)
    start = np.searchsorted(np.cumsum(rows), 0.02 * rows.sum())
    bins = (DEPTH / PITCH).astype(int) + start
    expected = [rows[low:high].sum() for low, high in pairwise(bins)]
    assert longitudinal[0] * np.diff(DEPTH) == pytest.approx(expected, rel=1e-6)
    columns = image.sum(axis=0)
    distance = np.abs(np.arange(64) - 32) * PITCH
    expected = np.histogram(distance, DISTANCE, weights=columns)[0]
    assert transverse[0] * np.diff(DISTANCE) == pytest.approx(expected, rel=1e-6)


def test_showers_point_to_their_longer_tail():
    image = shower()
    expected = shower_profiles(image[None], PITCH)[0]
    for turned in (image[::-1], image.T[:, ::-1]):
        assert shower_profiles(turned[None], PITCH)[0] == pytest.approx(expected, rel=1e-6)
