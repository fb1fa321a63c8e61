"""Projection, diffusion, noise, threshold and labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argon_events import generator
from driftline.simulation.liquid_argon import argon
from driftline.simulation.liquid_argon.particles import BEGIN, COLUMNS, END, MAKER
from driftline.simulation.liquid_argon.readout import (
    DIFFUSION_ACROSS,
    DIFFUSION_ALONG,
    DRIFT_VELOCITY,
    finish,
    project,
)

SIZE, PITCH = 64, 0.5


def segments(rng, count):
    """Segments of different lengths inside the planes, half of them of showers."""
    rows = np.zeros((count, COLUMNS))
    rows[:, BEGIN : BEGIN + 3] = rng.uniform(3.0, SIZE * PITCH - 3.0, (count, 3))
    step = rng.standard_normal((count, 3)) * rng.choice([0.0, 0.1, 0.8], (count, 1))
    rows[:, END : END + 3] = rows[:, BEGIN : BEGIN + 3] + step
    rows[:, MAKER] = rng.choice([argon.ELECTRON, argon.PROTON], count)
    return rows


def projected(rows, charge, diffusion=False):
    planes, shower = np.zeros((2, 3, SIZE, SIZE), np.float32)
    project(rows, charge, PITCH, diffusion, planes, shower)
    return planes, shower


def test_projection_against_points_along_the_segments():
    """Many small charges on each segment, in numpy's histograms."""
    rng = np.random.default_rng(1)
    rows, charge = segments(rng, 200), rng.uniform(0.1, 2.0, 200)
    planes, shower = projected(rows, charge)
    share = (np.arange(4000) + 0.5) / 4000
    begin, end = rows[:, None, BEGIN : BEGIN + 3], rows[:, None, END : END + 3]
    points = (begin + share[:, None] * (end - begin)).reshape(-1, 3)
    edges = np.arange(SIZE + 1) * PITCH
    for maker, found in ((None, planes), (argon.ELECTRON, shower)):
        kept = np.ones(200, bool) if maker is None else rows[:, MAKER] == maker
        weights = np.repeat(charge * kept / 4000, 4000)
        for plane in range(3):
            pair = points[:, plane], points[:, (plane + 1) % 3]
            expected = np.histogram2d(*pair, bins=(edges, edges), weights=weights)[0]
            np.testing.assert_allclose(found[plane], expected, atol=2e-3)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_planes_hold_the_same_charge(seed, diffusion):
    rng = np.random.default_rng(seed)
    rows, charge = segments(rng, 20), rng.uniform(0.1, 2.0, 20)
    planes, _ = projected(rows, charge, diffusion)
    np.testing.assert_allclose(planes.sum((1, 2)), charge.sum(), rtol=1e-5)


def test_charge_outside_is_not_seen():
    rows = np.zeros((2, COLUMNS))
    rows[:, END : END + 3] = rows[:, BEGIN : BEGIN + 3] = [[-0.1, 5.0, 5.0], [5.0, 5.0, 33.0]]
    planes, _ = projected(rows, np.ones(2))
    np.testing.assert_array_equal(planes.sum((1, 2)), [1.0, 1.0, 0.0])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_diffusion_carries_charge_over_the_edges_of_cells(axis):
    """Of a uniformly filled cell sigma / sqrt(2 pi) goes to either side, sigma^2 = 2 D t."""
    drift, points = 30.0, 2000
    rows = np.zeros((points, COLUMNS))
    rows[:, BEGIN : BEGIN + 3] = [drift + 0.25, 16.25, 16.25]
    rows[:, BEGIN + axis] += ((np.arange(points) + 0.5) / points - 0.5) * PITCH
    rows[:, END : END + 3] = rows[:, BEGIN : BEGIN + 3]
    planes, _ = projected(rows, np.full(points, 1.0 / points), diffusion=True)
    profile = planes[axis].sum(1)
    cell = int(rows[0, BEGIN + axis] / PITCH)
    diffusion = DIFFUSION_ALONG if axis == 0 else DIFFUSION_ACROSS
    sigma = np.sqrt(2.0 * diffusion * (drift + 0.25) / DRIFT_VELOCITY)
    leaves = sigma / (np.sqrt(2.0 * np.pi) * PITCH)
    assert 0.02 < leaves < 0.1
    expected = [leaves, 1.0 - 2.0 * leaves, leaves]
    np.testing.assert_allclose(profile[cell - 1 : cell + 2], expected, rtol=0.01)


def test_threshold_and_labels():
    """Exact zeros below the threshold; the larger part names the pixel."""
    planes = np.zeros((3, 4, 4), np.float32)
    shower, labels = planes.copy(), np.full((3, 4, 4), 9, np.uint8)
    planes[0, 0, :] = 0.04, 0.06, 1.0, 1.0
    shower[0, 0, :] = 0.04, 0.06, 0.4, 0.6
    finish(planes, shower, labels, 0.0, 0.05, generator(1))
    np.testing.assert_array_equal(labels[0, 0], [0, 2, 1, 2])
    np.testing.assert_allclose(planes[0, 0], [0.0, 0.06, 1.0, 1.0])
    assert planes[0, 0, 0] == 0.0 and not labels[1:].any()


def test_no_threshold_keeps_all_that_is_positive():
    planes = np.full((3, 2, 2), 1e-6, np.float32)
    labels = np.zeros(planes.shape, np.uint8)
    finish(planes, np.zeros_like(planes), labels, 0.0, 0.0, generator(1))
    assert (planes > 0.0).all() and (labels == 1).all()


def test_noise():
    """Normal, of the width asked for; what it lifts over the threshold is background."""
    planes = np.zeros((3, 200, 200), np.float32)
    labels = np.zeros(planes.shape, np.uint8)
    finish(planes, np.zeros_like(planes), labels, 0.1, 0.2, generator(1))
    seen = planes > 0.0
    assert seen.mean() == pytest.approx(0.02275, rel=0.08)  # beyond two standard deviations
    assert planes[seen].min() >= 0.2
    assert not labels.any()
