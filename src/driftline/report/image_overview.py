"""The one picture of an image model: its images, their spectra, and what they cost."""

from collections.abc import Sequence

from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure

from driftline.data.images import Images
from driftline.metrics.images.observables import ImageSample
from driftline.report.images import CHARGE, CHARGE_COLOURS, draw_image, image_spectra
from driftline.report.overlays import class_legend, draw_overlay
from driftline.report.panels import evaluations_label
from driftline.report.quality import draw_quality, metric_axis
from driftline.report.style import class_name, new_figure, style
from driftline.study.results import Study

SHOWN = ("mu-", "p", "e-")
"""The classes whose spectra are shown: the others look like one of these."""

PER_CLASS = 2
"""Images of each class on either side."""


def image_overview_figure(generated: Images, reference: Images, study: Study) -> Figure:
    """Single images above; track length and charge, and quality against evaluations below.

    Args:
        generated: images of the model.
        reference: true images, at least of the same classes.
        study: samplers compared; its first class is shown.
    """
    present = [t for t in generated.present if t in reference.present]
    types = [t for t in SHOWN if t in present] or present[:3]
    length, _, _, charge, *_ = image_spectra(reference.unit)
    with style():
        figure = new_figure(12, 8.6)
        halves = figure.subfigures(2, 1, height_ratios=[1, 1], hspace=0.03, squeeze=False)
        top, bottom = halves[:, 0]
        _draw_images(top, generated, reference, present)
        grid = bottom.subplots(2, 3, height_ratios=[3, 1])
        pairs = {
            t: (ImageSample(generated.of_type(t)), ImageSample(reference.of_type(t))) for t in types
        }
        for column, spectrum in enumerate((length, charge)):
            draw_overlay(grid[:, column], pairs, spectrum)
            grid[0, column].set_ylabel("Fraction of images")
        class_legend(grid[0, 0])
        for axes in grid[:, 2]:
            axes.remove()
        quality = bottom.add_subplot(grid[0, 2].get_gridspec()[:, 2])
        event_type, metric = study.types[0], study.events.headline_metrics[0]
        draw_quality(quality, study, event_type, metric)
        room = 1.75 if quality.get_yscale() == "linear" else 20  # for the legend
        quality.set_ylim(top=quality.get_ylim()[1] * room)
        quality.set_xlabel(evaluations_label(study))
        quality.set_ylabel(f"{class_name(event_type)}: {metric_axis(metric)}")
        quality.legend(loc="upper right", fontsize=8.5)
    return figure


def _draw_images(
    figure: SubFigure, generated: Images, reference: Images, types: Sequence[str]
) -> None:
    """Simulated above, generated below: the first images of each class, none chosen."""
    grid = figure.subplots(2 * PER_CLASS, len(types), squeeze=False)
    norm = LogNorm(*CHARGE)
    for row, axes_of_row in enumerate(grid):
        side, k = divmod(row, PER_CLASS)
        sample = (reference, generated)[side]
        for axes, event_type in zip(axes_of_row, types, strict=True):
            draw_image(axes, sample.of_type(event_type).pixels[k, 0], norm)
            if row == 0:
                axes.set_title(class_name(event_type))
        if k == 0:
            name = ("Simulated", "Generated")[side]
            axes_of_row[0].set_ylabel(name, loc="center", fontweight="bold")
    scale = ScalarMappable(norm, CHARGE_COLOURS)
    label = f"Charge a pixel [{reference.unit}]"
    figure.colorbar(scale, ax=grid, label=label, pad=0.01, extend="max")
