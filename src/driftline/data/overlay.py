"""Overlay: images put onto others, such as simulated or generated particles onto real frames.

Charge adds, so that an image with background is the sum of the two in any linear unit, and its
particle is independent of the background: nothing has to be learnt for it.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import Images
from driftline.errors import InputError

_LINEAR = ("MeV", "electrons", "ADC")


def overlay(images: Images, background: Images, chosen: NDArray[np.int64] | None = None) -> Images:
    """Images with background: pixels add, all that is known of the images stays.

    Args:
        images: N of them. Their segmentation stays: what is background only is background.
        background: M of the same shape, unit and pitch, each with planes in the same order.
        chosen: (N,) which background each image gets; by default its event number modulo M, so that
            it does not depend on the other images.

    Raises:
        InputError: they differ in form, their unit does not add, there is no background, or one
            that does not exist is chosen.
    """
    found = unlike(background, images.pixels.shape[1:], images.unit, images.pitch)
    if found is not None:
        raise InputError(f"background: {found}")
    index = images.event % len(background) if chosen is None else chosen
    if index.shape != (len(images),) or ((index < 0) | (index >= len(background))).any():
        raise InputError(
            f"background: chosen must be {len(images)} numbers from 0 to {len(background) - 1}"
        )
    return replace(
        images,
        pixels=images.pixels + background.pixels[index],
        threshold=min(images.threshold, background.threshold),
        attributes={**images.attributes, "background": background.attributes},
    )


def unlike(background: Images, shape: tuple[int, ...], unit: str, pitch: float) -> str | None:
    """Why images of planes, rows and columns, unit and pitch cannot lie on backgrounds; or None."""
    for what, mine, theirs in (
        ("planes, rows and columns", shape, background.pixels.shape[1:]),
        ("unit", unit, background.unit),
        ("pitch", pitch, background.pitch),
    ):
        if mine != theirs:
            return f"{what}: {theirs}, the images' {mine}; treat both alike, with driftline crop"
    if unit not in _LINEAR:
        return f"numbers of unit {unit} do not add; use MeV"
    return None if len(background) else "holds no images; give some"
