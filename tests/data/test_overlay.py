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
