"""Images onto others: charge adds, what is known stays, what does not add is refused."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.data.overlay import overlay
from driftline.errors import InputError
from made_images import made_images

IMAGES = made_images(5, planes=1, size=16, first_event=3)
BACKGROUND = replace(made_images(2, planes=1, size=16, seed=1), threshold=0.02)


def test_charge_adds_and_truth_stays():
    both = overlay(IMAGES, BACKGROUND)
    for n, event in enumerate(IMAGES.event):
        assert np.array_equal(both.pixels[n], IMAGES.pixels[n] + BACKGROUND.pixels[event % 2])
    assert both.segmentation is IMAGES.segmentation and both.momentum is IMAGES.momentum
    assert both.threshold == 0.02 and both.attributes["background"] == {"seed": 1}
    last = overlay(IMAGES, BACKGROUND, np.array([1, 1, 1, 1, 0]))
    assert np.array_equal(last.pixels[4], IMAGES.pixels[4] + BACKGROUND.pixels[0])
    assert np.array_equal(overlay(IMAGES[2:], BACKGROUND).pixels, both.pixels[2:])


def on_planes(images, planes):
    return replace(images, planes=np.array(planes, dtype=np.uint8).reshape(len(images), -1))


@pytest.mark.parametrize("alternate", [True, False])
@pytest.mark.parametrize("count", [5, 6, 7])
def test_each_plane_gets_all_backgrounds_of_its_own(alternate, count):
    """Each equally often; images of alternating planes meet every third number only."""
    images = made_images(6 * count, planes=1, size=4)
    images = on_planes(images, images.event % 3 if alternate else np.full(len(images), 2))
    background = made_images(3 * count, planes=1, size=4)
    background = on_planes(background, np.repeat([2, 0, 1], count))
    background.pixels[:] = np.arange(3 * count)[:, None, None, None]
    found = (overlay(images, background).pixels - images.pixels)[:, 0, 0, 0].round().astype(int)
    assert np.array_equal(background.planes[found], images.planes)
    met = np.bincount(found, minlength=3 * count)
    assert (met == 2).all() if alternate else met.tolist() == count * [6] + 2 * count * [0]
    half = overlay(images[::2], background).pixels - images.pixels[::2]
    assert np.array_equal(half[:, 0, 0, 0].round(), found[::2])


def test_images_of_a_plane_without_background_get_any():
    """Real frames of one plane of wires serve all projections."""
    images = on_planes(IMAGES, [0, 1, 2, 1, 0])
    background = on_planes(BACKGROUND, [1, 1])
    assert np.array_equal(overlay(images, background).pixels, overlay(IMAGES, BACKGROUND).pixels)


def test_several_planes_go_together():
    images = on_planes(made_images(2, planes=2, size=4, first_event=4), [[0, 1], [1, 2]])
    background = on_planes(made_images(3, planes=2, size=4, seed=1), [[1, 0], [1, 2], [0, 1]])
    expected = images.pixels + background.pixels[[2, 1]]
    assert np.array_equal(overlay(images, background).pixels, expected)


@pytest.mark.parametrize(
    ("images", "background", "chosen", "words"),
    [
        (IMAGES, made_images(1, planes=1, size=8), None, "rows and columns"),
        (IMAGES, replace(BACKGROUND, unit="ADC"), None, "unit"),
        (IMAGES, replace(BACKGROUND, pitch=0.3), None, "pitch"),
        (replace(IMAGES, unit="8-bit"), replace(BACKGROUND, unit="8-bit"), None, "do not add"),
        (IMAGES, BACKGROUND[:0], None, "no images"),
        (IMAGES, BACKGROUND, np.array([0, 1]), "chosen"),
        (IMAGES, BACKGROUND, np.array([0, 1, 2, 0, 0]), "from 0 to 1"),
    ],
)
def test_what_does_not_add_is_refused(images, background, chosen, words):
    with pytest.raises(InputError, match=words):
        overlay(images, background, chosen)
