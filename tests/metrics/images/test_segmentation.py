"""The shipped segmentation network, and what is counted of its scores."""

import numpy as np
import pytest

from driftline.data.images import SEGMENTS
from driftline.metrics.images.segmentation import (
    BACKGROUND,
    SHIPPED,
    SHOWER,
    TRACK,
    majority,
    pixels_per_segment,
    read_ssnet,
    segmentation_scores,
    ssnet_features,
)
from toy_images import toy_images


@pytest.fixture(scope="module")
def planes():
    return toy_images(40).pixels[:, 0]


def test_scores_are_probabilities_and_pixels_without_charge_background(planes):
    scores = segmentation_scores(planes)
    assert scores.shape == (80, 3, 64, 64)
    assert scores.sum(axis=1) == pytest.approx(np.ones((80, 64, 64)), abs=1e-5)
    assert np.all(scores[:, BACKGROUND][planes == 0] == 1)
    assert np.all(scores[:, TRACK][planes == 0] == 0)


def test_numbers_of_an_image_do_not_depend_on_the_others(planes):
    order = np.random.default_rng(0).permutation(len(planes))
    for function in (segmentation_scores, ssnet_features):
        together = function(planes)
        assert np.array_equal(function(planes[order]), together[order])
        assert np.array_equal(function(planes[70:]), together[70:])
        alone = np.concatenate([function(plane[None]) for plane in planes[:5]])
        assert np.array_equal(alone, together[:5])
        bright = function(np.concatenate([planes[:3], 50 * planes[3:]]))
        assert np.array_equal(bright[:3], together[:3])


def test_images_of_other_sizes_and_none(planes):
    assert segmentation_scores(planes[:2, :48, :33]).shape == (2, 3, 48, 33)
    assert segmentation_scores(planes[:0]).shape == (0, 3, 64, 64)
    assert ssnet_features(planes[:0]).shape == (0, 64)


def test_the_shipped_network_knows_a_straight_track_from_a_cloud():
    """Toy images are none of the simulation's, but tracks are tracks."""
    images = toy_images(40, ("p", "e-"))
    planes = images.pixels[:, 0]
    pixels = pixels_per_segment(segmentation_scores(planes), planes)
    found = majority(pixels)
    assert np.mean(found[:40] == TRACK) > 0.9
    assert np.mean(found[40:] == SHOWER) > 0.9


def test_pixels_per_segment_by_hand():
    planes = np.array([[[1.0, 0.0], [2.0, 3.0]]])
    scores = np.array(
        [[[[0.1, 1.0], [0.2, 0.6]], [[0.8, 0.0], [0.3, 0.3]], [[0.1, 0], [0.5, 0.1]]]]
    )
    assert pixels_per_segment(scores.astype(np.float32), planes).tolist() == [[1, 1, 1]]


def test_majority_with_ties_and_empty_images():
    pixels = np.array([[0, 5, 4], [0, 4, 5], [0, 4, 4], [9, 0, 0], [0, 0, 0], [50, 2, 1]])
    expected = [TRACK, SHOWER, SHOWER, BACKGROUND, BACKGROUND, TRACK]
    assert majority(pixels).tolist() == expected


def test_the_card_of_the_shipped_network():
    from importlib.resources import as_file, files

    with as_file(files("driftline.resources") / "models" / f"{SHIPPED}.safetensors") as path:
        network, card = read_ssnet(path)
        assert path.stat().st_size < 2e6
    test = card["test"]
    confusion = np.array([[test["confusion"][a][b] for b in SEGMENTS] for a in SEGMENTS])
    assert test["accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum(), abs=1e-4)
    assert test["accuracy"] >= 0.95
    assert not network.training
