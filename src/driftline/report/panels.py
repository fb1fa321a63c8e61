"""Figures with one panel a class, and axes of evaluations and time."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from driftline.report.style import class_name, new_figure
from driftline.study.results import Study

COLUMNS = 3


def evaluations_label(study: Study) -> str:
    """Of an axis of evaluations."""
    networks = f" ({' + '.join(study.networks)})" if len(study.networks) > 1 else ""
    return f"Evaluations per {study.events.one}{networks}"


def time_label(study: Study) -> str:
    """Of an axis of wall time."""
    return f"Wall time per 1,000 {study.events.name} [s]"


def class_panels(types: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """An empty figure and its panels, titled; at most three beside each other."""
    columns = min(len(types), COLUMNS)
    rows = -(-len(types) // columns)
    outside = 0 if columns * rows > len(types) else 3.0
    figure = new_figure(3.5 * columns + 0.4 + outside, 3.3 * rows + 0.5)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[len(types) :]:
        axes.axis("off")
    for axes, event_type in zip(grid, types, strict=False):
        axes.set_title(class_name(event_type), loc="left")
    return figure, grid[: len(types)]


def finish_panels(figure: Figure, panels: Sequence[Axes], x: str, y: str) -> None:
    """Labels of the whole figure, and the first panel's legend in a free place."""
    figure.supxlabel(x, fontsize=11)
    figure.supylabel(y, fontsize=11)
    handles, labels = panels[0].get_legend_handles_labels()
    free = figure.axes[len(panels) :]
    if free:
        free[0].legend(handles, labels, loc="upper left", fontsize=9)
    else:
        figure.legend(handles, labels, loc="outside right upper", fontsize=9)


def cost_axis(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic x axis with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 1.5, max(values) * 1.5)
    plain_numbers(axes.xaxis, max(values) / min(values))


def plain_numbers(axis: Axis, ratio: float) -> None:
    """Numbers of a logarithmic axis written out: at 1, 2, 5, or over wide ranges at 1 and 3."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if ratio < 50 else (1.0, 3.0)))
    axis.set_minor_locator(LogLocator(subs=range(2, 10)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
