"""A study in pictures: quality against evaluations, RK45's evaluations, wall time."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from driftline.diffusion.samplers import ProbabilityFlowRK45, parse
from driftline.report.style import CLASS_COLOURS, CLASS_NAMES, FLOOR, new_figure, style
from driftline.study.results import Row, Study
from driftline.study.tables import NAMES, UNITS

WIDE = 15
"""Ratio of the largest to the smallest value above which an axis is logarithmic."""

EVALUATIONS = "Evaluations of the particle network per jet"


@dataclass(frozen=True)
class Family:
    """How the samplers of a kind are drawn."""

    name: str
    colour: str
    marker: str


FAMILIES = {
    "rk45": Family("RK45, tolerance 1e-3 to 1e-5", "#000000", "s"),
    "em": Family("Euler-Maruyama", "#e69f00", "^"),
    "pc": Family("Predictor-corrector", "#009e73", "D"),
    "poster-pc": Family("Predictor-corrector, poster's code", "#cc79a7", "X"),
    "dpm": Family("DPM-Solver++(2M)", "#0072b2", "o"),
}
_OTHER = Family("other", "#7f7f7f", "v")


def _family(row: Row) -> str:
    return row.sampler.partition(":")[0]


def metric_axis(metric: str) -> str:
    """Label of a metric's axis, with its unit."""
    return f"{NAMES[metric]} [$10^{{{UNITS[metric]:.0e}}}$]".replace("1e-0", "-")


def draw_quality(axes: Axes, study: Study, jet_type: str, metric: str) -> None:
    """A metric of one class against evaluations, with errors, above the band of the floor."""
    unit = UNITS[metric]
    floor = study.floor(jet_type).scores[metric]
    axes.axhspan(
        (floor.value - floor.error) / unit,
        (floor.value + floor.error) / unit,
        color=FLOOR,
        alpha=0.6,
        lw=0,
        label="Simulation against itself",
    )
    rows = [row for row in study.rows if row.jet_type == jet_type]
    for name in dict.fromkeys(map(_family, rows)):
        family = FAMILIES.get(name, _OTHER)
        mine = sorted(
            (row for row in rows if _family(row) == name), key=lambda r: r.particle_evaluations
        )
        axes.errorbar(
            [row.particle_evaluations for row in mine],
            [row.scores[metric].value / unit for row in mine],
            [row.scores[metric].error / unit for row in mine],
            fmt=family.marker,
            color=family.colour,
            ls="-" if len(mine) > 1 else "",
            lw=1,
            elinewidth=1.2,
            capsize=2,
            label=family.name,
        )
    evaluations_axis(axes, rows)
    values = [floor.value, *(row.scores[metric].value for row in rows)]
    if max(values) > WIDE * min(values):
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def evaluations_axis(axes: Axes, rows: list[Row]) -> None:
    """A logarithmic axis with plain numbers at 1, 2, 5."""
    numbers = [row.particle_evaluations for row in rows]
    axes.set_xscale("log")
    axes.set_xlim(min(numbers) / 1.5, max(numbers) * 1.5)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())


def quality_figure(study: Study, metric: str) -> Figure:
    """A metric against evaluations: one panel a class."""
    with style():
        figure = new_figure(3.3 * len(study.types) + 3.2, 3.9)
        panels = figure.subplots(1, len(study.types), squeeze=False)[0]
        for axes, jet_type in zip(panels, study.types, strict=True):
            draw_quality(axes, study, jet_type, metric)
            axes.set_title(CLASS_NAMES.get(jet_type, jet_type), loc="left")
        panels[0].set_ylabel(metric_axis(metric))
        panels[-1].set_xlabel(EVALUATIONS)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def tolerance_figure(study: Study) -> Figure | None:
    """Evaluations of RK45 against its tolerance, one line a class; None without RK45."""
    rows = [row for row in study.rows if isinstance(parse(row.sampler), ProbabilityFlowRK45)]
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
    sampler = parse(row.sampler)
    assert isinstance(sampler, ProbabilityFlowRK45)
    return sampler.tolerance


def time_figure(study: Study) -> Figure:
    """Wall time against evaluations, mean over classes."""
    with style():
        figure = new_figure(6, 4.4)
        axes = figure.subplots()
        for name in dict.fromkeys(map(_family, study.rows)):
            family = FAMILIES.get(name, _OTHER)
            mine = [row for row in study.rows if _family(row) == name]
            points = sorted(
                (
                    np.mean([row.particle_evaluations for row in mine if row.sampler == sampler]),
                    np.mean([row.seconds_per_1000 for row in mine if row.sampler == sampler]),
                )
                for sampler in {row.sampler for row in mine}
            )
            x, y = zip(*points, strict=True)
            axes.plot(x, y, family.marker, color=family.colour, ls="-", lw=1, label=family.name)
        evaluations_axis(axes, study.rows)
        axes.set_yscale("log")
        axes.set_xlabel(EVALUATIONS)
        axes.set_ylabel("Wall time per 1,000 jets [s]")
        threads = f"{study.machine.threads} thread{'s'[: study.machine.threads > 1]}"
        axes.legend(title=f"{study.machine.device}, {threads}", loc="upper left")
    return figure


def difference_figure(study: Study) -> Figure | None:
    """Paired differences to the baseline, in units of the margin; None without another sampler."""
    if not study.verdicts:
        return None
    samplers = [s for s in study.labels if s != study.baseline]
    metrics = list(NAMES)
    with style():
        figure = new_figure(3.2 * len(metrics) + 2.2, 0.42 * len(samplers) + 2.0)
        panels = figure.subplots(1, len(metrics), sharey=True)
        for axes, metric in zip(panels, metrics, strict=True):
            axes.axvspan(-100, 1, color="#009e73", alpha=0.10, lw=0)
            axes.axvline(0, color="0.4", lw=0.8)
            axes.axvline(1, color="#009e73", lw=1)
            for k, sampler in enumerate(samplers):
                found = [v for v in study.verdicts if (v.sampler, v.metric) == (sampler, metric)]
                for j, verdict in enumerate(found):
                    y = -k + 0.3 - 0.6 * (j + 0.5) / len(found)
                    value, lower, upper = (
                        x / verdict.margin
                        for x in (verdict.difference, verdict.lower, verdict.upper)
                    )
                    colour = CLASS_COLOURS.get(verdict.jet_type)
                    axes.plot([lower, upper], [y, y], color=colour, lw=1.4)
                    axes.plot(value, y, "o", color=colour, ms=3.5)
            axes.set_xscale("symlog", linthresh=2)
            axes.set_title(NAMES[metric], loc="left")
            axes.set_xlim(-6, 60)
            axes.set_xticks([-5, -1, 0, 1, 2, 5, 10, 50])
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_formatter(NullFormatter())
        panels[0].set_yticks(
            [-k for k in range(len(samplers))], [study.labels[s] for s in samplers]
        )
        panels[0].set_ylim(-len(samplers) + 0.5, 0.5)
        for axes in panels:
            axes.tick_params(axis="y", which="minor", left=False, right=False)
        for jet_type in study.types:
            name = CLASS_NAMES.get(jet_type, jet_type)
            panels[0].plot([], [], "o-", color=CLASS_COLOURS.get(jet_type), label=name, ms=3.5)
        figure.legend(loc="outside upper right", ncols=len(study.types))
        figure.supxlabel(
            f"(W1 - W1 of {study.labels[study.baseline]}) / margin, two-sided 90%; "
            "shaded: non-inferior",
            fontsize=11,
        )
    return figure
