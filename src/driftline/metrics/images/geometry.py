"""Track geometry of an image: clusters of pixels, and length, width and angle of the largest.

Pixels with charge are clustered by DBSCAN (Ester et al., KDD-96, 226) with the radius of 3 pixels
and the 5 pixels of Imani et al. (arXiv:2307.13687); on a grid the neighbours of a pixel are known
without a search. Values are defined for every image: one without a cluster has length and width
zero and no angle; a cluster on a line has a width of one pixel.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]

RADIUS = 3.0
"""[pixels] within which pixels are neighbours (DBSCAN's eps)."""

CORE_PIXELS = 5
"""A pixel with as many neighbours, itself included, is inside a cluster (DBSCAN's min_samples)."""

_REACH = int(RADIUS)
_OFFSETS = np.array(
    [
        (row, column)
        for row in range(-_REACH, _REACH + 1)
        for column in range(-_REACH, _REACH + 1)
        if row**2 + column**2 <= RADIUS**2
    ]
)


@njit(cache=True, nogil=True)
def _neighbours(seen: NDArray[np.bool_], row: int, column: int) -> int:
    """Number of pixels seen within the radius of one of them, itself included."""
    height, width = seen.shape
    count = 0
    for k in range(len(_OFFSETS)):
        r, c = row + _OFFSETS[k, 0], column + _OFFSETS[k, 1]
        if 0 <= r < height and 0 <= c < width and seen[r, c]:
            count += 1
    return count


@njit(cache=True, nogil=True)
def clusters(seen: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """DBSCAN of the pixels of one image.

    Clusters are numbered by their first core pixel in the order of reading; a pixel at the border
    of two belongs to the first. With the pixels in this order scikit-learn's labels are the same.

    Args:
        seen: (H, W), true where there is charge.

    Returns:
        Labels (H, W), -1 for pixels of no cluster, and the number of clusters.
    """
    height, width = seen.shape
    core = np.zeros(seen.shape, np.bool_)
    for row in range(height):
        for column in range(width):
            if seen[row, column]:
                core[row, column] = _neighbours(seen, row, column) >= CORE_PIXELS
    labels = np.full(seen.shape, -1, np.int32)
    stack = np.empty((height * width, 2), np.int64)
    number = 0
    for row in range(height):
        for column in range(width):
            if not core[row, column] or labels[row, column] >= 0:
                continue
            labels[row, column] = number
            stack[0] = row, column
            waiting = 1
            while waiting > 0:
                waiting -= 1
                r0, c0 = stack[waiting]
                for k in range(len(_OFFSETS)):
                    r, c = r0 + _OFFSETS[k, 0], c0 + _OFFSETS[k, 1]
                    if not (0 <= r < height and 0 <= c < width):
                        continue
                    if seen[r, c] and labels[r, c] < 0:
                        labels[r, c] = number
                        if core[r, c]:
                            stack[waiting] = r, c
                            waiting += 1
            number += 1
    return labels, number


@njit(cache=True, nogil=True)
def largest_cluster(charge: Array) -> tuple[NDArray[np.bool_], int]:
    """The cluster of most pixels, of equally large ones that of most charge.

    Args:
        charge: (H, W); pixels above zero are seen.

    Returns:
        (H, W) true for its pixels, nowhere if there is no cluster; and the number of clusters.
    """
    labels, number = clusters(charge > 0.0)
    pixels, sums = np.zeros(number, np.int64), np.zeros(number)
    for row in range(charge.shape[0]):
        for column in range(charge.shape[1]):
            label = labels[row, column]
            if label >= 0:
                pixels[label] += 1
                sums[label] += charge[row, column]
    best = 0
    for label in range(1, number):
        more = pixels[label] > pixels[best]
        if more or (pixels[label] == pixels[best] and sums[label] > sums[best]):
            best = label
    return labels == best, number


@njit(cache=True, nogil=True)
def principal_axis(
    charge: Array, chosen: NDArray[np.bool_]
) -> tuple[float, float, float, float, float]:
    """Centroid and direction of the largest spread of the charge of the chosen pixels.

    Returns:
        Row and column of the centroid, the row and column components of the unit vector along the
        axis, and its angle to the direction of the rows, in [0, pi). Charge that spreads equally
        in all directions has its axis along the rows.
    """
    total = r0 = c0 = 0.0
    for row in range(charge.shape[0]):
        for column in range(charge.shape[1]):
            if chosen[row, column]:
                q = charge[row, column]
                total += q
                r0 += q * row
                c0 += q * column
    r0, c0 = r0 / total, c0 / total
    rr = cc = rc = 0.0
    for row in range(charge.shape[0]):
        for column in range(charge.shape[1]):
            if chosen[row, column]:
                q, r, c = charge[row, column], row - r0, column - c0
                rr += q * r * r
                cc += q * c * c
                rc += q * r * c
    if np.hypot(rr - cc, 2.0 * rc) <= 1e-12 * (rr + cc):
        return r0, c0, 1.0, 0.0, 0.0
    angle = 0.5 * np.arctan2(2.0 * rc, rr - cc)
    if angle < 0.0:
        angle += np.pi
    if angle >= np.pi:  # -1e-17 + pi is pi
        angle = 0.0
    return r0, c0, np.cos(angle), np.sin(angle), angle


@njit(cache=True, nogil=True)
def extent(chosen: NDArray[np.bool_], along_rows: float, along_columns: float) -> float:
    """Distance between the outermost of the chosen pixels along a unit vector, in pixels."""
    low, high = np.inf, -np.inf
    for row in range(chosen.shape[0]):
        for column in range(chosen.shape[1]):
            if chosen[row, column]:
                position = row * along_rows + column * along_columns
                low, high = min(low, position), max(high, position)
    return high - low


@njit(cache=True, nogil=True)
def diameter(chosen: NDArray[np.bool_]) -> float:
    """Largest distance between two of the chosen pixels, in pixels.

    It lies between two vertices of the convex hull, and each of these is the first or the last
    pixel of its row.
    """
    ends = np.empty((2 * chosen.shape[0], 2), np.int64)
    count = 0
    for row in range(chosen.shape[0]):
        first, last = -1, -1
        for column in range(chosen.shape[1]):
            if chosen[row, column]:
                last = column
                if first < 0:
                    first = column
        if first >= 0:
            ends[count] = row, first
            ends[count + 1] = row, last
            count += 2
    largest = 0
    for i in range(count):
        for j in range(i):
            dr, dc = ends[i, 0] - ends[j, 0], ends[i, 1] - ends[j, 1]
            largest = max(largest, dr * dr + dc * dc)
    return np.sqrt(largest)


@njit(cache=True, nogil=True)
def _geometry(charge: Array) -> Array:
    """(M, 4) clusters, length, width [pixels] and angle [degrees] of planes (M, H, W)."""
    result = np.zeros((len(charge), 4))
    for n in range(len(charge)):
        chosen, number = largest_cluster(charge[n])
        result[n, 0] = number
        result[n, 3] = np.nan
        if number > 0:
            _, _, along_rows, along_columns, angle = principal_axis(charge[n], chosen)
            result[n, 1] = diameter(chosen)
            result[n, 2] = extent(chosen, -along_columns, along_rows) + 1.0
            result[n, 3] = np.degrees(angle)
    return result


class TrackGeometry(NamedTuple):
    """Geometry of M planes.

    Attributes:
        clusters: (M,) number of clusters.
        length: (M,) [cm] largest distance between the centres of two pixels of the largest cluster,
            which is that between two vertices of its convex hull; zero without a cluster.
        width: (M,) [cm] extent of the largest cluster across its axis, from the outer side of one
            pixel to that of another; zero without a cluster.
        angle: (M,) [degrees] in [0, 180), from the direction of the rows to the axis along which
            the charge of the largest cluster spreads most; NaN without a cluster.
    """

    clusters: Array
    length: Array
    width: Array
    angle: Array


def track_geometry(planes: NDArray[np.floating], pitch: float) -> TrackGeometry:
    """Clusters, length, width and angle of images.

    Args:
        planes: (M, H, W) charge; pixels above zero are seen.
        pitch: [cm] side of a pixel.
    """
    number, length, width, angle = _geometry(planes.astype(np.float64)).T
    return TrackGeometry(number, length * pitch, width * pitch, angle)
