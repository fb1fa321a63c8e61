"""What a model is told of the momentum of an image's particle, as numbers.

An image shows an energy, which a linear layer cannot make of three components, and a direction
within its plane, which it cannot make of components and plane: both are told as they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import PLANES

Floats = NDArray[np.floating[Any]]

CONDITIONS = ("class", "momentum", "plane")
"""What a model may be told of an image; the columns of ``given``."""

MOMENTUM_SCALE = 500.0
"""MeV/c: the momentum whose logarithm is zero."""

_CYCLES = np.array([0.25, 0.5, 1.0, 2.0])
"""Cycles per unit of ln |p|: the fastest tells the 600 to 800 MeV/c of contained protons apart, the
slowest momenta up to e^4 = 55-fold; 20 and 1,092 MeV/c look alike."""

_AT_REST = 1.0
"""MeV/c: smaller momenta are told as this one."""

_AXES = np.array([["xyz".index(axis) for axis in plane] for plane in PLANES])
"""Coordinate along rows and columns of each plane."""

SPATIAL_FEATURES = 3 + 2 * len(_CYCLES)
"""Columns of ``encode_momentum``."""


def encode_momentum(momentum: Floats) -> NDArray[np.float32]:
    """Direction and magnitude of momenta.

    Args:
        momentum: (N, 3) [MeV/c].

    Returns:
        (N, 11) float32: unit vector (zero at rest), sine and cosine of 2 pi f ln(|p| / 500 MeV/c)
        at four frequencies f.
    """
    magnitude = np.linalg.norm(momentum.astype(np.float64), axis=1, keepdims=True)
    phase = 2 * np.pi * _CYCLES * np.log(np.maximum(magnitude, _AT_REST) / MOMENTUM_SCALE)
    features = [_direction(momentum), np.sin(phase), np.cos(phase)]
    return np.concatenate(features, axis=1).astype(np.float32)


def direction_within(momentum: Floats, planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Components of the unit vector along rows and columns of each plane, (N, 2 C) float32.

    Args:
        momentum: (N, 3) [MeV/c].
        planes: (N, C) index into ``PLANES``.
    """
    axes = _AXES[planes].reshape(len(planes), 2 * planes.shape[1])
    return np.take_along_axis(_direction(momentum), axes, axis=1).astype(np.float32)


def _direction(momentum: Floats) -> NDArray[np.float64]:
    momentum = momentum.astype(np.float64)
    magnitude = np.linalg.norm(momentum, axis=1, keepdims=True)
    return momentum / np.where(magnitude > 0, magnitude, 1.0)
