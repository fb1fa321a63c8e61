"""Haar wavelet bands of an image: how much of its structure is of which size and direction."""

import numpy as np
import torch
from numpy.typing import NDArray

from driftline.networks.wavelets import pack

Array = NDArray[np.float64]

LEVELS = 4
DIRECTIONS = ("columns", "rows", "diagonal")

BANDS = (
    *(f"{2**level} px {direction}" for level in range(1, LEVELS + 1) for direction in DIRECTIONS),
    "rest",
)
"""Size and direction of the differences of each band; the rest are the sums of 16 x 16 pixels."""


def band_norms(planes: NDArray[np.floating]) -> Array:
    """(M, 13) root of the sum of squared coefficients of each band, in the unit of the charge.

    The orthonormal Haar transform (Mallat, IEEE Trans. PAMI 11, 674, 1989): the squares of all
    norms of an image sum to the sum of its squared pixels. Sides that are no multiple of 16 are
    filled up with zeros.

    Args:
        planes: (M, H, W) charge.
    """
    margins = [(0, -side % 2**LEVELS) for side in planes.shape[1:]]
    rest = torch.from_numpy(np.pad(planes.astype(np.float64), ((0, 0), *margins)))
    norms = []
    for _ in range(LEVELS):
        rest, *differences = pack(rest[:, None], 1).unbind(dim=1)
        norms += [torch.linalg.matrix_norm(band) for band in differences]
    return torch.stack([*norms, torch.linalg.matrix_norm(rest)], dim=1).numpy()
