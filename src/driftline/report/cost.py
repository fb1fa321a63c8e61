"""What sampling costs: RK45's evaluations against its tolerance, wall time against evaluations."""

import numpy as np
from matplotlib.figure import Figure

from driftline.report.panels import EVALUATIONS, TIME, cost_axis, plain_numbers
from driftline.report.series import series, settings
from driftline.report.style import CLASS_COLOURS, CLASS_NAMES, new_figure, style
from driftline.study.results import Row, Study
from driftline.two_level import BETWEEN


def tolerance_figure(study: Study) -> Figure | None:
    """Evaluations of RK45, at both levels, against its tolerance, by class; None without RK45."""
    rows = [row for row in study.rows if BETWEEN not in row.sampler]
    rows = [row for row in rows if settings(row.sampler)[0] == "rk45"]
    if not rows:
        return None
    with style():
        figure = new_figure(6, 4.4)
        axes = figure.subplots()
        for jet_type in study.types:
            mine = sorted(
                (_tolerance(row), row.particle_evaluations, row.jet_evaluations)
                for row in rows
                if row.jet_type == jet_type
            )
            tolerance, particle, jet = zip(*mine, strict=True)
            colour = CLASS_COLOURS.get(jet_type)
            name = CLASS_NAMES.get(jet_type, jet_type)
            axes.plot(tolerance, particle, "s-", color=colour, label=name)
            axes.plot(tolerance, jet, "s--", color=colour, mfc="white", lw=1)
        axes.plot([], [], "s-", color="0.3", label="particle level")
        axes.plot([], [], "s--", color="0.3", mfc="white", lw=1, label="jet level")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.invert_xaxis()
        axes.set_xlabel("Tolerance of RK45 (absolute = relative)")
        axes.set_ylabel("Evaluations per jet")
        axes.legend(ncols=2)
    return figure


def _tolerance(row: Row) -> float:
    return float(settings(row.sampler)[1]["tolerance"])


def time_figure(study: Study) -> Figure:
    """Wall time against evaluations, mean over classes."""
    with style():
        figure = new_figure(9, 4.4)
        axes = figure.subplots()
        for curve in series(study.rows):
            points = sorted(_mean_cost(study, sampler) for sampler in curve.samplers)
            x, y = zip(*points, strict=True)
            axes.plot(x, y, curve.marker, color=curve.colour, ls="-", lw=1, label=curve.name)
        cost_axis(axes, [row.evaluations for row in study.rows])
        axes.set_yscale("log")
        seconds = [row.seconds_per_1000 for row in study.rows]
        plain_numbers(axes.yaxis, max(seconds) / min(seconds))
        axes.set_xlabel(EVALUATIONS)
        axes.set_ylabel(TIME)
        threads = f"{study.machine.threads} thread{'s'[: study.machine.threads > 1]}"
        title = f"{study.machine.device}, {threads}"
        figure.legend(title=title, loc="outside right upper", fontsize=9)
    return figure


def _mean_cost(study: Study, sampler: str) -> tuple[float, float]:
    """Evaluations and seconds of a sampler, mean over classes."""
    mine = [row for row in study.rows if row.sampler == sampler]
    evaluations = np.mean([row.evaluations for row in mine])
    return float(evaluations), float(np.mean([row.seconds_per_1000 for row in mine]))
