"""Differentiable observables of images, and of images as a model sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.diffusion.observables import Observable, above, between
from driftline.metrics.images.wavelets import LEVELS
from driftline.networks.wavelets import band_norms

PixelObservable = Callable[[Tensor], Tensor]
"""Maps images (B, C, H, W), in their unit and without a threshold, to (B, K)."""


def total_charge(pixels: Tensor) -> Tensor:
    """(B, C) sum of the pixels (B, C, H, W) of each plane."""
    return pixels.sum(dim=(2, 3))


def wavelet_bands(pixels: Tensor) -> Tensor:
    """(B, 13 C) root of the energy in each Haar wavelet band of each plane, plane by plane."""
    planes = pixels.shape[1]
    return band_norms(pixels.flatten(0, 1), LEVELS).unflatten(0, (-1, planes)).flatten(1)


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


def decoded(preprocessing: ImagePreprocessing) -> Callable[[Tensor], Tensor]:
    """The map from encoded images to pixels on tensors, differentiable, without the threshold."""
    p = preprocessing
    inverse = {"asinh": torch.sinh, "log": torch.expm1}[p.transform]
    return lambda z: p.scale * inverse(z * p.width + p.centre)


def of_encoded(observable: PixelObservable, preprocessing: ImagePreprocessing) -> Observable:
    """The observable of encoded images."""
    decode = decoded(preprocessing)
    return lambda z, condition, mask: observable(decode(z))
