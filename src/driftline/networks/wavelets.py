r"""Haar wavelet packing: an image as fewer pixels of more channels, without loss.

One level takes every 2 x 2 block of pixels (a, b; c, d) to its four Haar coefficients,

.. math:: (a+b+c+d, a-b+c-d, a+b-c-d, a-b-c+d)/2

(Haar 1910; Mallat 1989): mean, difference of columns, difference of rows, and diagonal. Applied
again to all four bands it is the wavelet packet transform of Coifman & Wickerhauser (1992). The
matrix is orthogonal, symmetric and its own inverse, so white noise stays white noise, squared
errors stay what they are, and a score model of the packed image is one of the image.
"""

import torch
from torch import Tensor
from torch.nn import functional

from driftline.diffusion.observables import root


def _haar(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The 4 x 4 matrix above; its own inverse."""
    sums, differences = (a + b, c + d), (a - b, c - d)
    return (
        (sums[0] + sums[1]) / 2,
        (differences[0] + differences[1]) / 2,
        (sums[0] - sums[1]) / 2,
        (differences[0] - differences[1]) / 2,
    )


def pack(x: Tensor, levels: int) -> Tensor:
    """(B, C, H, W) to (B, 4^levels C, H / 2^levels, W / 2^levels): orthonormal Haar packets.

    The bands of channel c at one level are channels 4 c to 4 c + 3 of the next.

    Raises:
        ValueError: height or width is no multiple of 2^levels.
    """
    step = 2**levels
    if x.shape[-2] % step or x.shape[-1] % step:
        raise ValueError(f"{x.shape[-2]} x {x.shape[-1]} pixels are not whole blocks of {step}")
    for _ in range(levels):
        rows = x[..., 0::2, :], x[..., 1::2, :]
        bands = _haar(*(row[..., column::2] for row in rows for column in (0, 1)))
        x = torch.stack(bands, dim=2).flatten(1, 2)
    return x


def unpack(x: Tensor, levels: int) -> Tensor:
    """The inverse of ``pack``: (B, 4^levels C, H, W) to (B, C, 2^levels H, 2^levels W)."""
    for _ in range(levels):
        a, b, c, d = _haar(*x.unflatten(1, (-1, 4)).unbind(dim=2))
        upper, lower = (torch.stack(pair, dim=-1).flatten(-2) for pair in ((a, b), (c, d)))
        x = torch.stack((upper, lower), dim=-2).flatten(-3, -2)
    return x


def band_norms(planes: Tensor, levels: int) -> Tensor:
    """(M, 3 levels + 1) root of the sum of squared coefficients of each band of planes (M, H, W).

    The orthonormal Haar transform (Mallat, IEEE Trans. PAMI 11, 674, 1989) of ``levels`` levels: of
    each, from 2 pixels up, differences of columns, of rows and diagonal; last what is left, sums of
    2^levels x 2^levels pixels. The squares of all norms of an image sum to the sum of its squared
    pixels. Sides that are no multiple of 2^levels are filled up with zeros.
    """
    rows, columns = (-side % 2**levels for side in planes.shape[1:])
    rest = functional.pad(planes, (0, columns, 0, rows))
    norms = []
    for _ in range(levels):
        rest, *differences = pack(rest[:, None], 1).unbind(dim=1)
        norms += [_norm(band) for band in differences]
    return torch.stack([*norms, _norm(rest)], dim=1)


def _norm(band: Tensor) -> Tensor:
    return root(band.square().sum(dim=(1, 2)))
