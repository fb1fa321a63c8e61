"""Exchanges and mirror images of the coordinate axes, applied exactly to images and momenta.

Particles in a uniform medium, isotropic and unpolarised, tell neither the axes nor their directions
apart. A signed permutation of the axes (one of the 48 of the cube) then takes an event to one that
is just as likely: coordinate i of the new event is signs[i] times coordinate permutation[i] of the
old one. Of its projections on planes, rows or columns are mirrored, rows and columns exchanged, and
the planes themselves permuted; no pixel is changed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import PLANES


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
    new_pixels, new_planes = np.empty_like(pixels), np.empty_like(planes)
    place = np.argsort(permutation, axis=1)  # where each coordinate has gone
    for n in range(len(pixels)):
        views = []
        for image, plane in zip(pixels[n], planes[n]):
            row, column = place[n, plane], place[n, (plane + 1) % len(PLANES)]
            mirrored = image[:: signs[n, row], :: signs[n, column]]
            same = column == (row + 1) % len(PLANES)
            views.append((row, mirrored) if same else (column, mirrored.T))
        for c, (plane, image) in enumerate(sorted(views, key=lambda view: view[0])):
            new_pixels[n, c], new_planes[n, c] = image, plane
    return new_pixels, new_planes


def transformed_vectors(
    vectors: NDArray[Any], permutation: NDArray[np.int64], signs: NDArray[np.int64]
) -> NDArray[Any]:
    """The vectors (N, 3) x, y, z of transformed events, such as momenta; see above."""
    return np.take_along_axis(vectors, permutation, axis=1) * signs.astype(vectors.dtype)
