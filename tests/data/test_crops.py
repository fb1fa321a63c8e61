"""Crops by the published recipe, against SciPy's centre of mass; splits that keep events whole."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import center_of_mass

from driftline.data.crops import crop, crop_blocks, split_by_event
from driftline.data.images import concatenate
from driftline.errors import InputError
from made_images import made_images


@pytest.fixture(scope="module")
def images():
    return made_images(12)


def test_crops_follow_the_recipe(images):
    """Written out plane by plane with SciPy."""
    made = crop(images)
    expected = []
    for n in range(len(images)):
        for c in range(3):
            plane = images.pixels[n, c]
            row, column = center_of_mass(plane.astype(np.float64))
            if not (32 < row < 224 and 32 < column < 224):
                continue
            r, s = int(row) - 31, int(column) - 31
            box = plane[r : r + 64, s : s + 64]
            if (box > 0).mean() >= 0.01:
                expected.append((n, c, r, s, box))
    assert 10 < len(expected) < 36
    assert len(made) == len(expected)
    for k, (n, c, r, s, box) in enumerate(expected):
        assert np.array_equal(made.pixels[k, 0], box)
        assert made.corner[k, 0].tolist() == [r, s]
        assert made.planes[k, 0] == c
        assert made.event[k] == images.event[n]
        assert made.labels[k] == images.labels[n]
        assert np.array_equal(made.momentum[k], images.momentum[n])
        segments = images.segmentation[n, c, r : r + 64, s : s + 64]
        assert np.array_equal(made.segmentation[k, 0], segments)
    assert (made.unit, made.threshold) == (images.unit, images.threshold)


def one_pixel(row, column, size=33):
    images = made_images(1, planes=1, size=size)
    images.pixels[:] = 0
    images.pixels[0, 0, row, column] = 1
    return images


@pytest.mark.parametrize("at", [5, 28])
def test_the_margin_is_excluded(at):
    """Margin 4 of 33 pixels: centroids from 5 to 28 count, 4 and 29 do not."""
    assert len(crop(one_pixel(at, 10), size=8, margin=4, occupancy=0)) == 1
    with pytest.raises(InputError, match="none of 1 images"):
        crop(one_pixel(at - 1 if at == 5 else at + 1, 10), size=8, margin=4, occupancy=0)


@pytest.mark.parametrize("size", [7, 8])
def test_the_box_fits_wherever_the_centroid_is_allowed(size):
    for at in (5, 28):
        made = crop(one_pixel(at, at), size=size, margin=4, occupancy=0)
        assert made.pixels[0, 0, (size - 1) // 2, (size - 1) // 2] == 1
        assert made.pixels.sum() == 1


def test_mirror_images_of_crops_are_crops_of_mirror_images(images):
    mirrored = replace(images, pixels=images.pixels[..., ::-1, :].copy(), segmentation=None)
    made, expected = crop(mirrored), crop(images)
    assert np.array_equal(made.pixels, expected.pixels[..., ::-1, :])


def test_occupancy_counts_the_pixels_of_the_box():
    images = one_pixel(16, 16)
    images.pixels[0, 0, 13:20, 13:15] = 1
    images.pixels[0, 0, 13:20, 18:20] = 1  # 29 of 64, centroid in the middle
    assert len(crop(images, size=8, margin=4, occupancy=29 / 64)) == 1
    with pytest.raises(InputError, match="occupancy"):
        crop(images, size=8, margin=4, occupancy=30 / 64)


def test_corners_add_up(images):
    shifted = replace(images, corner=images.corner + np.array([100, 7], dtype=np.int32))
    difference = crop(shifted).corner - crop(images).corner
    assert (difference == [100, 7]).all()


def test_images_of_the_size_of_the_crop_are_kept_whole():
    images = made_images(5, planes=2, size=64)
    images.pixels[3] = 0
    made = crop(images, occupancy=0.001)
    assert len(made) == 8
    assert np.array_equal(made.pixels[:, 0], images.pixels[[0, 1, 2, 4]].reshape(8, 64, 64))


def test_blocks_give_the_same_crops(images):
    in_blocks = concatenate(list(crop_blocks(images[i : i + 5] for i in (0, 5, 10))))
    whole = crop(images)
    for name, column in whole.columns.items():
        assert np.array_equal(in_blocks.columns[name], column)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size 0"),
        ({"margin": -1}, "margin -1"),
        ({"occupancy": 1.5}, "occupancy 1.5"),
        ({"size": 128}, "choose --margin from 64 to 127"),
        ({"margin": 128}, "does not fit"),
    ],
)
def test_bad_parameters_are_refused(images, arguments, message):
    with pytest.raises(InputError, match=message):
        crop(images, **arguments)


def with_events(event):
    images = made_images(1, planes=1, size=2)
    event = np.asarray(event)
    return replace(images[np.zeros(len(event), dtype=int)], event=event)


@settings(deadline=None, max_examples=50)
@given(
    event=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50),
    seed=st.integers(0, 2**63 - 1),
    order=st.randoms(use_true_random=False),
)
def test_a_split_depends_on_the_event_alone(event, seed, order):
    sample = {
        e: k
        for k, part in enumerate(split_by_event(with_events(event), seed=seed))
        for e in part.event.tolist()
    }
    assert len(sample) == len(set(event))  # no event in two samples
    other = [*event, 1, 2, 3]
    order.shuffle(other)
    parts = split_by_event(with_events(other), seed=seed)
    assert sum(len(part) for part in parts) == len(other)
    for k, part in enumerate(parts):
        assert all(sample.get(e, k) == k for e in part.event.tolist())


def test_fractions_are_met_and_seeds_differ():
    images = with_events(np.arange(100_000))
    parts = split_by_event(images, (0.7, 0.2, 0.1), seed=5)
    for part, fraction in zip(parts, (0.7, 0.2, 0.1)):
        spread = np.sqrt(1e5 * fraction * (1 - fraction))
        assert abs(len(part) - 1e5 * fraction) < 4 * spread
    other = split_by_event(images, (0.7, 0.2, 0.1), seed=6)
    both = len(np.intersect1d(parts[2].event, other[2].event))
    assert abs(both - 1e5 * 0.1**2) < 4 * np.sqrt(1e5 * 0.1**2)  # independent


@pytest.mark.parametrize(
    "fractions",
    [(), (0.5, 0.4), (1.2, -0.2), (0.5, 0.5, 0.0), (0.5, np.nan), (np.nan, 0.5), (0.5, np.inf)],
)
def test_fractions_have_to_sum_to_one(fractions):
    with pytest.raises(InputError, match="sum 1"):
        split_by_event(with_events([1]), fractions)
