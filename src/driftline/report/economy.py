"""Generation beside simulation: quality against speed, and what so many events cost."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from driftline.report.panels import cost_axis, plain_numbers
from driftline.report.series import series
from driftline.report.style import SIMULATED, new_figure, style
from driftline.study.economy import Economy
from driftline.study.economy_tables import in_floors
from driftline.study.results import Study

_DECADES = 3.0
"""To either side of the break-even."""


def economy_figure(study: Study) -> Figure | None:
    """Quality against speed, and cost against number of events; None if nothing was timed."""
    economy = study.economy
    if economy is None:
        return None
    with style():
        figure = new_figure(11, 4.4)
        left, right = figure.subplots(1, 2)
        _speed(left, study, economy)
        _total(right, study, economy)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", fontsize=9)
    return figure


def _speed(axes: Axes, study: Study, economy: Economy) -> None:
    """The worst headline metric in floors against the rate in units of the simulation's."""
    headline, simulated = study.events.headline, economy.simulation_cost()
    axes.axvline(1, color=SIMULATED, lw=1)
    axes.axhline(1, color=SIMULATED, lw=1)
    axes.plot(1, 1, "*", color=SIMULATED, ms=11, label="Simulation")
    speeds = [1.0]
    for curve in series(study.rows):
        for k, sampler in enumerate(curve.samplers):
            speed, speed_error = economy.generation_cost(sampler).times_faster(simulated)
            worst, worst_error = max(in_floors(study, sampler, m) for m in headline)
            speeds.append(speed)
            axes.errorbar(
                *(speed, worst, worst_error, speed_error),
                fmt=curve.marker,
                color=curve.colour,
                elinewidth=1,
                label=curve.name if k == 0 else None,
            )
    cost_axis(axes, speeds)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"{study.events.name.capitalize()}/s, times the simulation's")
    axes.set_ylabel("Worst W1 / its floor")


def _total(axes: Axes, study: Study, economy: Economy) -> None:
    """Hours of a thread against events; what came before the first one is where a line begins."""
    training, simulated = economy.training, economy.simulation_cost().seconds
    before = training.sample(economy.simulated) + (training.seconds or 0.0)
    pays = [b.events for b in economy.break_even.values() if b.events is not None]
    middle = np.log10(min(pays) if pays else max(sum(training.events.values()), 1))
    events = np.logspace(middle - _DECADES, middle + _DECADES / 2, 100)
    colours = {s: curve.colour for curve in series(study.rows) for s in curve.samplers}
    axes.plot(events, events * simulated / 3600, color=SIMULATED, lw=2)
    for sampler, found in economy.break_even.items():
        seconds = economy.generation_cost(sampler).seconds
        axes.plot(events, (before + events * seconds) / 3600, color=colours[sampler], lw=1)
        if found.events is not None:
            cost = found.events * simulated / 3600
            axes.plot(found.events, cost, "o", color=colours[sampler])
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_numbers(axes.yaxis, 1e3)
    axes.set_xlabel(f"{study.events.name.capitalize()} made")
    known = ", training not all known" if training.note else ""
    axes.set_ylabel(f"Processor time of a thread{known} [h]")
