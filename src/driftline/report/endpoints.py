"""The solvers' own errors against evaluations: events at equal noise, sampler against baseline."""

from typing import Any

from matplotlib.figure import Figure

from driftline.report.panels import class_panels, cost_axis, evaluations_label, finish_panels
from driftline.report.series import series
from driftline.report.style import style
from driftline.study.results import Study


def endpoint_figure(study: Study) -> Figure | None:
    """RMS (filled, solid) and median (open, dashed) of the distance; None if there is no error.

    A few events that end in another mode dominate the RMS and leave the median alone.
    """
    if not study.endpoints:
        return None
    evaluations = {(r.sampler, r.event_type): r.evaluations for r in study.rows}
    errors = {(e.sampler, e.event_type): e for e in study.endpoints}
    events = study.events.name
    with style():
        figure, panels = class_panels(study.types)
        for axes, event_type in zip(panels, study.types, strict=True):
            for curve in series(study.rows):
                mine = [(s, event_type) for s in curve.samplers if (s, event_type) in errors]
                if not mine:
                    continue
                mine.sort(key=evaluations.__getitem__)
                x = [evaluations[key] for key in mine]
                look: dict[str, Any] = {"color": curve.colour, "marker": curve.marker, "lw": 1}
                axes.plot(x, [errors[key].rms for key in mine], label=curve.name, **look)
                median = [errors[key].median for key in mine]
                axes.plot(x, median, ls="--", mfc="white", **look)
            axes.plot([], [], "o-", color="0.4", lw=1, label=f"RMS over {events}")
            axes.plot([], [], "o--", color="0.4", mfc="white", lw=1, label=f"median over {events}")
            cost_axis(axes, [evaluations[key] for key in errors if key[1] == event_type])
            axes.set_yscale("log")
        baseline = study.labels[study.baseline]
        ylabel = f"Distance from {baseline}'s {events} [standard deviations]"
        finish_panels(figure, panels, evaluations_label(study), ylabel)
    return figure
