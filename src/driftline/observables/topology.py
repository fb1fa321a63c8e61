"""Topology of images: pieces less holes, as numbers that can be differentiated."""

from dataclasses import dataclass
from functools import reduce
from operator import mul

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.diffusion.observables import above
from driftline.metrics.images.geometry import CORE_PIXELS, RADIUS
from driftline.observables.images import hits, require_rising


def euler_characteristic(filled: Tensor) -> Tensor:
    """Pieces less holes of images (..., H, W), as (...).

    Pixels are closed squares, so that those which meet at a corner are one piece; then it is the
    number of corners less edges plus squares (Gray, IEEE Trans. Comput. C-20, 551). It is exact for
    zeros and ones, and for numbers between them the mean if each pixel is there independently with
    that probability.
    """
    empty = pad(1 - filled, (1, 1, 1, 1), value=1.0)
    rows = empty[..., 1:, :] * empty[..., :-1, :]
    columns = empty[..., :, 1:] * empty[..., :, :-1]
    around = rows[..., 1:] * rows[..., :-1]
    corners = _area(1 - around)
    edges = _area(1 - rows[..., 1:-1]) + _area(1 - columns[..., 1:-1, :])
    return corners - edges + _area(filled)


def dilated(filled: Tensor, window: int) -> Tensor:
    """Images (..., H, W) of whether any pixel of the window around each one is there.

    Args:
        filled: numbers from 0 to 1, taken for independent probabilities.
        window: odd number of pixels; what is outside of the image is empty.
    """
    height, width = filled.shape[-2:]
    empty = pad(1 - filled, (window // 2,) * 4, value=1.0)
    rows = reduce(mul, (empty.narrow(-2, k, height) for k in range(window)))
    return 1 - reduce(mul, (rows.narrow(-1, k, width) for k in range(window)))


@dataclass(frozen=True)
class Topology:
    """Euler characteristics of each plane above thresholds, seen through windows, (B, C K W).

    Through a window of 2 n + 1 pixels, pieces with at most 2 n empty pixels between them are one: a
    track with gaps counts as whole or broken by the width of its gaps. What counts as above is
    soft, see ``diffusion.observables.above``.

    Attributes:
        thresholds: K rising positive numbers, in the images' unit.
        windows: W odd numbers of pixels; 1 is the image as it is.

    Raises:
        ValueError: the thresholds do not rise from above zero, or a window is not odd.
    """

    thresholds: tuple[float, ...]
    windows: tuple[int, ...] = (1, 3, 5)

    def __post_init__(self) -> None:
        require_rising(self.thresholds)
        if not self.windows or not all(window > 0 and window % 2 for window in self.windows):
            raise ValueError(f"windows must be odd numbers of pixels, got {self.windows}")

    def __call__(self, pixels: Tensor) -> Tensor:
        filled = above(pixels, pixels.new_tensor(self.thresholds)).movedim(-1, 2)
        seen = [euler_characteristic(dilated(filled, window)) for window in self.windows]
        return torch.stack(seen, dim=3).flatten(1)


def topology_of(preprocessing: ImagePreprocessing) -> Topology:
    """At the charge up to which the preprocessing is linear, and at 4 and 16 times as much."""
    return Topology(tuple(preprocessing.scale * factor for factor in (1.0, 4.0, 16.0)))


@dataclass(frozen=True)
class Clusters:
    """Clusters less holes of each plane, (B, C): tracks in pieces, whatever single hits there are.

    Of pixels that have as many others near them as DBSCAN asks for (``metrics.images.geometry``),
    those at most two empty ones apart are one. Of tracks these are nearly the clusters of the
    metric; showers have holes, too. Euler characteristics of all pixels count hits far from the
    others as well, and too many of one make up for too few of the other. What counts as above is
    soft, and so is the number of others.

    Attributes:
        threshold: charge above which pixels are seen, in the images' unit.

    Raises:
        ValueError: the threshold is not positive.
    """

    threshold: float

    def __post_init__(self) -> None:
        require_rising((self.threshold,))

    def __call__(self, pixels: Tensor) -> Tensor:
        filled = hits(pixels, self.threshold)
        near = conv2d(filled.flatten(0, 1)[:, None], _disc().to(filled), padding="same")
        enough = (near[:, 0] - (CORE_PIXELS - 1)).clamp(0, 1)  # exact for whole numbers of pixels
        inside = filled * enough.unflatten(0, filled.shape[:2])
        return euler_characteristic(dilated(inside, 3))


def clusters_of(preprocessing: ImagePreprocessing) -> Clusters:
    """Of pixels above half of the charge up to which the preprocessing is linear."""
    return Clusters(preprocessing.scale / 2)


def _disc() -> Tensor:
    """(1, 1, 7, 7) ones within the radius in which pixels are neighbours."""
    place = torch.arange(-int(RADIUS), int(RADIUS) + 1).square()
    return (place[:, None] + place <= RADIUS**2)[None, None].float()


def _area(images: Tensor) -> Tensor:
    """(...) sum over rows and columns."""
    return images.sum(dim=(-2, -1))
