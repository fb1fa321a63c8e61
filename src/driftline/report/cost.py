"""What sampling costs: RK45's evaluations against its tolerance, wall time against evaluations."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from driftline.network_samplers import BETWEEN
from driftline.report.panels import cost_axis, evaluations_label, plain_numbers, time_label
from driftline.report.series import series, settings
from driftline.report.style import CLASS_COLOURS, class_name, new_figure, style
from driftline.study.results import Row, Study

_LOOKS: tuple[dict[str, Any], ...] = (
    {"marker": "s"},
    {"marker": "s", "ls": "--", "mfc": "white", "lw": 1},
)
"""Of the last network, whose evaluations cost most, and of the one before it."""


def tolerance_figure(study: Study) -> Figure | None:
    """Evaluations of RK45, by each network, against its tolerance, by class.

    None of fewer than two tolerances.
    """
    rows = [row for row in study.rows if BETWEEN not in row.sampler]
    rows = [row for row in rows if settings(row.sampler)[0] == "rk45"]
    if len({_tolerance(row) for row in rows}) < 2:
        return None
    looks = dict(zip(reversed(study.networks), _LOOKS, strict=False))
    with style():
        figure = new_figure(6, 4.4)
        axes = figure.subplots()
        for event_type in study.types:
            mine = sorted((row for row in rows if row.event_type == event_type), key=_tolerance)
            colour = CLASS_COLOURS.get(event_type)
            name = class_name(event_type)
            for network, look in looks.items():
                y = [row.by_network[network] for row in mine]
                axes.plot([_tolerance(row) for row in mine], y, color=colour, **look)
            axes.plot([], [], "s-", color=colour, label=name)
        for network, look in looks.items() if len(looks) > 1 else ():
            axes.plot([], [], color="0.3", label=network, **look)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.invert_xaxis()
        axes.set_xlabel("Tolerance of RK45 (absolute = relative)")
        axes.set_ylabel(f"Evaluations per {study.events.one}")
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
        axes.set_xlabel(evaluations_label(study))
        axes.set_ylabel(time_label(study))
        threads = f"{study.machine.threads} thread{'s'[: study.machine.threads > 1]}"
        title = f"{study.machine.device}, {threads}"
        figure.legend(title=title, loc="outside right upper", fontsize=9)
    return figure


def _mean_cost(study: Study, sampler: str) -> tuple[float, float]:
    """Evaluations and seconds of a sampler, mean over classes."""
    mine = [row for row in study.rows if row.sampler == sampler]
    evaluations = np.mean([row.evaluations for row in mine])
    return float(evaluations), float(np.mean([row.seconds_per_1000 for row in mine]))
