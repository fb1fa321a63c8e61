"""Sets of figures, written as PNG and PDF: of an evaluation, and of a study."""

from pathlib import Path

from matplotlib.figure import Figure

from driftline.data.clouds import Jets
from driftline.report.cost import time_figure, tolerance_figure
from driftline.report.differences import difference_figure
from driftline.report.endpoints import endpoint_figure
from driftline.report.jets import displays_figure, images_figure
from driftline.report.quality import BY_TIME, pareto_figure, quality_figure
from driftline.report.spectra import spectra_figure
from driftline.report.style import save
from driftline.study.results import HEADLINE, Study


def evaluation_figures(generated: Jets, reference: Jets, folder: Path) -> list[Path]:
    """Single jets, average jets, and the spectra of every class; existing files are replaced.

    Args:
        generated: the jets to judge.
        reference: true jets, at least of the same classes.
        folder: is made if missing.

    Returns:
        The files written.
    """
    types = [t for t in generated.present if t in reference.present]
    paths = save(displays_figure(generated, reference, types), folder / "jets")
    paths += save(images_figure(generated, reference, types), folder / "average_jets")
    for jet_type in types:
        figure = spectra_figure(generated, reference, jet_type)
        paths += save(figure, folder / f"spectra_{jet_type}")
    return paths


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
    quality = {f"quality_{m}": quality_figure(study, m) for m in HEADLINE}
    by_time = {f"quality_time_{m}": quality_figure(study, m, BY_TIME) for m in HEADLINE}
    figures = {
        "pareto": pareto_figure(study),
        "differences": difference_figure(study),
        **quality,
        **by_time,
        "endpoints": endpoint_figure(study),
        "evaluations_rk45": tolerance_figure(study),
        "time": time_figure(study),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}
