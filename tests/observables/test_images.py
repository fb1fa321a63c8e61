"""Differentiable observables of images against those of the metrics, and their derivatives."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.metrics.images.wavelets import BANDS, band_norms
from driftline.observables.images import (
    IMAGE_OBSERVABLES,
    HitExtent,
    PixelObservable,
    PixelSpectrum,
    extent,
    finished,
    of_encoded,
    spectrum_of,
    total_charge,
    wavelet_bands,
)
from driftline.observables.topology import Clusters, Topology
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


def test_numbers_of_pixels_between_thresholds_plane_by_plane() -> None:
    charges = torch.tensor([[0.0, -5.0, 1.0, 1.0, 40.0], [0.0, 0.0, 0.0, 9.0, 9.0]]) + 0.01
    found = PixelSpectrum((0.1, 4.0, 20.0))(charges.reshape(1, 2, 1, 5))
    torch.testing.assert_close(
        found, torch.tensor([[2.0, 0.0, 1.0, 0.0, 2.0, 0.0]]), atol=0.2, rtol=0
    )
    wild = torch.full((1, 1, 2, 2), 1e30, requires_grad=True)
    counted = PixelSpectrum((0.1, 4.0))(wild)
    torch.testing.assert_close(counted, torch.tensor([[0.0, 4.0]]))
    (slope,) = torch.autograd.grad(counted.sum(), wild)
    assert slope.isfinite().all()
    images = made_images(20, planes=2, size=16)
    p = ImagePreprocessing.fit(images)
    pixels = torch.from_numpy(images.pixels).double()
    spectrum = spectrum_of(p)
    numbers, lowest = spectrum(pixels).reshape(20, 2, -1), spectrum.thresholds[0]
    sharp = (pixels > lowest).sum(dim=(2, 3))
    assert ((numbers.sum(2) - sharp).abs() < 0.2 * sharp + 1).all()


def test_the_extent_of_rectangles_is_theirs_plane_by_plane() -> None:
    pixels = torch.zeros(2, 2, 32, 48, dtype=torch.float64)
    pixels[0, 0, 3, 20:40] = 2.0
    pixels[0, 1, 4:16, 1:6] = 0.5
    pixels[1, 0, 30, 0] = -7.0
    expected = [[20.0, 1.0, 2.0, 12.0, 5.0, 2.5], [1.0, 1.0, 7.0, 1.0, 1.0, 0.0]]
    torch.testing.assert_close(extent(pixels), pixels.new_tensor(expected))


def test_the_extent_is_that_of_the_principal_axes() -> None:
    """Against eigenvalues of numpy's covariance; an image and its transpose are as long."""
    generator = torch.Generator().manual_seed(6)
    pixels = torch.rand(5, 1, 12, 20, dtype=torch.float64, generator=generator) ** 8
    position = np.stack([axis.ravel() for axis in np.mgrid[:12, :20]])
    for image, found in zip(pixels[:, 0].numpy(), extent(pixels).numpy(), strict=True):
        narrow, wide = np.linalg.eigvalsh(np.cov(position, aweights=image.ravel(), ddof=0))
        length, width = np.sqrt(12 * wide + 1), np.sqrt(12 * narrow + 1)
        np.testing.assert_allclose(found, [length, width, image.sum() / length])
    torch.testing.assert_close(extent(pixels.transpose(2, 3)), extent(pixels))


def test_the_extent_of_hits_counts_each_alike() -> None:
    """A faint end makes a track longer; what is fainter than the threshold does not."""
    pixels = torch.zeros(1, 2, 32, 32, dtype=torch.float64)
    pixels[0, :, 5, 4:16] = torch.linspace(2.0, 90.0, 12)
    pixels[0, 1, 5, 16:24] = 1.5
    pixels[0, :, 30, 30] = 0.003
    found = HitExtent(0.1)(pixels)[0]
    expected = pixels.new_tensor([12.0, 1.0, 1.0, 20.0, 1.0, 1.0])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)
    dust = torch.full((1, 1, 32, 32), 0.01, dtype=torch.float64, requires_grad=True)
    found = HitExtent(0.1)(dust)
    assert found.tolist() == [[1.0, 1.0, 0.0]]
    assert not torch.autograd.grad(found.sum(), dust)[0].any()
    with pytest.raises(ValueError, match="thresholds must rise from above 0"):
        HitExtent(0.0)


@pytest.mark.parametrize("thresholds", [(), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (float("nan"),)])
def test_thresholds_must_rise(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="thresholds must rise from above 0"):
        PixelSpectrum(thresholds)


@pytest.mark.parametrize(
    "observable",
    [
        *IMAGE_OBSERVABLES.values(),
        extent,
        HitExtent(0.3),
        PixelSpectrum((0.1, 0.3, 0.9)),
        Topology((0.3, 0.9)),
        Clusters(0.3),
    ],
)
def test_derivatives_forwards_and_backwards(observable: PixelObservable) -> None:
    generator = torch.Generator().manual_seed(2)
    pixels = torch.rand(1, 1, 16, 16, dtype=torch.float64, generator=generator)
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


@pytest.mark.parametrize("signed", [False, True])
def test_finished_images_are_seen_as_they_are_decoded(signed: bool) -> None:
    images = made_images(20, planes=2, size=16)
    p = replace(ImagePreprocessing.fit(images), signed=signed)
    generator = torch.Generator().manual_seed(4)
    z = 0.3 * torch.randn(20, 2, 16, 16, generator=generator) - p.centre / p.width
    decoded = p.decode(z.numpy())
    assert 0.1 < (decoded == 0).mean() < 0.9
    assert (decoded < 0).any() == signed
    z.requires_grad_()
    pixels = finished(p)(z)
    np.testing.assert_allclose(pixels.detach(), decoded, rtol=1e-5, atol=1e-6)
    (slope,) = torch.autograd.grad(pixels.sum(), z)
    np.testing.assert_array_equal(slope != 0, decoded != 0)


@pytest.mark.parametrize("transform", ["asinh", "log"])
def test_finished_pixels_at_the_threshold_are_kept_and_wild_ones_below_are_empty(
    transform: str,
) -> None:
    images = made_images(20, planes=1, size=16)
    whole = replace(images, pixels=np.ceil(images.pixels), threshold=1.0)
    p = replace(ImagePreprocessing.fit(whole, transform), scale=5.0)
    z = torch.from_numpy(p.encode(whole.pixels))
    found = finished(p)(z)
    np.testing.assert_array_equal(found > 0, p.decode(z.numpy()) > 0)
    assert (found.round() == 1).sum() == (whole.pixels == 1).sum() > 100
    wild = torch.full((1, 1, 2, 2), -1000.0, requires_grad=True)
    empty = finished(p)(wild)
    assert (empty == 0).all()
    (slope,) = torch.autograd.grad(empty.sum(), wild)
    assert (slope == 0).all()
