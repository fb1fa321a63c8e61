"""The one picture of a model: its jets, their spectra, and what they cost."""

from collections.abc import Sequence

from matplotlib.figure import Figure, SubFigure

from driftline.data.clouds import Jets
from driftline.metrics.jet_observables import JetSample
from driftline.report.jets import average_images, draw_image, draw_jet, image_norm
from driftline.report.overlays import class_legend, draw_overlay
from driftline.report.panels import evaluations_label
from driftline.report.quality import draw_quality, metric_axis
from driftline.report.spectra import MASS, PARTICLE_PT
from driftline.report.style import CLASS_COLOURS, class_name, new_figure, style
from driftline.study.results import Study

SHOWN = ("g", "t", "w")
"""The classes in the picture: the other two look like one of these."""


def overview_figure(generated: Jets, reference: Jets, study: Study) -> Figure:
    """Jets and average jets on top, mass and particle pT below, and quality against evaluations.

    Args:
        generated: jets of the model.
        reference: true jets, at least of the same classes.
        study: samplers compared; its first class is shown.
    """
    present = [t for t in generated.present if t in reference.present]
    types = [t for t in SHOWN if t in present] or present[:3]
    with style():
        figure = new_figure(12, 8.6)
        halves = figure.subfigures(2, 1, height_ratios=[1.02, 1], hspace=0.03, squeeze=False)
        top, bottom = halves[:, 0]
        _draw_jets(top, generated, reference, types)
        grid = bottom.subplots(2, 3, height_ratios=[3, 1])
        pairs = {
            t: (JetSample(generated.of_type(t)), JetSample(reference.of_type(t))) for t in types
        }
        draw_overlay(grid[:, 0], pairs, MASS)
        grid[0, 0].set_ylabel("Fraction of jets")
        class_legend(grid[0, 0])
        draw_overlay(grid[:, 1], pairs, PARTICLE_PT)
        grid[0, 1].set_ylabel("Particles per jet")
        for axes in grid[:, 2]:
            axes.remove()
        quality = bottom.add_subplot(grid[0, 2].get_gridspec()[:, 2])
        event_type = study.types[0]
        (w1p,) = (m for m in study.events.headline_metrics if m.name == "w1p")
        draw_quality(quality, study, event_type, w1p)
        room = 1.75 if quality.get_yscale() == "linear" else 20  # for the legend
        quality.set_ylim(top=quality.get_ylim()[1] * room)
        quality.set_xlabel(evaluations_label(study))
        quality.set_ylabel(f"{class_name(event_type)}: {metric_axis(w1p)}")
        quality.legend(loc="upper right", fontsize=8.5)
    return figure


def _draw_jets(figure: SubFigure, generated: Jets, reference: Jets, types: Sequence[str]) -> None:
    """Simulated above, generated below: a jet of each class, then the average of each class."""
    columns = len(types)
    grid = figure.subplots(
        2, 2 * columns + 1, squeeze=False, width_ratios=[1] * columns + [0.02] + [1] * columns
    )
    images = [average_images(generated, reference, t) for t in types]
    norm = image_norm([image for pair in images for image in pair])
    for row, sample in enumerate((reference, generated)):
        grid[row][columns].set_visible(False)
        for column, event_type in enumerate(types):
            colour = CLASS_COLOURS.get(event_type, "0.3")
            first, second = grid[row][column], grid[row][columns + 1 + column]
            draw_jet(first, sample.of_type(event_type).particles[0], colour)
            draw_image(second, images[column][row], norm)
            for axes in (first, second):
                axes.set_xticks([])
                axes.set_yticks([])
            if row == 0:
                name = class_name(event_type)
                first.set_title(f"{name} jet")
                second.set_title(f"{name}, average")
    for row, name in enumerate(("Simulated", "Generated")):
        grid[row][0].set_ylabel(name, loc="center", fontweight="bold", fontsize=13)
