"""Pictures of what was asked of events against what they show, beside the simulation."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from driftline.metrics.calibration import Closure, Response
from driftline.report.style import (
    GENERATED,
    POINTS,
    SIMULATED,
    class_name,
    new_figure,
    style,
)

NUMBERS = ("linearity", "resolution")
"""A row of panels each."""


def by_quantity(calibrations: Sequence[Closure]) -> dict[str, list[Closure]]:
    """The classes of each quantity, by its key."""
    keys = dict.fromkeys(found.key for found in calibrations)
    return {key: [found for found in calibrations if found.key == key] for key in keys}


def calibration_figures(calibrations: Sequence[Closure]) -> dict[str, Figure]:
    """A figure of each quantity, by its name as a file."""
    return {
        f"calibration_{key}": calibration_figure(found)
        for key, found in by_quantity(calibrations).items()
    }


def calibration_figure(calibrations: Sequence[Closure]) -> Figure:
    """Linearity above resolution, a column a class: generated points, the simulation as bands.

    Args:
        calibrations: of one quantity, one a class; at least one.
    """
    with style():
        figure = new_figure(2.5 * len(calibrations) + 1.2, 5.4)
        grid = figure.subplots(2, len(calibrations), sharex="col", sharey="row", squeeze=False)
        for column, found in zip(grid.T, calibrations, strict=True):
            for axes, number in zip(column, NUMBERS, strict=True):
                _draw(axes, found, number)
            column[0].set_title(class_name(found.event_type), loc="left")
            column[1].set_xlim(_range(found))
        grid[0][0].set_ylabel(calibrations[0].response, loc="center")
        grid[1][0].set_ylabel("Resolution", loc="center")
        for axes in (grid[0][0], grid[1][0]):
            low, high = axes.get_ylim()
            axes.set_ylim(low, high + 0.15 * (high - low))
        figure.supxlabel(f"Asked: {calibrations[0].axis}", fontsize=11)
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=2)
    return figure


def _range(found: Closure) -> tuple[float, float]:
    """Of the axis: where events were asked for, without the tails of the outermost bins."""
    asked = [b.generated.asked for b in found.bins if b.generated is not None]
    low, high = min(b.low for b in found.bins), max(b.high for b in found.bins)
    if len(asked) < 2:
        margin = 0.05 * abs(low) if low == high else 0.0
        return low - margin, high + margin
    margin = 0.15 * (max(asked) - min(asked))
    return max(low, min(asked) - margin), min(high, max(asked) + margin)


def _draw(axes: Axes, found: Closure, number: str) -> None:
    told = [b for b in found.bins if b.simulated]
    x, y, error = _points([b.simulated for b in told], number)
    for one, low, high in zip(told, y - error, y + error, strict=True):
        axes.fill_between([one.low, one.high], low, high, color=SIMULATED, alpha=0.25, lw=0)
    axes.plot(x, y, color=SIMULATED, lw=1, marker="_", ms=7, label="Simulated")
    x, y, error = _points([b.generated for b in found.bins], number)
    axes.errorbar(x, y, error, color=GENERATED, label="Generated", **POINTS)


def _points(responses: Sequence[Response | None], number: str) -> NDArray[np.float64]:
    """(3, n) asked value, number and its error of the bins that tell."""
    rows = [
        (found.asked, getattr(found, number), getattr(found, f"{number}_error"))
        for found in responses
        if found is not None
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 3).T
