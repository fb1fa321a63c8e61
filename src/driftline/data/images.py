"""A sample of detector images in memory: pixels, classes, truth, and where each was cut out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

PDG_CODES = {
    "e-": 11,
    "e+": -11,
    "gamma": 22,
    "mu-": 13,
    "mu+": -13,
    "pi+": 211,
    "pi-": -211,
    "p": 2212,
}
"""Monte Carlo numbers of the particles that have names here (Particle Data Group)."""

PARTICLE_MASSES = {
    **{"e-": 0.51099895, "e+": 0.51099895, "gamma": 0.0},
    **{"mu-": 105.6583755, "mu+": 105.6583755, "pi+": 139.57039, "pi-": 139.57039},
    "p": 938.27208816,
}
"""MeV/c^2 (Particle Data Group)."""

UNKNOWN = "unknown"
"""Class of images of which it is not known."""

IMAGE_TYPES = ("e-", "gamma", "mu-", "pi+", "pi-", "p")
"""Classes of the single-particle images, in this order."""

PLANES = (("x", "y"), ("y", "z"), ("z", "x"))
"""The three projections: which coordinate runs along the rows and which along the columns."""

SEGMENTS = ("background", "track", "shower")
"""Meaning of the values of ``Images.segmentation``."""


@dataclass(frozen=True)
class Images:
    """N images of C planes, H x W pixels each.

    Attributes:
        pixels: (N, C, H, W) float32 in ``unit``; zero where nothing was seen.
        labels: (N,) int64, index into ``types``.
        types: names of the classes: particles, or what a file without truth is called.
        planes: (N, C) uint8, index into ``PLANES``.
        event: (N,) int64, the event that an image shows; images of one event belong on one side of
            a split.
        segmentation: (N, C, H, W) uint8, index into ``SEGMENTS``, or None where not known.
        momentum: (N, 3) float32 x, y, z [MeV/c] of the particle, NaN where not known, or None.
        start: (N, 3) float32 x, y, z [cm] from the first pixels of the planes, where it starts; NaN
            where not known, or None.
        corner: (N, C, 2) int32 row and column of the first pixel in the plane it was cut from.
        unit: of the pixels: ``MeV``, ``electrons``, ``ADC`` or ``8-bit``.
        threshold: pixels below it were set to zero.
        pitch: [cm] side of a pixel.
        attributes: provenance, JSON-able.
    """

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]
    types: tuple[str, ...]
    planes: NDArray[np.uint8]
    event: NDArray[np.int64]
    segmentation: NDArray[np.uint8] | None = None
    momentum: NDArray[np.float32] | None = None
    start: NDArray[np.float32] | None = None
    corner: NDArray[np.int32] | None = None
    unit: str = "MeV"
    threshold: float = 0.0
    pitch: float = 0.5
    attributes: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: slice | ArrayLike) -> "Images":
        """The images of a slice, an index array or a boolean selection."""
        chosen = index if isinstance(index, slice) else np.asarray(index)
        rows: dict[str, Any] = {name: array[chosen] for name, array in self.columns.items()}
        return replace(self, **rows)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The arrays with a row for every image, those that are None left out."""
        names = (
            *("pixels", "labels", "planes", "event"),
            *("segmentation", "momentum", "start", "corner"),
        )
        return {name: a for name in names if (a := getattr(self, name)) is not None}

    def of_type(self, name: str) -> "Images":
        """The images of one class."""
        return self[self.labels == self.types.index(name)]

    @property
    def present(self) -> tuple[str, ...]:
        """The classes of which there is at least one image, in the order of ``types``."""
        return tuple(self.types[i] for i in np.unique(self.labels))


def concatenate(parts: Sequence[Images]) -> Images:
    """Join samples of equal shape, classes and unit; the attributes are the first one's.

    What one of them does not know (segmentation, truth) is not known of the whole; of images that
    were not cut out the corner is known all the same.
    """
    if any(part.corner is not None for part in parts):
        parts = [_with_corner(part) for part in parts]
    first = parts[0]
    shared = set.intersection(*(set(part.columns) for part in parts))
    joined: dict[str, Any] = {
        name: np.concatenate([part.columns[name] for part in parts]) if name in shared else None
        for name in first.columns
    }
    return replace(first, **joined)


def _with_corner(images: Images) -> Images:
    """The same with a corner, which is the first pixel of images that were not cut out."""
    if images.corner is not None:
        return images
    return replace(images, corner=np.zeros((*images.planes.shape, 2), dtype=np.int32))


def one_per_event(images: Images, seed: int = 0) -> Images:
    """At most one image of each event, any image with the same chance, in the order of the sample.

    The planes of one event have nearly the same charge and length: to statistics that take images
    for independent, crops of all three are too many. Events that show in few planes, short tracks
    and those along the normal of one, are kept as seldom as their images ask for: with one image of
    every event they would count up to three times as much as in the sample.

    Args:
        images: any.
        seed: of the draw.

    Returns:
        As many on average as there are images, divided by the most that share an event number.
    """
    rng = np.random.default_rng(seed)
    _, event, number = np.unique(images.event, return_inverse=True, return_counts=True)
    order = np.lexsort((rng.random(len(event)), event))
    place = np.empty(len(event), dtype=np.int64)
    place[order] = np.arange(len(event)) - np.repeat(np.cumsum(number) - number, number)
    drawn = rng.integers(number.max(initial=1), size=len(number))
    return images[place == drawn[event]]


def distances(images: Images, reference: Images) -> NDArray[np.float64]:
    """(N,) distance of image i of one sample to image i of the other.

    The root mean square difference of its pixels, in units of the standard deviation of all
    pixels of the reference.
    """
    scale = reference.pixels.std(dtype=np.float64) or 1.0
    apart = (images.pixels.astype(np.float64) - reference.pixels) / scale
    squared: NDArray[np.float64] = np.square(apart).mean(axis=(1, 2, 3))
    return np.sqrt(squared)


def unlike(images: Images, others: Images) -> str | None:
    """In what two samples differ so that they cannot be compared, and the remedy; or None."""
    for what, one, other in (
        ("planes, rows and columns", images.pixels.shape[1:], others.pixels.shape[1:]),
        ("unit", images.unit, others.unit),
        ("threshold", images.threshold, others.threshold),
        ("pitch", images.pitch, others.pitch),
    ):
        if one != other:
            return f"{what}: {one} and {other}; treat both alike, with driftline crop"
    return None
