"""Charge of one grid of pixels in another, shared out by the area that they have in common."""

import math

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-6
"""Of a pixel: what is smaller is rounding."""

Array = NDArray[np.float64]


def resample(charge: NDArray[np.floating], rows: float, columns: float) -> Array:
    """Charge in pixels of other sides, as if it were spread evenly over each of the old ones.

    Args:
        charge: (H, W).
        rows: height of the new pixels, in units of the old ones.
        columns: width of the new pixels, likewise.

    Returns:
        (ceil(H / rows), ceil(W / columns)) of the same sum. The end of the grid may cut off the
        last row and column.
    """
    return _along_rows(_along_rows(charge.astype(np.float64), columns).T, rows).T


def touched(first: float, end: float, side: float) -> tuple[int, int]:
    """The new pixels that a stretch of the old ones lies in: the first, and the one after the last.

    Args:
        first: where the stretch begins, in units of the old pixels.
        end: where it ends, likewise.
        side: of the new pixels, likewise.
    """
    return math.floor(first / side + TOLERANCE), math.ceil(end / side - TOLERANCE)


def _along_rows(charge: Array, side: float) -> Array:
    """Differences of the cumulative sum, interpolated at the new edges."""
    length = charge.shape[1]
    count = max(touched(0, length, side)[1], 1)
    edges = np.append(side * np.arange(count), length)
    before = np.cumsum(np.pad(charge, ((0, 0), (1, 0))), axis=1)
    whole = np.minimum(edges.astype(np.int64), length - 1)
    return np.diff(before[:, whole] + (edges - whole) * charge[:, whole], axis=1)
