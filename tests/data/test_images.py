"""Selections of images in memory."""

import numpy as np

from driftline.data.images import one_per_event
from toy_images import toy_images


def test_at_most_one_image_of_each_event_in_the_order_of_the_sample():
    images = toy_images(60, size=16)
    images.event[:] = np.random.default_rng(0).integers(0, 25, 120)
    chosen = one_per_event(images, seed=1)
    assert 0 < len(np.unique(chosen.event)) == len(chosen)
    rows = [np.flatnonzero((images.pixels == one).all(axis=(1, 2, 3)))[0] for one in chosen.pixels]
    assert np.all(np.diff(rows) > 0)
    assert np.array_equal(images.event[rows], chosen.event)


def test_every_image_has_the_same_chance_whatever_its_event_shows_else():
    """Events of one, two, three and no other image: kept in one draw of three, each image."""
    images = toy_images(5, size=16)
    images.event[:] = [4, 4, 4, 9, 9, 1, 2, 2, 2, 3]
    sums = images.pixels.sum(axis=(1, 2, 3))
    assert len(set(sums)) == 10
    draws = 3000
    drawn = np.concatenate(
        [one_per_event(images, seed).pixels.sum(axis=(1, 2, 3)) for seed in range(draws)]
    )
    kept = np.array([(drawn == one).sum() for one in sums])
    error = np.sqrt(draws * (1 / 3) * (2 / 3))
    assert (np.abs(kept - draws / 3) < 4 * error).all()


def test_all_images_of_events_of_one_each_are_kept_and_none_of_none():
    images = toy_images(10, size=16)
    images.event[:] = np.arange(20)
    assert len(one_per_event(images)) == 20
    assert len(one_per_event(images[:0])) == 0


def test_the_seed_decides():
    images = toy_images(20, size=16)
    images.event[:] = np.arange(40) // 3
    first, again, other = (one_per_event(images, seed).pixels for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
