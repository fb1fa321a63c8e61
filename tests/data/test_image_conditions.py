"""What a model is told of momentum and start: all of it, in a form that tells energies apart."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.data.image_conditions import (
    MOMENTUM_SCALE,
    SPATIAL_FEATURES,
    direction_within,
    encode_momentum,
    encode_start,
    start_at,
    start_pixels,
)
from driftline.data.images import PLANES, concatenate
from made_images import made_images

rng = np.random.default_rng(1)


def momentum_of(features: np.ndarray) -> np.ndarray:
    """The momentum from direction and logarithm."""
    return features[:, :3] * MOMENTUM_SCALE * np.exp(features[:, 3:4])


def test_nothing_is_lost():
    momentum = rng.normal(0, 400, (200, 3))
    features = encode_momentum(momentum)
    assert features.shape == (200, SPATIAL_FEATURES)
    assert features.dtype == np.float32
    assert np.abs(np.delete(features, 3, axis=1)).max() <= 1
    np.testing.assert_allclose(momentum_of(features), momentum, rtol=1e-4, atol=1e-2)


def test_momenta_of_contained_protons_are_far_apart():
    """600 and 800 MeV/c are 0.58 cycles of the fastest sine apart, 600 and 650 a sixth."""
    features = encode_momentum(np.array([[600.0, 0, 0], [650.0, 0, 0], [800.0, 0, 0]]))
    distance = np.linalg.norm(np.diff(features, axis=0), axis=1)
    assert (distance > 1).all()


def test_at_rest_there_is_no_direction():
    features = encode_momentum(np.zeros((1, 3)))
    assert (features[:, :3] == 0).all()
    assert np.isfinite(features).all()
    assert (direction_within(np.zeros((1, 3)), np.array([[1]], np.uint8)) == 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_directions_within_planes_are_those_of_rows_and_columns(channels):
    momentum = rng.normal(0, 400, (50, 3))
    planes = rng.integers(0, 3, (50, channels)).astype(np.uint8)
    within = direction_within(momentum, planes)
    assert within.shape == (50, 2 * channels)
    unit = momentum / np.linalg.norm(momentum, axis=1, keepdims=True)
    for n, row in enumerate(planes):
        expected = [unit[n, (plane + k) % 3] for plane in row for k in (0, 1)]
        np.testing.assert_allclose(within[n], expected, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_starts_are_where_images_show_them(channels):
    """A particle at x, y, z shows on plane (x, y) at row x, column y, less the crop's corner."""
    images = made_images(12, planes=channels, size=16)
    start = rng.uniform(0, 128, (12, 3)).astype(np.float32)
    corner = rng.integers(0, 200, (12, channels, 2)).astype(np.int32)
    found = start_pixels(replace(images, start=start, corner=corner, pitch=0.5))
    for n, c in np.ndindex(12, channels):
        axes = ["xyz".index(axis) for axis in PLANES[images.planes[n, c]]]
        np.testing.assert_allclose(found[n, c], start[n, axes] / 0.5 - corner[n, c])
    assert start_pixels(replace(images, start=None)) is None
    again = start_at(start_pixels(replace(images, start=start, corner=None)), images.planes, 0.5)
    shown = np.isfinite(again)
    assert shown.sum(axis=1).tolist() == [2 if channels == 1 else 3] * 12
    np.testing.assert_allclose(again[shown], start[shown], rtol=1e-6)


def test_joined_images_start_where_they_did():
    """Those that were cut out, and those that were not and tell no corner."""
    whole = replace(made_images(4, planes=1, size=16), corner=None)
    cut = replace(whole, corner=np.full((4, 1, 2), 5, np.int32))
    joined = start_pixels(concatenate([cut, whole]))
    np.testing.assert_array_equal(joined, np.concatenate([start_pixels(cut), start_pixels(whole)]))
    assert concatenate([whole, whole]).corner is None


def test_starts_are_told_from_the_middle_in_halves_of_the_image():
    found = encode_start(np.array([[[0.0, 0.0]], [[32.0, 16.0]], [[64.0, 96.0]]]), 64, 32)
    assert found.tolist() == [[-1, -1], [0, 0], [1, 5]]
