"""Euler characteristics against pieces and holes counted by scipy."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.metrics.images.geometry import track_geometry
from driftline.observables.topology import (
    Clusters,
    Topology,
    clusters_of,
    dilated,
    euler_characteristic,
    topology_of,
)
from made_images import made_images

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
BINARY = arrays(np.bool_, SHAPES)


def pieces_less_holes(filled: NDArray[np.bool_]) -> int:
    """Pieces that meet at sides or corners, less pieces of what is empty that meet at sides."""
    _, pieces = ndimage.label(filled, structure=np.ones((3, 3)))
    _, outside_and_holes = ndimage.label(np.pad(~filled, 1, constant_values=True))
    return pieces - (outside_and_holes - 1)


@given(BINARY)
def test_pieces_less_holes(filled: NDArray[np.bool_]) -> None:
    found = euler_characteristic(torch.from_numpy(filled).double())
    assert found.item() == pieces_less_holes(filled)


@given(BINARY, st.sampled_from([1, 3, 5]))
def test_dilation(filled: NDArray[np.bool_], window: int) -> None:
    expected = ndimage.binary_dilation(filled, structure=np.ones((window, window)))
    found = dilated(torch.from_numpy(filled).double(), window)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("of", [euler_characteristic, partial(dilated, window=3)])
def test_between_zero_and_one_it_is_the_mean_over_independent_pixels(
    of: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    chance = torch.rand(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    mean = torch.zeros_like(of(chance))
    for number in range(2**6):
        there = torch.tensor([number >> k & 1 for k in range(6)]).reshape(2, 3).double()
        weight = (there * chance + (1 - there) * (1 - chance)).prod()
        mean += weight * of(there)
    torch.testing.assert_close(of(chance), mean)


def test_a_broken_track_by_the_width_of_its_gaps() -> None:
    track = torch.zeros(1, 1, 9, 20)
    track[..., 4, 2:18] = 5.0
    whole = track.clone()
    track[..., 4, 6] = 0  # one pixel is missing here, three there
    track[..., 4, 10:13] = 0
    track[..., 4, 15] = 0.5
    topology = Topology((0.1, 1.0), windows=(1, 3, 5))
    torch.testing.assert_close(topology(whole), torch.ones(1, 6), atol=0.05, rtol=0)
    expected = torch.tensor([[3.0, 2.0, 1.0, 4.0, 2.0, 1.0]])
    torch.testing.assert_close(topology(track), expected, atol=0.2, rtol=0)


GAPS = [[], [2], [3], [4], [2, 4], [3, 3, 3]]


@pytest.mark.parametrize("gaps", GAPS, ids=str)
@pytest.mark.parametrize("turned", [False, True])
def test_clusters_are_those_of_the_metrics_whatever_single_hits_there_are(
    gaps: list[int], turned: bool
) -> None:
    """Bars of twelve by three pixels, as many empty ones between them, and hits far from them."""
    size = 16 * (len(gaps) + 2)
    pixels = np.zeros((1, 1, 24, size), dtype=np.float32)
    begin = 3
    for gap in [*gaps, 0]:
        pixels[..., 10:13, begin : begin + 12] = 5.0
        begin += 12 + gap
    pixels = pixels.swapaxes(2, 3).copy() if turned else pixels
    for row, column in ((1, 1), (1, size // 2), (22, size - 2)):
        pixels[(..., column, row) if turned else (..., row, column)] = 5.0
    expected = track_geometry(pixels[:, 0], pitch=0.5).clusters
    assert expected == 1 + sum(gap > 2 for gap in gaps)
    found = Clusters(0.1)(torch.from_numpy(pixels))
    np.testing.assert_allclose(found[:, 0], expected, atol=0.1)
    assert Topology((0.1,), (3,))(torch.from_numpy(pixels)) > found + 2.5  # hits are pieces, too


THIN = {
    "diagonal": [(k, k) for k in range(4, 36)],
    "row": [(9, k) for k in range(4, 36)],
    "broken diagonal": [(k, k) for k in range(4, 36) if not 18 <= k <= 20],
    "two hits": [(9, 9), (9, 10)],
    "four hits": [(9, 9), (9, 10), (10, 9), (10, 10)],
    "five hits": [(9, 9), (9, 10), (10, 9), (10, 10), (9, 11)],
    "every third": [(9, k) for k in range(4, 36, 3)],
    "nothing": [],
}


@pytest.mark.parametrize("name", THIN)
def test_clusters_of_thin_tracks_and_few_hits(name: str) -> None:
    pixels = np.zeros((1, 1, 40, 40), dtype=np.float32)
    for row, column in THIN[name]:
        pixels[..., row, column] = 5.0
    expected = track_geometry(pixels[:, 0], pitch=0.5).clusters
    found = Clusters(0.1)(torch.from_numpy(pixels))
    np.testing.assert_allclose(found[:, 0], expected, atol=0.02)


def test_clusters_of_planes_and_images_by_themselves() -> None:
    images = made_images(6, planes=2, size=32)
    p = ImagePreprocessing.fit(images)
    clusters, pixels = clusters_of(p), torch.from_numpy(images.pixels)
    assert clusters.threshold == p.scale / 2
    found = clusters(pixels)
    assert found.shape == (6, 2)
    torch.testing.assert_close(found[2:3, 1:], clusters(pixels[2:3, 1:]))
    with pytest.raises(ValueError, match="thresholds must rise from above 0"):
        Clusters(0.0)


def test_planes_and_images_by_themselves() -> None:
    images = made_images(6, planes=2, size=16)
    p = ImagePreprocessing.fit(images)
    topology = topology_of(p)
    assert topology.thresholds == (p.scale, 4 * p.scale, 16 * p.scale)
    pixels = torch.from_numpy(images.pixels)
    found = topology(pixels)
    assert found.shape == (6, 2 * 3 * 3)
    for plane in (0, 1):
        alone = topology(pixels[2:3, plane : plane + 1])
        torch.testing.assert_close(found[2:3, 9 * plane : 9 * (plane + 1)], alone)


@pytest.mark.parametrize("windows", [(), (2,), (1, 0), (-1,)])
def test_windows_are_odd(windows: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="windows must be odd"):
        Topology((1.0,), windows)


def test_thresholds_must_rise() -> None:
    with pytest.raises(ValueError, match="thresholds must rise"):
        Topology((1.0, 0.5))
