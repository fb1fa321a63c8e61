"""Differentiable observables of images against those of the metrics, and their derivatives."""

import numpy as np
import pytest
import torch

from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.metrics.images.wavelets import BANDS, band_norms
from driftline.observables.images import (
    IMAGE_OBSERVABLES,
    of_encoded,
    total_charge,
    wavelet_bands,
)
from made_images import made_images


def test_bands_are_the_metrics_own_plane_by_plane() -> None:
    pixels = torch.rand(3, 2, 20, 32, dtype=torch.float64)
    found = wavelet_bands(pixels)
    assert found.shape == (3, 2 * len(BANDS))
    for plane in (0, 1):
        expected = band_norms(pixels[:, plane].numpy())
        np.testing.assert_allclose(found[:, 13 * plane : 13 * (plane + 1)], expected)
    energy = pixels.square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(found.square().sum(1), energy)


@pytest.mark.parametrize("name", list(IMAGE_OBSERVABLES))
def test_derivatives_forwards_and_backwards(name: str) -> None:
    generator = torch.Generator().manual_seed(2)
    pixels = torch.rand(1, 1, 16, 16, dtype=torch.float64, generator=generator)
    observable = IMAGE_OBSERVABLES[name]
    assert torch.autograd.gradcheck(
        observable, pixels.requires_grad_(), check_forward_ad=True, fast_mode=True
    )
    empty = torch.zeros(1, 1, 16, 16, requires_grad=True)
    (slope,) = torch.autograd.grad(observable(empty).sum(), empty)
    assert slope.isfinite().all()


@pytest.mark.parametrize("transform", ["asinh", "log"])
def test_of_encoded_images(transform: str) -> None:
    images = made_images(20, planes=1, size=16)
    p = ImagePreprocessing.fit(images, transform)
    found = of_encoded(total_charge, p)(torch.from_numpy(p.encode(images.pixels)), None, None)
    np.testing.assert_allclose(found, images.pixels.sum(axis=(2, 3)), rtol=1e-4, atol=1e-3)
