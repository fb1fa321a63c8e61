"""Deposits as three planes of pixels.

Every segment is cut at the faces of the cubes that the pixels of the three planes are projections
of, so that each plane holds the same charge.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.data.liquid_argon import DRIFT_VELOCITY
from driftline.simulation.liquid_argon.argon import PHOTON
from driftline.simulation.liquid_argon.particles import BEGIN, END, MAKER

Array = NDArray[np.float64]
Pixels = NDArray[np.float32]

DIFFUSION_ALONG, DIFFUSION_ACROSS = 4.0e-6, 8.8e-6
"""[cm2/us] Diffusion along and across the drift: round values near the measured ones (Li et al.,
Nucl. Instrum. Meth. A 816 (2016) 160; MicroBooNE, JINST 16 (2021) P09025)."""

_LAST = 2.0
"""Beyond the end of a segment, in units of its length."""


@njit(cache=True, nogil=True)
def _weights(place: float, spread: float) -> tuple[float, float, float]:
    """Shares of a normal distribution in the cell before, the cell at ``place`` and the one after.

    Both in units of cells; what goes further than the neighbours is given to them.
    """
    inside = place - math.floor(place)
    scale = 1.0 / (math.sqrt(2.0) * max(spread, 1e-9))
    before = 0.5 * math.erfc(inside * scale)
    after = 0.5 * math.erfc((1.0 - inside) * scale)
    return before, 1.0 - before - after, after


@njit(cache=True, nogil=True)
def _add(planes: Pixels, shower: Pixels, place: Array, charge: float, is_shower: bool) -> None:
    """Charge in one cube, by its coordinates in units of pixels."""
    size = planes.shape[1]
    for plane in range(3):
        row = math.floor(place[plane])
        column = math.floor(place[(plane + 1) % 3])
        if 0 <= row < size and 0 <= column < size:
            planes[plane, row, column] += charge
            if is_shower:
                shower[plane, row, column] += charge


@njit(cache=True, nogil=True)
def _add_spread(
    planes: Pixels, shower: Pixels, place: Array, charge: float, is_shower: bool, pitch: float
) -> None:
    """The same after diffusion over the drift to x = 0; x is the first coordinate."""
    drift = max(place[0], 0.0) * pitch / DRIFT_VELOCITY
    along = math.sqrt(2.0 * DIFFUSION_ALONG * drift) / pitch
    across = math.sqrt(2.0 * DIFFUSION_ACROSS * drift) / pitch
    size = planes.shape[1]
    for plane in range(3):
        other = (plane + 1) % 3
        rows = _weights(place[plane], along if plane == 0 else across)
        columns = _weights(place[other], along if other == 0 else across)
        for i in range(3):
            row = math.floor(place[plane]) + i - 1
            for j in range(3):
                column = math.floor(place[other]) + j - 1
                if 0 <= row < size and 0 <= column < size:
                    share = charge * rows[i] * columns[j]
                    planes[plane, row, column] += share
                    if is_shower:
                        shower[plane, row, column] += share


@njit(cache=True, nogil=True)
def project(
    deposits: Array, charge: Array, pitch: float, diffusion: bool, planes: Pixels, shower: Pixels
) -> None:
    """Add deposits to the planes, whose rows and columns are x, y; y, z; z, x.

    Args:
        deposits: (n, 9) segments of ``transport``.
        charge: (n,) of each, in any unit.
        pitch: [cm] side of a pixel.
        diffusion: spread the charge by the drift from its x to x = 0.
        planes: (3, size, size), added to.
        shower: the same, gets what electrons, positrons and photons left.
    """
    begin, place, delta = np.zeros(3), np.zeros(3), np.zeros(3)
    following, across = np.zeros(3), np.zeros(3)
    for n in range(len(deposits)):
        row = deposits[n]
        is_shower = row[MAKER] <= PHOTON
        for i in range(3):
            begin[i] = row[BEGIN + i] / pitch
            delta[i] = row[END + i] / pitch - begin[i]
            following[i] = across[i] = _LAST
            if delta[i] != 0.0:
                face = math.floor(begin[i]) + (1.0 if delta[i] > 0.0 else 0.0)
                following[i] = (face - begin[i]) / delta[i]
                across[i] = 1.0 / abs(delta[i])
        done = 0.0
        while done < 1.0:
            axis = np.argmin(following)
            until = min(following[axis], 1.0)
            for i in range(3):
                place[i] = begin[i] + 0.5 * (done + until) * delta[i]
            share = charge[n] * (until - done)
            if diffusion:
                _add_spread(planes, shower, place, share, is_shower, pitch)
            else:
                _add(planes, shower, place, share, is_shower)
            done = until
            following[axis] += across[axis]


@njit(cache=True, nogil=True)
def finish(
    planes: Pixels,
    shower: Pixels,
    labels: NDArray[np.uint8],
    noise: float,
    threshold: float,
    rng: np.random.Generator,
) -> None:
    """Add noise, cut at the threshold and label the pixels, all in place.

    Args:
        planes: (3, size, size) charge; below the threshold it becomes exactly zero.
        shower: (3, size, size) the part of showers.
        labels: (3, size, size) gets 0 for background, 1 for track, 2 for shower.
        noise: standard deviation of a pixel's noise, in the unit of the planes.
        threshold: in the same unit.
        rng: numpy Generator of this event.
    """
    for plane in range(planes.shape[0]):
        for row in range(planes.shape[1]):
            for column in range(planes.shape[2]):
                true = planes[plane, row, column]
                seen = true
                if noise > 0.0:
                    seen += noise * rng.standard_normal()
                labels[plane, row, column] = 0
                if seen <= 0.0 or seen < threshold:
                    planes[plane, row, column] = 0.0
                    continue
                planes[plane, row, column] = seen
                if true > 0.0:
                    labels[plane, row, column] = 2 if 2.0 * shower[plane, row, column] > true else 1
