"""Exchanges and mirror images of the coordinate axes, applied exactly to images and momenta.

Particles in a uniform medium, isotropic and unpolarised, tell neither the axes nor their directions
apart. A signed permutation of the axes (one of the 48 of the cube) then takes an event to one that
is just as likely: coordinate i of the new event is signs[i] times coordinate permutation[i] of the
old one. Of its projections on planes, rows or columns are mirrored, rows and columns exchanged, and
the planes themselves permuted; no pixel is changed.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import PLANES

AXES = ("x", "y", "z")
"""Names of the coordinates 0, 1, 2."""


def transformed_images(
    pixels: NDArray[Any],
    planes: NDArray[np.uint8],
    permutation: NDArray[np.int64],
    signs: NDArray[np.int64],
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """The images of transformed events.

    Args:
        pixels: (N, C, H, W) anything that is given pixel by pixel: charge, classes.
        planes: (N, C) index into ``PLANES``.
        permutation: (N, 3) permutations of 0, 1, 2.
        signs: (N, 3) of 1 and -1.

    Returns:
        Pixels and planes of the same shapes; the planes of an image in ascending order.

    Raises:
        ValueError: rows and columns are to be exchanged, and are not equally many.
    """
    turned = _Turned.of(planes, permutation, signs)
    new_pixels = np.empty_like(pixels)
    for n in range(len(pixels)):
        for new, c in enumerate(turned.order[n]):
            image = pixels[n, c, :: turned.signs[n, c, 0], :: turned.signs[n, c, 1]]
            new_pixels[n, new] = image.T if turned.exchanged[n, c] else image
    return new_pixels, turned.sorted_planes


def transformed_planes(
    planes: NDArray[np.uint8], permutation: NDArray[np.int64], signs: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """The planes of ``transformed_images``, (N, C) in ascending order."""
    return _Turned.of(planes, permutation, signs).sorted_planes


def transformed_points(
    points: NDArray[Any],
    planes: NDArray[np.uint8],
    permutation: NDArray[np.int64],
    signs: NDArray[np.int64],
    size: tuple[int, int],
) -> NDArray[Any]:
    """The points of ``transformed_images``.

    Args:
        points: (N, C, 2) row and column [pixels], from the edge of the first pixel.
        planes: (N, C) index into ``PLANES``.
        permutation: (N, 3) permutations of 0, 1, 2.
        signs: (N, 3) of 1 and -1.
        size: rows and columns of an image.
    """
    turned = _Turned.of(planes, permutation, signs)
    new = np.where(turned.signs < 0, np.array(size) - points, points)
    new = np.where(turned.exchanged[..., None], new[..., ::-1], new)
    return np.take_along_axis(new, turned.order[..., None], axis=1).astype(points.dtype)


class _Turned(NamedTuple):
    """What becomes of the C projections of N events.

    Attributes:
        planes: (N, C) what each of them is afterwards.
        order: (N, C) which comes first, second, ... in ascending order of these.
        signs: (N, C, 2) -1 where rows, columns are mirrored.
        exchanged: (N, C) whether rows and columns are exchanged after that.
    """

    planes: NDArray[np.uint8]
    order: NDArray[np.int64]
    signs: NDArray[np.int64]
    exchanged: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        planes: NDArray[np.uint8],
        permutation: NDArray[np.int64],
        signs: NDArray[np.int64],
    ) -> "_Turned":
        place = np.argsort(permutation, axis=1)  # where each coordinate has gone
        along = planes.astype(np.int64)
        row, column = (
            np.take_along_axis(place, axis % len(PLANES), axis=1) for axis in (along, along + 1)
        )
        exchanged = column != (row + 1) % len(PLANES)
        new = np.where(exchanged, column, row)
        mirrored = np.stack([np.take_along_axis(signs, axis, axis=1) for axis in (row, column)], -1)
        return cls(new.astype(planes.dtype), np.argsort(new, axis=1), mirrored, exchanged)

    @property
    def sorted_planes(self) -> NDArray[np.uint8]:
        return np.take_along_axis(self.planes, self.order, axis=1)


def transformed_vectors(
    vectors: NDArray[Any], permutation: NDArray[np.int64], signs: NDArray[np.int64]
) -> NDArray[Any]:
    """The vectors (N, 3) x, y, z of transformed events, such as momenta; see above."""
    return np.take_along_axis(vectors, permutation, axis=1) * signs.astype(vectors.dtype)
