"""What the segmentation network makes of simulated and of generated images."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from driftline.data.images import SEGMENTS, Images
from driftline.metrics.images.observable_metrics import pixel_scores
from driftline.metrics.images.observables import ImageSample
from driftline.metrics.images.segmentation import SHOWER, TRACK
from driftline.report.histograms import Histogram, Spectrum, Values, draw_spectrum
from driftline.report.style import new_figure, style

Array = NDArray[np.float64]

BINS = 25
MOST_PIXELS = 500
"""End of the axis of pixels per image."""


def _scores(segment: int) -> Callable[[ImageSample], Values]:
    """Score of every pixel with charge."""

    def values(sample: ImageSample) -> Values:
        found, owner = pixel_scores(sample)
        return found[:, segment - TRACK], owner

    return values


def _mean_score(segment: int) -> Callable[[ImageSample], Values]:
    """Mean score of the pixels with charge of every image."""

    def values(sample: ImageSample) -> Values:
        score, owner = _scores(segment)(sample)
        total = np.bincount(owner, score, minlength=len(sample))
        return total / np.bincount(owner, minlength=len(sample)), np.arange(len(sample))

    return values


def _pixels(segment: int) -> Callable[[ImageSample], Values]:
    """Number of pixels of a segment in every image."""

    def values(sample: ImageSample) -> Values:
        return sample.segments[..., segment].sum(axis=1).astype(float), np.arange(len(sample))

    return values


@dataclass(frozen=True)
class _Panel:
    """A histogram with fixed bins and what it is a fraction of."""

    spectrum: Spectrum
    edges: Array
    of: str


_UNIT = np.linspace(0.0, 1.0, BINS + 1)
_LAST = np.append(_UNIT[:-1], np.nextafter(1.0, 2.0))  # a score of one is in the last bin

PANELS = tuple(
    panel
    for segment in (TRACK, SHOWER)
    for name in (SEGMENTS[segment].capitalize(),)
    for panel in (
        _Panel(
            Spectrum(f"{name} score, mean of the image", "", _mean_score(segment), log_y=True),
            _LAST,
            "images",
        ),
        _Panel(
            Spectrum(f"{name} score of the pixel", "", _scores(segment), log_y=True),
            _LAST,
            "all pixels",
        ),
        _Panel(
            Spectrum(f"{name} pixels per image", "", _pixels(segment), log_y=True),
            MOST_PIXELS * _UNIT,
            "images",
        ),
    )
)


def ssnet_figure(generated: Images, reference: Images) -> Figure:
    """Track and shower scores of images and of pixels, and pixels per image, as fractions.

    Pixels without charge are left out. The title tells how many images are tracks by the majority
    of their pixels.
    """
    a, b = ImageSample(generated), ImageSample(reference)
    with style():
        figure = new_figure(11.5, 8.2)
        grid = figure.subplots(4, 3, height_ratios=[3, 1, 3, 1], squeeze=False)
        for k, panel in enumerate(PANELS):
            row, column = divmod(k, 3)
            main, below = grid[2 * row][column], grid[2 * row + 1][column]
            histogram = _fractions(Histogram.of(panel.spectrum, a, b, panel.edges))
            draw_spectrum(main, below, histogram, panel.spectrum)
            main.set_ylabel(f"Fraction of {panel.of}")
            main.legend(loc="upper center" if panel.of == "all pixels" else "best")
        shares = [float(np.mean(side.majority == TRACK)) for side in (b, a)]
        figure.suptitle(
            f"SSNet: {len(b):,} simulated images, {shares[0]:.1%} of them tracks; "
            f"{len(a):,} generated images, {shares[1]:.1%} of them tracks",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
    return figure


def _fractions(histogram: Histogram) -> Histogram:
    """Both sides as fractions of what is in the histogram of either."""
    simulated = max(1.0, float(histogram.simulated.sum()))
    generated = float(histogram.generated.sum()) or 1.0
    return replace(
        histogram,
        simulated=histogram.simulated / simulated,
        simulated_error=histogram.simulated_error / simulated,
        generated=histogram.generated / generated,
        generated_error=histogram.generated_error / generated,
    )
