"""What a model is told of a momentum: all of it, in a form that tells energies apart."""

import numpy as np
import pytest

from driftline.data.image_conditions import (
    MOMENTUM_SCALE,
    SPATIAL_FEATURES,
    direction_within,
    encode_momentum,
)

rng = np.random.default_rng(1)


def momentum_of(features: np.ndarray) -> np.ndarray:
    """The momentum from direction and the slowest phase, of magnitudes within e^2 of the scale."""
    phase = np.arctan2(features[:, 3], features[:, 7])
    return features[:, :3] * MOMENTUM_SCALE * np.exp(phase / (2 * np.pi * 0.25))[:, None]


def test_nothing_is_lost():
    momentum = rng.normal(0, 400, (200, 3))
    features = encode_momentum(momentum)
    assert features.shape == (200, SPATIAL_FEATURES)
    assert features.dtype == np.float32
    assert np.abs(features).max() <= 1
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
