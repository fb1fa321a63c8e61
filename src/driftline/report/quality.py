"""Quality against what it costs, and the front of samplers that no other one beats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from driftline.metrics.metric import Wasserstein
from driftline.metrics.scores import unit_factor
from driftline.report.panels import (
    class_panels,
    cost_axis,
    evaluations_label,
    finish_panels,
    plain_numbers,
    time_label,
)
from driftline.report.series import series
from driftline.report.style import FLOOR, style
from driftline.study.results import Floor, Row, Study
from driftline.study.tables import metric_names

WIDE = 15
"""Ratio of the largest to the smallest value above which an axis is logarithmic."""


@dataclass(frozen=True)
class Cost:
    """What a figure shows quality against.

    Attributes:
        label: of the axis, for a study.
        of: the cost of a row.
    """

    label: Callable[[Study], str]
    of: Callable[[Row], float]


BY_EVALUATIONS = Cost(evaluations_label, lambda row: row.evaluations)
BY_TIME = Cost(time_label, lambda row: row.seconds_per_1000)


def metric_axis(metric: Wasserstein) -> str:
    """Label of a metric's axis, with its unit."""
    unit = f"$10^{{{metric.unit[2:]}}}$" if metric.unit.startswith("1e") else metric.unit
    return f"{metric.label} [{unit}]" if unit else metric.label


def draw_quality(
    axes: Axes, study: Study, event_type: str, metric: Wasserstein, cost: Cost = BY_EVALUATIONS
) -> None:
    """A metric of one class against cost, with errors, above the band of the floor."""
    unit = unit_factor(metric.unit)
    floor = study.floor(event_type).scores[metric.name]
    axes.axhspan(
        (floor.value - floor.error) / unit,
        (floor.value + floor.error) / unit,
        color=FLOOR,
        alpha=0.6,
        lw=0,
        label="Simulation against itself",
    )
    rows = [row for row in study.rows if row.event_type == event_type]
    for curve in series(study.rows):
        mine = sorted((row for row in rows if row.sampler in curve.samplers), key=cost.of)
        axes.errorbar(
            [cost.of(row) for row in mine],
            [row.scores[metric.name].value / unit for row in mine],
            [row.scores[metric.name].error / unit for row in mine],
            fmt=curve.marker,
            color=curve.colour,
            ls="-" if len(mine) > 1 else "",
            lw=1,
            elinewidth=1.2,
            capsize=2,
            label=curve.name,
        )
    cost_axis(axes, [cost.of(row) for row in rows])
    values = [floor.value, *(row.scores[metric.name].value for row in rows)]
    if max(values) > WIDE * min(values):
        axes.set_yscale("log")
        plain_numbers(axes.yaxis, max(values) / min(values))
    else:
        axes.set_ylim(bottom=0)


def quality_figure(study: Study, metric: Wasserstein, cost: Cost = BY_EVALUATIONS) -> Figure:
    """A metric against cost: one panel a class."""
    with style():
        figure, panels = class_panels(study.types)
        for axes, event_type in zip(panels, study.types, strict=True):
            draw_quality(axes, study, event_type, metric, cost)
        finish_panels(figure, panels, cost.label(study), metric_axis(metric))
    return figure


def in_floors(row: Row, floor: Floor, headline: Sequence[str]) -> tuple[float, float]:
    """The headline metric that is the most floors away from the truth, and its error, in floors.

    The largest and not the mean: unlike metrics are not averaged.
    """
    return max(floor.ratio(metric, row.scores[metric]) for metric in headline)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points that no other one beats, by first coordinate.

    Args:
        points: cost and loss of each. One beats another if it is not worse in either and better in
            one of them; of equal points the first one stays.
    """
    order = sorted(range(len(points)), key=lambda k: points[k])
    kept: list[int] = []
    for k in order:
        if not kept or points[k][1] < points[kept[-1]][1]:
            kept.append(k)
    return kept


def pareto_figure(study: Study, cost: Cost = BY_EVALUATIONS) -> Figure:
    """The worst headline metric in floors against cost; unbeaten samplers are joined and named."""
    with style():
        figure, panels = class_panels(study.types)
        for axes, event_type in zip(panels, study.types, strict=True):
            rows = [row for row in study.rows if row.event_type == event_type]
            headline = study.events.headline
            losses = {
                row.sampler: in_floors(row, study.floor(event_type), headline) for row in rows
            }
            points = [(cost.of(row), losses[row.sampler][0]) for row in rows]
            unbeaten = front(points)
            axes.plot(*zip(*[points[k] for k in unbeaten]), color="0.55", lw=3, alpha=0.5, zorder=0)
            for curve in series(study.rows):
                mine = [row for row in rows if row.sampler in curve.samplers]
                axes.errorbar(
                    [cost.of(row) for row in mine],
                    [losses[row.sampler][0] for row in mine],
                    [losses[row.sampler][1] for row in mine],
                    fmt=curve.marker,
                    color=curve.colour,
                    ls="",
                    elinewidth=1,
                    label=curve.name,
                )
            _loss_axis(axes, [loss for loss, _ in losses.values()], len(unbeaten))
            cost_axis(axes, [cost.of(row) for row in rows])
            _name(axes, [(rows[k].label, points[k]) for k in unbeaten])
        finish_panels(
            figure, panels, cost.label(study), f"Worst of {metric_names(study)} / its floor"
        )
    return figure


def _loss_axis(axes: Axes, losses: Sequence[float], names: int) -> None:
    """Logarithmic, with room below the points for the names of the front."""
    axes.axhline(1, color="0.5", lw=1, ls="--", label="Simulation against itself")
    axes.set_yscale("log")
    low, high = min(1.0, *losses) / 1.3, max(1.0, *losses) * 1.4
    room = 0.05 + 0.06 * names
    axes.set_ylim(low / (high / low) ** (room / (1 - room)), high)
    plain_numbers(axes.yaxis, high / low)


def _name(axes: Axes, front: Sequence[tuple[str, tuple[float, float]]]) -> None:
    """Numbers at the points of the front, and what they stand for in the lower right corner."""
    for number, (_, point) in enumerate(front, 1):
        axes.annotate(
            str(number), point, (0, -6), textcoords="offset points", ha="center", va="top", size=8
        )
    names = "\n".join(f"{number}  {label}" for number, (label, _) in enumerate(front, 1))
    axes.text(
        0.97,
        0.03,
        names,
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        multialignment="left",
        fontsize=8,
    )
