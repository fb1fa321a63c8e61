"""Haar bands: conservation of the sum of squares, and images that are one band each."""

import numpy as np
import pytest

from driftline.metrics.images.wavelets import BANDS, band_norms


def norms_of(image):
    return dict(zip(BANDS, band_norms(np.asarray(image)[None])[0], strict=True))


@pytest.mark.parametrize("shape", [(64, 64), (40, 64), (33, 17)])
def test_squares_of_the_norms_are_those_of_the_pixels(shape):
    planes = np.random.default_rng(0).normal(size=(5, *shape))
    assert (band_norms(planes) ** 2).sum(axis=1) == pytest.approx((planes**2).sum(axis=(1, 2)))


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_stripes_are_in_the_band_of_their_width_and_direction(level):
    stripes = np.where(np.arange(64) // 2 ** (level - 1) % 2, -1.0, 1.0)
    rows, columns = np.broadcast_arrays(stripes[:, None], stripes[None])
    for image, direction in ((rows, "rows"), (columns, "columns"), (rows * columns, "diagonal")):
        found = norms_of(image)
        assert found.pop(f"{2**level} px {direction}") == pytest.approx(64)
        assert list(found.values()) == pytest.approx([0] * len(found), abs=1e-12)


def test_equal_charge_is_the_rest():
    found = norms_of(np.full((32, 32), 0.5))
    assert found.pop("rest") == pytest.approx(16)
    assert max(found.values()) == 0
