"""The solvers' own errors against evaluations: jets at equal noise, sampler against baseline."""

from typing import Any

from matplotlib.figure import Figure

from driftline.report.panels import EVALUATIONS, class_panels, cost_axis, finish_panels
from driftline.report.series import series
from driftline.report.style import style
from driftline.study.results import Study


def endpoint_figure(study: Study) -> Figure | None:
    """RMS (filled, solid) and median (open, dashed) over jets; None without deterministic samplers.

    A few jets that end in another mode dominate the RMS and leave the median alone.
    """
    if not study.endpoints:
        return None
    evaluations = {(r.sampler, r.jet_type): r.evaluations for r in study.rows}
    errors = {(e.sampler, e.jet_type): e for e in study.endpoints}
    with style():
        figure, panels = class_panels(study.types)
        for axes, jet_type in zip(panels, study.types, strict=True):
            for curve in series(study.rows):
                mine = [(s, jet_type) for s in curve.samplers if (s, jet_type) in errors]
                if not mine:
                    continue
                mine.sort(key=evaluations.__getitem__)
                x = [evaluations[key] for key in mine]
                look: dict[str, Any] = {"color": curve.colour, "marker": curve.marker, "lw": 1}
                axes.plot(x, [errors[key].rms for key in mine], label=curve.name, **look)
                median = [errors[key].median for key in mine]
                axes.plot(x, median, ls="--", mfc="white", **look)
            axes.plot([], [], "o-", color="0.4", lw=1, label="RMS over jets")
            axes.plot([], [], "o--", color="0.4", mfc="white", lw=1, label="median over jets")
            cost_axis(axes, [evaluations[key] for key in errors if key[1] == jet_type])
            axes.set_yscale("log")
        baseline = study.labels[study.baseline]
        ylabel = f"Distance from {baseline}'s jets [standard deviations]"
        finish_panels(figure, panels, EVALUATIONS, ylabel)
    return figure
