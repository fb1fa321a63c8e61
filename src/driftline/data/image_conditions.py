"""What a model is told of momentum and start of an image's particle, as numbers.

An image shows an energy, which a linear layer cannot make of three components, and a direction
within its plane, which it cannot make of components and plane: both are told as they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import PLANES, Images

Floats = NDArray[np.floating[Any]]

CONDITIONS = ("class", "momentum", "plane", "start")
"""What a model may be told of an image; the columns of ``given``."""

MOMENTUM_SCALE = 500.0
"""MeV/c: the momentum whose logarithm is zero."""

_CYCLES = np.array([0.25, 0.5, 1.0, 2.0])
"""Cycles per unit of ln |p|: the fastest tells the 600 to 800 MeV/c of contained protons apart."""

_AT_REST = 1.0
"""MeV/c: smaller momenta are told as this one."""

FARTHEST = 10_000
"""Pixels from the edge of an image within which a start can be asked for."""

_AXES = np.array([["xyz".index(axis) for axis in plane] for plane in PLANES])
"""Coordinate along rows and columns of each plane."""

SPATIAL_FEATURES = 4 + 2 * len(_CYCLES)
"""Columns of ``encode_momentum``."""


def encode_momentum(momentum: Floats) -> NDArray[np.float32]:
    """Direction and magnitude of momenta.

    Args:
        momentum: (N, 3) [MeV/c].

    Returns:
        (N, 12) float32: unit vector (zero at rest), L = ln(|p| / 500 MeV/c), sine and cosine of
        2 pi f L at four frequencies f.
    """
    magnitude = np.linalg.norm(momentum.astype(np.float64), axis=1, keepdims=True)
    logarithm = np.log(np.maximum(magnitude, _AT_REST) / MOMENTUM_SCALE)
    phase = 2 * np.pi * _CYCLES * logarithm
    features = [_direction(momentum), logarithm, np.sin(phase), np.cos(phase)]
    return np.concatenate(features, axis=1).astype(np.float32)


def direction_within(momentum: Floats, planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Components of the unit vector along rows and columns of each plane, (N, 2 C) float32.

    Args:
        momentum: (N, 3) [MeV/c].
        planes: (N, C) index into ``PLANES``.
    """
    within = projected(_direction(momentum), planes)
    return within.reshape(len(planes), 2 * planes.shape[1]).astype(np.float32)


def start_pixels(images: Images) -> NDArray[np.float64] | None:
    """(N, C, 2) row and column of each image where its particle starts, NaN where not known.

    In pixels from the edge of the first one, whose middle is at 0.5; outside of the image where it
    shows the particle further on. None where no start is known.
    """
    if images.start is None:
        return None
    within = projected(images.start, images.planes) / images.pitch
    corner = np.float64(0) if images.corner is None else images.corner.astype(np.float64)
    return within - corner


def start_at(pixels: Floats, planes: NDArray[np.uint8], pitch: float) -> NDArray[np.float32]:
    """(N, 3) start [cm] of images that are cut out nowhere, the inverse of ``start_pixels``.

    NaN in the coordinate that one plane alone does not show.

    Args:
        pixels: (N, C, 2) row and column.
        planes: (N, C) index into ``PLANES``.
        pitch: [cm] side of a pixel.
    """
    start = np.full((len(planes), 3), np.nan)
    for plane, point in zip(planes.T, pixels.swapaxes(0, 1), strict=True):
        np.put_along_axis(start, _AXES[plane], point * pitch, axis=1)
    return start.astype(np.float32)


def encode_start(pixels: Floats, rows: int, columns: int) -> NDArray[np.float32]:
    """Start points (N, C, 2) [pixels] from the middle of the image, in halves of it, (N, 2 C)."""
    half = np.array([rows, columns]) / 2
    return (pixels / half - 1).reshape(len(pixels), -1).astype(np.float32)


def projected(vectors: Floats, planes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, C, 2) components of vectors (N, 3) along rows and columns of each plane (N, C)."""
    axes = _AXES[planes].reshape(len(planes), 2 * planes.shape[1])
    within = np.take_along_axis(vectors.astype(np.float64), axes, axis=1)
    return within.reshape(*planes.shape, 2)


def _direction(momentum: Floats) -> NDArray[np.float64]:
    momentum = momentum.astype(np.float64)
    magnitude = np.linalg.norm(momentum, axis=1, keepdims=True)
    return momentum / np.where(magnitude > 0, magnitude, 1.0)
