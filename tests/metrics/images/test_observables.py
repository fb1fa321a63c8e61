"""Observables of samples: shapes, parts that share them, and images of several planes."""

import numpy as np
import pytest

from driftline.metrics.images.observables import ImageSample
from toy_images import toy_images

OBSERVABLES = {
    "clusters": (2,),
    "length": (2,),
    "width": (2,),
    "angle": (2,),
    "charge": (2,),
    "occupancy": (2,),
    "dedx": (2, 5),
    "longitudinal": (2, 8),
    "transverse": (2, 6),
    "bands": (2, 13),
    "scores": (2, 3, 32, 32),
    "segments": (2, 3),
    "majority": (),
    "features": (64,),
}


@pytest.fixture(scope="module")
def images():
    return toy_images(6, ("p", "e-"), size=32, planes=2)


@pytest.mark.parametrize("name", OBSERVABLES)
def test_parts_have_the_rows_of_the_whole_whoever_asks_first(images, name):
    index = np.array([7, 2, 2, 11])
    whole = ImageSample(images)
    part = getattr(whole[index][1:], name)
    found = getattr(whole, name)
    assert found.shape == (12, *OBSERVABLES[name])
    assert np.array_equal(part, found[index][1:], equal_nan=True)
    alone = getattr(ImageSample(images[index]), name)
    assert np.array_equal(alone[1:], part, equal_nan=True)


def test_every_plane_is_looked_at_by_itself(images):
    whole, sample = ImageSample(images), images.pixels
    second = ImageSample(toy_images(6, ("p", "e-"), size=32, planes=2))
    second.pixels[:, 0] = sample[:, 1]
    assert np.array_equal(second.length[:, 0], whole.length[:, 1])
    assert whole.charge == pytest.approx(sample.sum(axis=(2, 3)), rel=1e-6)
    assert whole.high_level.shape[0] == 12
    assert np.isfinite(whole.high_level).all()


def test_the_pitch_is_the_images_own(images):
    from dataclasses import replace

    fine = ImageSample(replace(images, pitch=0.25))
    coarse = ImageSample(images)
    assert fine.length == pytest.approx(coarse.length / 2)
    assert fine.angle == pytest.approx(coarse.angle, nan_ok=True)


def test_empty_images_have_all_observables():
    images = toy_images(3, ("p",), size=32)
    images.pixels[1:] = 0.0
    sample = ImageSample(images)
    for name in OBSERVABLES:
        values = getattr(sample, name)[1:]
        if name not in ("angle", "scores", "features"):
            assert not values.any(), name
    assert np.isnan(sample.angle[1:]).all()
    assert np.isfinite(sample.high_level).all()
