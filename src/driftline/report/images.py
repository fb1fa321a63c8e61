"""Pictures of detector images: single ones, histograms of their observables, mean profiles."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from driftline.data.images import Images
from driftline.metrics.images.observable_metrics import (
    HALF_TURN,
    SHOWERS,
    TRACKS,
    angles,
    per_plane,
    pixel_values,
)
from driftline.metrics.images.observables import ImageSample
from driftline.metrics.images.profiles import DEPTH, DISTANCE, RESIDUAL_RANGE
from driftline.report.histograms import Spectrum, Values, histograms_figure
from driftline.report.style import (
    GENERATED,
    POINTS,
    SIMULATED,
    class_name,
    new_figure,
    style,
)

Array = NDArray[np.float64]

CHARGE = (0.05, 10.0)
"""[MeV] ends of the scale of colour; what is outside has the colour of the end."""

CHARGE_COLOURS = "inferno"

EMPTY = "#10101c"
"""Colour of pixels without charge."""


def draw_image(axes: Axes, pixels: NDArray[np.floating], norm: LogNorm) -> AxesImage:
    """One plane (H, W) on a logarithmic scale of colour, its rows upwards."""
    drawn = axes.imshow(
        np.where(pixels > 0, pixels, np.nan),
        origin="lower",
        norm=norm,
        cmap=CHARGE_COLOURS,
        interpolation="nearest",
    )
    axes.set_facecolor(EMPTY)
    axes.set_xticks([])
    axes.set_yticks([])
    return drawn


def displays_figure(
    generated: Images, reference: Images, types: Sequence[str], images: int = 5
) -> Figure:
    """First planes of single images of each class: simulated on the left, generated on the right.

    Nothing is chosen: they are the first of each class.
    """
    with style():
        figure = new_figure(1.25 * 2 * images + 2.2, 1.25 * len(types) + 0.6)
        widths = [1] * images + [0.15] + [1] * images
        grid = figure.subplots(len(types), 2 * images + 1, squeeze=False, width_ratios=widths)
        norm = LogNorm(*CHARGE)
        drawn = None
        for row, event_type in zip(grid, types, strict=True):
            row[images].set_visible(False)
            for side, sample in ((row[:images], reference), (row[images + 1 :], generated)):
                chosen = sample.of_type(event_type).pixels[:images, 0]
                for axes in side[len(chosen) :]:
                    axes.axis("off")
                for axes, pixels in zip(side, chosen, strict=False):
                    drawn = draw_image(axes, pixels, norm)
            row[0].set_ylabel(class_name(event_type), loc="center")
        for start, name in ((0, "Simulated"), (images + 1, "Generated")):
            grid[0][start].set_title(name, loc="left", fontweight="bold")
        if drawn is not None:
            label = f"Charge a pixel [{reference.unit}]"
            figure.colorbar(drawn, ax=grid, label=label, pad=0.01, extend="max")
    return figure


def _one(values: Callable[[ImageSample], Any]) -> Callable[[ImageSample], Values]:
    """A single observable as a histogram takes it."""

    def column(sample: ImageSample) -> Values:
        found, owner = values(sample)
        return found[:, 0], owner

    return column


def image_spectra(unit: str = "MeV") -> tuple[Spectrum, ...]:
    """The histograms of a class of images with charge in ``unit``; length, width, angle, charge."""
    return (
        Spectrum("Track length", "cm", _one(per_plane(lambda s: s.length)), per="Images"),
        Spectrum("Track width", "cm", _one(per_plane(lambda s: s.width)), log_y=True, per="Images"),
        Spectrum("Track angle", "degrees", _one(angles), per="Images", period=HALF_TURN),
        Spectrum("Charge", unit, _one(per_plane(lambda s: s.charge)), per="Images"),
        Spectrum("Pixel charge", unit, _one(pixel_values), log_x=True, log_y=True, per="Pixels"),
        Spectrum("Occupancy", "%", _one(per_plane(lambda s: 100 * s.occupancy)), per="Images"),
        Spectrum(
            "Clusters",
            "",
            _one(per_plane(lambda s: s.clusters)),
            log_y=True,
            whole=True,
            per="Images",
        ),
        Spectrum(
            "2-pixel Haar band",
            unit,
            _one(per_plane(lambda s: np.sqrt((s.bands[..., :3] ** 2).sum(axis=2)))),
            per="Images",
        ),
    )


def image_spectra_figure(generated: Images, reference: Images, event_type: str) -> Figure:
    """Histograms of a class: counts scaled to the reference, ratio below, errors statistical."""
    a, b = (ImageSample(side.of_type(event_type)) for side in (generated, reference))
    name = class_name(event_type)
    title = f"{name}: {len(a):,} generated, {len(b):,} simulated images"
    return histograms_figure(image_spectra(reference.unit), a, b, title)


_PROFILES: tuple[tuple[str, str, Array, Callable[[ImageSample], Array], Sequence[str]], ...] = (
    ("dE/dx", "Residual range [cm]", RESIDUAL_RANGE, lambda s: s.dedx, TRACKS),
    ("longitudinal", "Depth in the shower [cm]", DEPTH, lambda s: s.longitudinal, SHOWERS),
    ("transverse", "Distance from the axis [cm]", DISTANCE, lambda s: s.transverse, SHOWERS),
)


def profiles_figure(generated: Images, reference: Images, types: Sequence[str]) -> Figure:
    """Mean charge per length: of tracks against the residual range, of showers along and across.

    All lengths are projected ones, and bins that a track does not reach count as zero.
    """
    panels = [
        (event_type, profile)
        for profile in _PROFILES
        for event_type in types
        if event_type in profile[4]
    ]
    columns = min(4, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    with style():
        figure = new_figure(3.4 * columns, 2.9 * rows)
        grid = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes in grid[len(panels) :]:
            axes.axis("off")
        for axes, (event_type, (name, label, edges, profile, _)) in zip(grid, panels, strict=False):
            for side, sample in (("Simulated", reference), ("Generated", generated)):
                _draw_profile(axes, side, edges, profile(ImageSample(sample.of_type(event_type))))
            axes.set_title(f"{class_name(event_type)}, {name}", loc="left")
            axes.set_xlabel(label)
            axes.set_ylabel(f"{reference.unit} / cm")
            axes.set_xlim(0, edges[-1])
            axes.set_ylim(bottom=0)
        if panels:
            grid[0].legend()
    return figure


def _draw_profile(axes: Axes, side: str, edges: Array, profile: Array) -> None:
    """Mean (K,) of profiles (N, C, K) and its error over images; simulated as steps."""
    of_images = profile.mean(axis=1)
    mean = of_images.mean(axis=0)
    error = of_images.std(axis=0, ddof=1) / np.sqrt(len(of_images))
    if side == "Generated":
        centres = (edges[:-1] + edges[1:]) / 2
        axes.errorbar(centres, mean, error, color=GENERATED, label=side, **POINTS)
        return
    axes.stairs(mean, edges, color=SIMULATED, lw=1)
    axes.stairs(
        mean + error,
        edges,
        baseline=mean - error,
        fill=True,
        color=SIMULATED,
        alpha=0.3,
        lw=0,
        label=side,
    )
