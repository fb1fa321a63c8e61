"""Sets of figures, written as PNG and PDF: of an evaluation, and of a study."""

from pathlib import Path

from driftline.data.clouds import Jets
from driftline.report.jets import displays_figure, images_figure
from driftline.report.quality import (
    difference_figure,
    quality_figure,
    time_figure,
    tolerance_figure,
)
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
    """Quality and wall time against evaluations, RK45's evaluations, paired differences.

    Args:
        study: the results.
        folder: is made if missing; existing files are replaced.

    Returns:
        The files written.
    """
    figures = {f"quality_{metric}": quality_figure(study, metric) for metric in HEADLINE}
    figures["time"] = time_figure(study)
    for name, figure in (
        ("evaluations_rk45", tolerance_figure(study)),
        ("differences", difference_figure(study)),
    ):
        if figure is not None:
            figures[name] = figure
    return [path for name, figure in figures.items() for path in save(figure, folder / name)]
