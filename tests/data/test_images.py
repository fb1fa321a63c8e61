"""Selections of images in memory."""

import numpy as np

from driftline.data.images import one_per_event
from toy_images import toy_images


def test_one_image_of_each_event_in_the_order_of_the_sample():
    images = toy_images(60, size=16)
    images.event[:] = np.random.default_rng(0).integers(0, 25, 120)
    chosen = one_per_event(images, seed=1)
    assert len(np.unique(chosen.event)) == len(chosen) == len(np.unique(images.event))
    rows = [np.flatnonzero((images.pixels == one).all(axis=(1, 2, 3)))[0] for one in chosen.pixels]
    assert np.all(np.diff(rows) > 0)
    assert np.array_equal(images.event[rows], chosen.event)


def test_any_image_of_an_event_can_be_drawn_and_the_seed_decides():
    images = toy_images(2, size=16)
    images.event[:] = 7
    drawn = [one_per_event(images, seed).pixels.sum() for seed in range(40)]
    assert len(set(drawn)) == 4
    assert one_per_event(images, 3).pixels.sum() == drawn[3]
