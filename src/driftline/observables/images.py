"""Differentiable observables of images, and of images as a model sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.diffusion.observables import Observable, above, between, root
from driftline.metrics.images.wavelets import LEVELS
from driftline.networks.wavelets import band_norms

PixelObservable = Callable[[Tensor], Tensor]
"""Maps images (B, C, H, W), in their unit, to (B, K)."""


def total_charge(pixels: Tensor) -> Tensor:
    """(B, C) sum of the pixels (B, C, H, W) of each plane."""
    return pixels.sum(dim=(2, 3))


def wavelet_bands(pixels: Tensor) -> Tensor:
    """(B, 13 C) root of the energy in each Haar wavelet band of each plane, plane by plane."""
    planes = pixels.shape[1]
    return band_norms(pixels.flatten(0, 1), LEVELS).unflatten(0, (-1, planes)).flatten(1)


def extent(pixels: Tensor) -> Tensor:
    r"""(B, 3 C) length, width [pixels] and charge per length of each plane, plane by plane.

    Of the rectangle whose charge, spread evenly, has the second moments of the image along its
    principal axes: of n pixels in a row :math:`\sqrt{12 (n^2 - 1) / 12 + 1} = n`. Charge counts by
    its magnitude; an empty plane is one pixel without charge.
    """
    charge = pixels.abs()
    total = charge.sum(dim=(2, 3))
    share = charge / torch.where(total > 0, total, 1)[..., None, None]
    row, column = (torch.arange(n).to(pixels) for n in pixels.shape[2:])
    rows, columns = share.sum(3), share.sum(2)
    # from the centroid, for the difference of two large numbers would round
    r = row - (rows * row).sum(2, keepdim=True)
    c = column - (columns * column).sum(2, keepdim=True)
    rr, cc = (rows * r.square()).sum(2), (columns * c.square()).sum(2)
    rc = ((share @ c[..., None])[..., 0] * r).sum(2)
    apart = root((rr - cc).square() / 4 + rc.square())
    length = (12 * ((rr + cc) / 2 + apart) + 1).sqrt()
    width = (12 * ((rr + cc) / 2 - apart).clamp(min=0) + 1).sqrt()
    return torch.stack([length, width, total / length], dim=2).flatten(1)


IMAGE_OBSERVABLES: dict[str, PixelObservable] = {"charge": total_charge, "wavelets": wavelet_bands}
"""Observables of images in any unit, by the names that recipes and guidance call them."""


def require_rising(thresholds: tuple[float, ...]) -> None:
    """Refuse thresholds that are not rising positive numbers.

    Raises:
        ValueError: they are not, or there are none.
    """
    if not thresholds or not all(low < high for low, high in pairwise((0.0, *thresholds))):
        raise ValueError(f"thresholds must rise from above 0, got {thresholds}")


@dataclass(frozen=True)
class PixelSpectrum:
    """Numbers of pixels of each plane between thresholds, (B, K C), the last above the last one.

    What counts as above is soft, see ``diffusion.observables.above``.

    Attributes:
        thresholds: K rising positive numbers, in the images' unit.

    Raises:
        ValueError: the thresholds do not rise from above zero.
    """

    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        require_rising(self.thresholds)

    def __call__(self, pixels: Tensor) -> Tensor:
        numbers = above(pixels, pixels.new_tensor(self.thresholds)).sum(dim=(2, 3))
        return between(numbers).flatten(1)


def spectrum_of(preprocessing: ImagePreprocessing) -> PixelSpectrum:
    """In seven octaves, from a quarter of the charge below which the preprocessing is linear."""
    return PixelSpectrum(tuple(preprocessing.scale * 2.0**k for k in range(-2, 5)))


def hits(pixels: Tensor, threshold: float) -> Tensor:
    """How far pixels count as above a charge, (B, C, H, W), see ``diffusion.observables.above``."""
    return above(pixels, pixels.new_tensor([threshold]))[..., 0]


@dataclass(frozen=True)
class HitExtent:
    """Length, width [pixels] and hits per length of each plane, (B, 3 C): ``extent`` of its hits.

    All hits count alike, so that the faint ones at a track's end, which carry little of its charge,
    count fully. What counts as a hit is soft, see ``diffusion.observables.above``; a plane of less
    than one in all is empty.

    Attributes:
        threshold: charge above which a pixel is a hit, in the images' unit.

    Raises:
        ValueError: the threshold is not positive.
    """

    threshold: float

    def __post_init__(self) -> None:
        require_rising((self.threshold,))

    def __call__(self, pixels: Tensor) -> Tensor:
        found = hits(pixels, self.threshold)
        return extent(found * (found.sum(dim=(2, 3), keepdim=True) >= 1))


def hits_of(preprocessing: ImagePreprocessing) -> HitExtent:
    """Of pixels above half of the charge up to which the preprocessing is linear."""
    return HitExtent(preprocessing.scale / 2)


def decoded(preprocessing: ImagePreprocessing) -> Callable[[Tensor], Tensor]:
    """The map from encoded images to pixels on tensors, differentiable, without the threshold."""
    p = preprocessing
    inverse = {"asinh": torch.sinh, "log": torch.expm1}[p.transform]
    return lambda z: p.scale * inverse(z * p.width + p.centre)


def finished(preprocessing: ImagePreprocessing) -> Callable[[Tensor], Tensor]:
    """The same for images as they are decoded: what is below the threshold is zero, and no slope.

    As ``ImagePreprocessing.decode``, also at the threshold itself.
    """
    p, decode = preprocessing, decoded(preprocessing)
    lowest, nothing = (float(p.encode(np.array([x]))[0]) for x in (p.threshold, 0.0))
    highest = float(p.encode(np.array([-p.threshold]))[0]) if p.signed else None

    def pixels(z: Tensor) -> Tensor:
        there = z >= lowest if highest is None else (z >= lowest) | (z <= highest)
        return decode(torch.where(there, z, nothing)) * there

    return pixels


def of_encoded(
    observable: PixelObservable,
    preprocessing: ImagePreprocessing,
    decode: Callable[[ImagePreprocessing], Callable[[Tensor], Tensor]] = decoded,
) -> Observable:
    """The observable of encoded images, of estimates (``decoded``) or ``finished`` ones."""
    pixels = decode(preprocessing)
    return lambda z, condition, mask: observable(pixels(z))
