"""Overlay: images put onto others, such as simulated or generated particles onto real frames.

Charge adds, so that an image with background is the sum of the two in any linear unit, and its
particle is independent of the background: nothing has to be learnt for it.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import PLANES, Images
from driftline.errors import InputError

_LINEAR = ("MeV", "electrons", "ADC")


def overlay(images: Images, background: Images, chosen: NDArray[np.int64] | None = None) -> Images:
    """Images with background: pixels add, all that is known of the images stays.

    Args:
        images: N of them. Their segmentation stays: what is background only is background.
        background: M of the same shape, unit and pitch.
        chosen: (N,) which background each image gets; by default one of the same planes, one after
            the other by event number, so that it does not depend on the other images. Where the
            backgrounds have none of its planes, an image gets one of all: what a number means
            differs (``PLANES``; planes of wires in real frames).

    Raises:
        InputError: they differ in form, their unit does not add, there is no background, or one
            that does not exist is chosen.
    """
    found = unlike(background, images.pixels.shape[1:], images.unit, images.pitch)
    if found is not None:
        raise InputError(f"background: {found}")
    index = _alike(images, background) if chosen is None else chosen
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


def _alike(images: Images, background: Images) -> NDArray[np.int64]:
    """(N,) which background each image gets."""
    index = _turns(images.event, len(background))
    for planes in np.unique(images.planes, axis=0):
        mine = (images.planes == planes).all(axis=1)
        theirs = np.flatnonzero((background.planes == planes).all(axis=1))
        if len(theirs):
            index[mine] = theirs[_turns(images.event[mine], len(theirs))]
    return index


def _turns(event: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """(N,) the number modulo ``count``, moved on by one each round where 3 divides it.

    Generated images have plane 0, 1, 2, 0, ...: of 84 backgrounds those of one plane would else get
    every third only.
    """
    turns: NDArray[np.int64] = event if count % len(PLANES) else event + event // count
    return turns % count


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
