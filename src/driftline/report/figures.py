"""Sets of figures, written as PNG and PDF: of an evaluation, and of a study."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from driftline.data.clouds import Jets
from driftline.data.events import LabelledEvents
from driftline.data.images import Images
from driftline.metrics.kinds import kind_of
from driftline.metrics.scores import Evaluation
from driftline.report import images
from driftline.report.calibration import calibration_figures
from driftline.report.cost import time_figure, tolerance_figure
from driftline.report.differences import difference_figure
from driftline.report.economy import economy_figure
from driftline.report.endpoints import endpoint_figure
from driftline.report.jets import displays_figure, images_figure
from driftline.report.quality import BY_TIME, pareto_figure, quality_figure
from driftline.report.spectra import spectra_figure
from driftline.report.ssnet import ssnet_figure
from driftline.report.style import save
from driftline.study.results import Study


def evaluation_figures(
    generated: LabelledEvents, reference: LabelledEvents, folder: Path
) -> list[Path]:
    """Single events, averages and spectra of every class; existing files are replaced.

    Args:
        generated: the events to judge.
        reference: true events of the same kind, at least of the same classes.
        folder: is made if missing.

    Returns:
        The files written.
    """
    drawn = _DRAWN[kind_of(generated).name](generated, reference)
    return [path for name, figure in drawn for path in save(figure, folder / name)]


def calibrations_drawn(evaluation: Evaluation, folder: Path) -> list[Path]:
    """What was asked against what was obtained, a figure a quantity; existing files are replaced.

    Returns:
        The files written.
    """
    drawn = calibration_figures(evaluation.calibration)
    return [path for name, figure in drawn.items() for path in save(figure, folder / name)]


def _jets(generated: Jets, reference: Jets) -> Iterator[tuple[str, Figure]]:
    types = [t for t in generated.present if t in reference.present]
    yield "jets", displays_figure(generated, reference, types)
    yield "average_jets", images_figure(generated, reference, types)
    for jet_type in types:
        yield f"spectra_{jet_type}", spectra_figure(generated, reference, jet_type)


def _images(generated: Images, reference: Images) -> Iterator[tuple[str, Figure]]:
    types = [t for t in generated.present if t in reference.present]
    yield "images", images.displays_figure(generated, reference, types)
    yield "segmentation", ssnet_figure(generated, reference)
    yield "profiles", images.profiles_figure(generated, reference, types)
    for event_type in types:
        figure = images.image_spectra_figure(generated, reference, event_type)
        yield f"spectra_{event_type}", figure


_DRAWN: dict[str, Callable[[Any, Any], Iterator[tuple[str, Figure]]]] = {
    "jets": _jets,
    "images": _images,
}
"""By kind of event, what draws names and figures of an evaluation; the most important first."""


def study_figures(study: Study, folder: Path) -> list[Path]:
    """Every figure of ``draw_study``, as PNG and PDF.

    Args:
        study: the results.
        folder: is made if missing; existing files are replaced.

    Returns:
        The files written.
    """
    drawn = draw_study(study)
    return [path for name, figure in drawn.items() for path in save(figure, folder / name)]


def draw_study(study: Study) -> dict[str, Figure]:
    """The figures of a study by name, as far as its samplers allow; the most important first."""
    metrics = study.events.headline_metrics
    quality = {f"quality_{m.name}": quality_figure(study, m) for m in metrics}
    by_time = {f"quality_time_{m.name}": quality_figure(study, m, BY_TIME) for m in metrics}
    figures = {
        "pareto": pareto_figure(study),
        "differences": difference_figure(study),
        **quality,
        **by_time,
        "endpoints": endpoint_figure(study),
        "evaluations_rk45": tolerance_figure(study),
        "time": time_figure(study),
        "against_simulation": economy_figure(study),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}
