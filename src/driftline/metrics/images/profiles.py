"""Charge along and across a particle: dE/dx of stopping tracks, profiles of showers.

Both are read off the image alone, for real and generated ones alike. The image is a projection: a
path of length L at an angle theta to the plane is L cos(theta) long in it, and so are the distances
here; charge per projected length is above dE/dx by 1 / cos(theta).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.metrics.images.geometry import largest_cluster, principal_axis

Array = NDArray[np.float64]

RESIDUAL_RANGE = np.array([0.0, 1.0, 2.0, 4.0, 8.0, 16.0])
"""[cm] edges of the bins of the distance from the end of a track."""

DEPTH = np.array([0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0])
"""[cm] edges of the bins of the depth in a shower."""

DISTANCE = np.array([0.0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75])
"""[cm] edges of the bins of the distance from the axis of a shower, on both sides of it.

They lie between the pixels of a shower along the grid, whose centres are multiples of 0.5 cm away.
"""

END_WINDOW = 3.0
"""[cm] length of the end pieces that are compared to find the end at which a track stops."""

BEFORE_START = 0.02
"""Share of the charge of a shower that lies before its start."""


@njit(cache=True, nogil=True)
def _projections(charge: Array, chosen: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Positions along and across the principal axis and charges of the chosen pixels, each (n,)."""
    r0, c0, along_rows, along_columns, _ = principal_axis(charge, chosen)
    rows, columns = np.nonzero(chosen)
    along, across, weight = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows))
    for k in range(len(rows)):
        r, c = rows[k] - r0, columns[k] - c0
        along[k] = r * along_rows + c * along_columns
        across[k] = c * along_rows - r * along_columns
        weight[k] = charge[rows[k], columns[k]]
    return along, across, weight


@njit(cache=True, nogil=True)
def _density(position: Array, charge: Array, edges: Array) -> Array:
    """(K,) charge per length in bins; what is outside is left out."""
    density = np.zeros(len(edges) - 1)
    for k in range(len(position)):
        bin_of = np.searchsorted(edges, position[k], side="right") - 1
        if 0 <= bin_of < len(density):
            density[bin_of] += charge[k]
    return density / np.diff(edges)


@njit(cache=True, nogil=True)
def _stopping(charge: Array, pitch: float) -> Array:
    result = np.zeros((len(charge), len(RESIDUAL_RANGE) - 1))
    for n in range(len(charge)):
        chosen, number = largest_cluster(charge[n])
        if number == 0:
            continue
        along, _, weight = _projections(charge[n], chosen)
        along = (along - along.min()) * pitch
        length = along.max()
        window = min(END_WINDOW, length / 2.0)
        first = weight[along <= window].sum()
        last = weight[along >= length - window].sum()
        residual = length - along if last >= first else along
        # from the outer side of the last pixel, so that no bin is cut at half a pixel
        result[n] = _density(residual + pitch / 2.0, weight, RESIDUAL_RANGE)
    return result


def stopping_profile(planes: NDArray[np.floating], pitch: float) -> Array:
    """(M, 5) charge per projected length against the residual range [charge / cm].

    The largest cluster is taken along its charge-weighted axis. A track stops at that end where
    there is more charge within 3 cm, or in that half if it is shorter than 6 cm: the Bragg rise.
    Bins beyond its length are zero.

    Args:
        planes: (M, H, W) charge.
        pitch: [cm] side of a pixel.
    """
    return _stopping(planes.astype(np.float64), pitch)


@njit(cache=True, nogil=True)
def _shower(charge: Array, pitch: float) -> tuple[Array, Array]:
    longitudinal = np.zeros((len(charge), len(DEPTH) - 1))
    transverse = np.zeros((len(charge), len(DISTANCE) - 1))
    for n in range(len(charge)):
        seen = charge[n] > 0.0
        if not seen.any():
            continue
        along, across, weight = _projections(charge[n], seen)
        if (weight * along**3).sum() < 0.0:
            along = -along
        order = np.argsort(along)
        below = np.cumsum(weight[order])
        start = along[order[np.searchsorted(below, BEFORE_START * below[-1])]]
        longitudinal[n] = _density((along - start + 0.5) * pitch, weight, DEPTH)
        transverse[n] = _density(np.abs(across) * pitch, weight, DISTANCE)
    return longitudinal, transverse


def shower_profiles(planes: NDArray[np.floating], pitch: float) -> tuple[Array, Array]:
    """Longitudinal (M, 8) and transverse (M, 6) profiles of all charge seen [charge / cm].

    The axis goes through the centroid in the direction in which the charge spreads most, towards
    the side with the longer tail (third moment). The depth counts from where 2% of the charge are
    passed; those are left out.

    Args:
        planes: (M, H, W) charge.
        pitch: [cm] side of a pixel.
    """
    return _shower(planes.astype(np.float64), pitch)
