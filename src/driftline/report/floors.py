r"""How far a generated sample is from the truth, in units of what truth itself reaches.

A distance :math:`d` with floor :math:`f \pm \sigma` counts :math:`|d| / \max(|f|, \sigma)` floors:
unbiased estimates have floors about zero, below their own error. The classifier's AUC is taken from
0.5; coverage, which is to be large, counts :math:`f / d`.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from driftline.metrics.kinds import kind_named
from driftline.metrics.scores import Evaluation, Score
from driftline.report.panels import plain_numbers
from driftline.report.style import CLASS_COLOURS, POINTS, class_name, new_figure, style

GOALS = {"auc": 0.5}
"""What a perfect sample gives, where that is not zero."""

LARGE_IS_GOOD = frozenset({"cov"})

_NEAREST = 0.02
"""Floors at which what is nearer to the truth is drawn; scores may be zero."""

BOUND = 2.0
"""Floors within which a metric counts as good."""


@dataclass(frozen=True)
class Ratio:
    """Floors from the truth.

    Attributes:
        value: 1 for a sample that is as good as truth.
        error: standard error of the score, in floors.
        significance: by how many standard errors, of score and floor together, the bound is
            exceeded; negative within it.
    """

    value: float
    error: float
    significance: float

    @property
    def within(self) -> bool:
        """Whether it is within the bound."""
        return self.value <= BOUND

    @property
    def beyond(self) -> bool:
        """Whether it is beyond the bound by more than two standard errors."""
        return self.significance > 2.0

    def __str__(self) -> str:
        digits = min(2, max(0, 1 - math.floor(math.log10(max(self.error, 1e-9)))))
        return f"{self.value:,.{digits}f} ± {self.error:,.{digits}f}"


def in_floors(score: Score) -> Ratio:
    """A score in units of its floor, or of its error where truth against truth gave zero."""
    goal = GOALS.get(score.key, 0.0)
    value, error = abs(score.value - goal), score.error
    floor, floor_error = max(abs(score.floor - goal), score.floor_error), score.floor_error
    if score.key in LARGE_IS_GOOD:
        value, floor, error, floor_error = floor, value, floor_error, error
    floor = max(floor or error, sys.float_info.min)
    spread = max(math.hypot(error, BOUND * floor_error), sys.float_info.min)
    return Ratio(value / floor, error / floor, (value - BOUND * floor) / spread)


def main_keys(evaluation: Evaluation) -> list[str]:
    """The metrics themselves, without their components and other conventions; worst first."""
    names = {metric.name for metric in kind_named(evaluation.kind).metrics}
    keys = list(dict.fromkeys(score.key for score in evaluation.scores))
    main = [
        key
        for key in keys
        if key in names or not any(key.startswith(f"{other}_") for other in keys)
    ]
    worst = {key: max(r.value for r in ratios(evaluation, key).values()) for key in main}
    return sorted(main, key=worst.__getitem__, reverse=True)


def ratios(evaluation: Evaluation, key: str) -> dict[str, Ratio]:
    """A metric in floors, class by class."""
    return {s.event_type: in_floors(s) for s in evaluation.scores if s.key == key}


def floors_figure(evaluation: Evaluation, keys: Sequence[str]) -> Figure:
    """Metrics in floors, one line each, a point a class; shaded: within the bound."""
    labels = {score.key: score.label for score in evaluation.scores}
    types = list(dict.fromkeys(score.event_type for score in evaluation.scores))
    with style():
        figure = new_figure(9, 0.42 * len(keys) + 1.6)
        axes = figure.subplots()
        axes.axvspan(1e-6, BOUND, color="#009e73", alpha=0.10, lw=0)
        axes.axvline(1, color="0.4", lw=1, ls="--")
        everything = []
        for row, key in enumerate(keys):
            found = ratios(evaluation, key)
            for k, (event_type, ratio) in enumerate(found.items()):
                y = -row + 0.3 - 0.6 * (k + 0.5) / len(found)
                colour = CLASS_COLOURS.get(event_type, "0.3")
                x = max(ratio.value, _NEAREST)
                everything.append(x)
                axes.errorbar(x, y, xerr=ratio.error, color=colour, **POINTS)
        for event_type in types:
            name = class_name(event_type)
            axes.errorbar([], [], color=CLASS_COLOURS.get(event_type, "0.3"), label=name, **POINTS)
        axes.set_xscale("log")
        low, high = min(0.5, *everything) / 1.5, max(3.0, *everything) * 1.5
        axes.set_xlim(low, high)
        plain_numbers(axes.xaxis, high / low)
        axes.set_yticks([-k for k in range(len(keys))], [labels[key] for key in keys])
        axes.tick_params(axis="y", which="minor", left=False, right=False)
        axes.set_ylim(-len(keys) + 0.5, 0.5)
        axes.set_xlabel("Distance from the truth / floor")
        figure.legend(loc="outside upper right", ncols=len(types))
    return figure
