"""Images of files that hold pixels and little else: class and unit have to come from outside.

The class is read off a name: ``larcv_png_64_train_tracks.npy``, or a folder ``showers``.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from driftline.data.formats.image_file import UNITS
from driftline.data.images import UNKNOWN, Images
from driftline.errors import InputError

TYPES = ("tracks", "showers", UNKNOWN)
"""Classes of images without truth: how 2307.13687 sorted its images, or nothing."""


def class_of(name: str) -> int:
    """Index into ``TYPES`` of what a name says."""
    for label, word in enumerate(("track", "shower")):
        if word in name.lower():
            return label
    return TYPES.index(UNKNOWN)


def unlabelled(
    source: str,
    pixels: ArrayLike,
    labels: NDArray[np.int64],
    first: int,
    unit: str | None,
) -> Images:
    """Images of one plane, each an event of its own.

    Args:
        source: file (and array) for messages and provenance.
        pixels: (N, H, W) or (N, C, H, W) numbers.
        labels: (N,) index into ``TYPES``.
        first: number of the first event.
        unit: of the pixels; by default ``8-bit``, then whole numbers from 0 to 255.

    Raises:
        InputError: another number of axes or of planes, no numbers, unit unknown, or the values do
            not fit it.
    """
    values = np.asarray(pixels)
    if values.dtype.kind not in "uifb":
        raise InputError(f"{source}: holds {values.dtype}, expected numbers; convert it")
    if values.ndim == 3:
        values = values[:, None]
    if values.ndim != 4 or not 1 <= values.shape[1] <= 3 or 0 in values.shape[2:]:
        raise InputError(
            f"{source}: has shape {np.shape(pixels)}, expected (N, H, W) or (N, C, H, W) with "
            "one to three planes; convert it"
        )
    if unit is not None and unit not in UNITS:
        raise InputError(f"--unit: unknown unit {unit!r}; choose from {', '.join(UNITS)}")
    made = np.array(values, dtype=np.float32)  # a copy, where a file is mapped
    if unit in (None, "8-bit"):
        wrong = ~((made >= 0) & (made <= 255) & (made == np.floor(made)))
        if wrong.any():
            raise InputError(
                f"{source}: {made[wrong][0]:g} is not a whole number from 0 to 255, so the unit is "
                f"not 8-bit; tell it with --unit ({', '.join(UNITS[:3])})"
            )
    count = len(made)
    return Images(
        made,
        labels,
        TYPES,
        np.tile(np.arange(made.shape[1], dtype=np.uint8), (count, 1)),
        np.arange(first, first + count, dtype=np.int64),
        unit=unit or "8-bit",
        threshold=1.0 if unit in (None, "8-bit") else 0.0,
        attributes={"source": source},
    )
