"""Differentiable observables of images, and of images as a model sees them."""

from collections.abc import Callable

import torch
from torch import Tensor

from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.diffusion.observables import Observable
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
"""Observables by the names that recipes call them."""


def decoded(preprocessing: ImagePreprocessing) -> Callable[[Tensor], Tensor]:
    """The map from encoded images to pixels on tensors, differentiable, without the threshold."""
    p = preprocessing
    inverse = {"asinh": torch.sinh, "log": torch.expm1}[p.transform]
    return lambda z: p.scale * inverse(z * p.width + p.centre)


def of_encoded(observable: PixelObservable, preprocessing: ImagePreprocessing) -> Observable:
    """The observable of encoded images."""
    decode = decoded(preprocessing)
    return lambda z, condition, mask: observable(decode(z))
