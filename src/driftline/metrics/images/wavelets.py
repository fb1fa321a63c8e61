"""Haar wavelet bands of an image: how much of its structure is of which size and direction."""

import numpy as np
import torch
from numpy.typing import NDArray

from driftline.networks import wavelets

Array = NDArray[np.float64]

LEVELS = 4
DIRECTIONS = ("columns", "rows", "diagonal")

BANDS = (
    *(f"{2**level} px {direction}" for level in range(1, LEVELS + 1) for direction in DIRECTIONS),
    "rest",
)
"""Size and direction of the differences of each band; the rest are the sums of 16 x 16 pixels."""


def band_norms(planes: NDArray[np.floating]) -> Array:
    """(M, 13) root of the energy in each of ``BANDS``, in the unit of the charge.

    See ``driftline.networks.wavelets.band_norms``.

    Args:
        planes: (M, H, W) charge.
    """
    charge = torch.from_numpy(planes.astype(np.float64))
    return wavelets.band_norms(charge, LEVELS).numpy()
