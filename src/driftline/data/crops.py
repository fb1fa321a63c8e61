"""Crops around the charge, and splits by event.

The recipe of Imani et al., 2307.13687, for every plane of an image on its own: the mean position,
weighted by intensity, has to lie strictly inside a margin; a square box is cut out around it, and
kept if enough of its pixels are above zero.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.data.images import Images, concatenate
from driftline.errors import InputError


def crop(images: Images, size: int = 64, margin: int = 32, occupancy: float = 0.01) -> Images:
    """Cut every plane of every image to a box around its charge.

    Args:
        images: N images of C planes, H x W pixels.
        size: side of the box [pixels]; its middle is within half a pixel of the centroid, so that
            mirror images of crops are crops of mirror images.
        margin: the centroid (r, c) has to have margin < r < H - margin, margin < c < W - margin.
        occupancy: the smallest fraction of the box's pixels above zero, from 0 to 1.

    Images of size x size pixels are crops already: their planes stay whole, if enough of their
    pixels are above zero.

    Returns:
        (M, 1, size, size) images of one plane, M <= N C, in the order of image and plane. Class,
        event and truth are those of the image, ``corner`` tells where the box was cut out.

    Raises:
        InputError: a parameter is out of range, the box does not fit into the image around every
            centroid allowed, or nothing is left.
    """
    return concatenate(list(crop_blocks([images], size, margin, occupancy)))


def crop_blocks(
    blocks: Iterable[Images], size: int = 64, margin: int = 32, occupancy: float = 0.01
) -> Iterator[Images]:
    """``crop`` of images that come block after block; blocks of which nothing is left are skipped.

    Raises:
        InputError: as ``crop``, when all blocks are done.
    """
    seen, left = 0, 0
    for images in blocks:
        cut = _crop(images, size, margin, occupancy)
        seen, left = seen + len(images), left + len(cut)
        if len(cut):
            yield cut
    if not left:
        raise InputError(
            f"crop: none of {seen} images leaves a {size} x {size} box with the centroid inside a "
            f"margin of {margin} and {occupancy:g} of its pixels above zero; "
            "choose a smaller margin or occupancy"
        )


def _crop(images: Images, size: int, margin: int, occupancy: float) -> Images:
    """The crops of images, possibly none."""
    height, width = images.pixels.shape[2:]
    _check_parameters(height, width, size, margin, occupancy)
    n, plane, corner = _select(images.pixels, size, margin, occupancy)
    cut: dict[str, Any] = {"pixels": _cut(images.pixels, n, plane, corner, size)}
    if images.segmentation is not None:
        cut["segmentation"] = _cut(images.segmentation, n, plane, corner, size)
    if images.corner is not None:
        corner = corner + images.corner[n, plane]
    settings = {"size": size, "margin": margin, "occupancy": occupancy}
    return replace(
        images[n],
        **cut,
        planes=images.planes[n, plane][:, None],
        corner=corner[:, None],
        attributes=images.attributes | {"crop": settings},
    )


def split_by_event(
    images: Images, fractions: tuple[float, ...] = (0.8, 0.1, 0.1), seed: int = 0
) -> tuple[Images, ...]:
    """Divide images into samples such that no event is in two of them.

    The sample of an event depends on its number and the seed alone, so that neither order nor other
    events change it, and blocks of a file can be split one after the other. The fractions are those
    expected; a small sample may get none of the images.

    Args:
        images: any.
        fractions: of the events in each sample; positive, of sum 1.
        seed: another one gives another split.

    Raises:
        InputError: the fractions are not positive or do not sum to 1.
    """
    edges = np.cumsum(fractions)
    if not len(edges) or not min(fractions) > 0 or not abs(edges[-1] - 1) <= 1e-6:  # NaN too
        raise InputError(
            f"split: fractions {', '.join(f'{f:g}' for f in fractions)} are not positive numbers "
            "of sum 1; choose for instance 0.8,0.1,0.1"
        )
    sample = np.searchsorted(edges[:-1], _uniform(images.event, seed), side="right")
    return tuple(images[sample == k] for k in range(len(fractions)))


def _uniform(event: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """(N,) numbers in [0, 1) that look random: SplitMix64 of seed and event.

    Steele, Lea, Flood, doi 10.1145/2660193.2660195, with the finaliser applied to either word.
    """
    word = _mixed(np.array([seed % 2**64], dtype=np.uint64))
    mixed = _mixed(event.astype(np.uint64) ^ word)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The step and finaliser of SplitMix64; multiplication is modulo 2^64."""
    z = word + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _check_parameters(height: int, width: int, size: int, margin: int, occupancy: float) -> None:
    if size < 1 or margin < 0 or not 0 <= occupancy <= 1:
        raise InputError(
            f"crop: size {size}, margin {margin}, occupancy {occupancy:g}: expected a positive "
            "size, a margin of at least 0 and an occupancy from 0 to 1"
        )
    if height == width == size:
        return
    if min(height, width) <= 2 * margin or size > 2 * margin:
        raise InputError(
            f"crop: a box of {size} does not fit around every centroid more than {margin} pixels "
            f"inside an image of {height} x {width}; choose --margin from {(size + 1) // 2} "
            f"to {(min(height, width) - 1) // 2}, or a smaller --size"
        )


def _select(
    pixels: NDArray[np.float32], size: int, margin: int, occupancy: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """(M,) images and planes that are kept, and (M, 2) the first pixels of their boxes."""
    height, width = pixels.shape[2:]
    if height == width == size:
        n, plane = np.nonzero(np.ones(pixels.shape[:2], dtype=bool))
        corner = np.zeros((len(n), 2), dtype=np.int32)
    else:
        centroid = _centroids(pixels)  # NaN without charge, which compares as outside
        inside = (centroid > margin) & (centroid < np.array([height, width]) - margin)
        n, plane = np.nonzero(inside.all(axis=-1))
        corner = np.floor(centroid[n, plane] + 1 - size / 2).astype(np.int32)
    kept = _filled(pixels, n, plane, corner, size) >= occupancy * size**2
    return n[kept], plane[kept], corner[kept]


@njit(cache=True)
def _centroids(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, C, 2) intensity-weighted mean row and column, NaN where the sum is not positive.

    ``scipy.ndimage.center_of_mass`` of every plane.
    """
    images, planes, height, width = pixels.shape
    centroid = np.full((images, planes, 2), np.nan)
    for n in range(images):
        for c in range(planes):
            total, along, across = 0.0, 0.0, 0.0
            for i in range(height):
                for j in range(width):
                    value = np.float64(pixels[n, c, i, j])
                    total += value
                    along += i * value
                    across += j * value
            if total > 0:
                centroid[n, c, 0] = along / total
                centroid[n, c, 1] = across / total
    return centroid


@njit(cache=True)
def _filled(
    pixels: NDArray[np.float32],
    n: NDArray[np.int64],
    plane: NDArray[np.int64],
    corner: NDArray[np.int32],
    size: int,
) -> NDArray[np.int64]:
    """(M,) number of pixels above zero in each box."""
    count = np.zeros(len(n), dtype=np.int64)
    for m in range(len(n)):
        for i in range(corner[m, 0], corner[m, 0] + size):
            for j in range(corner[m, 1], corner[m, 1] + size):
                count[m] += pixels[n[m], plane[m], i, j] > 0
    return count


@njit(cache=True)
def _cut(
    source: NDArray[Any],
    n: NDArray[np.int64],
    plane: NDArray[np.int64],
    corner: NDArray[np.int32],
    size: int,
) -> NDArray[Any]:
    """(M, 1, size, size) the boxes."""
    boxes = np.empty((len(n), 1, size, size), dtype=source.dtype)
    for m in range(len(n)):
        i, j = corner[m, 0], corner[m, 1]
        boxes[m, 0] = source[n[m], plane[m], i : i + size, j : j + size]
    return boxes
