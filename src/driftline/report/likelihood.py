"""Pictures of log-likelihoods: their spectra, and what is found by ranking events by them."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from driftline.likelihood_table import LikelihoodTable
from driftline.report.style import CLASS_COLOURS, class_name, new_figure, style

_BINS = 40

_TAIL = 0.5
"""Per cent of the events of all classes beyond either end of an axis."""


def likelihood_figure(table: LikelihoodTable) -> Figure:
    """Spectra of -ln p of each network and of both, and of bits per dimension; a line a class."""
    scores = table.scores
    with style():
        figure = new_figure(3.1 * len(scores) + 0.6, 3.4)
        grid = figure.subplots(1, len(scores), squeeze=False)[0]
        for axes, (name, values) in zip(grid, scores.items(), strict=True):
            low, high = np.percentile(values, [_TAIL, 100 - _TAIL])
            bins = np.linspace(low, high, _BINS + 1) if high > low else _BINS
            for event_type in table.present:
                own = values[table.types == event_type]
                axes.hist(
                    own,
                    bins=bins,
                    weights=np.full(len(own), 1 / len(own)),
                    histtype="step",
                    color=CLASS_COLOURS.get(event_type, "0.3"),
                    label=class_name(event_type),
                )
            axes.set_xlabel(_axis(name))
            axes.set_ylim(bottom=0)
        grid[0].set_ylabel("Fraction of events")
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return figure


def roc_figure(table: LikelihoodTable) -> Figure | None:
    """Events found against background taken for them, a panel a class, a line a score.

    None where not all events were judged as one class that is among them.
    """
    background = table.background
    if background is None:
        return None
    signals = table.signals
    with style():
        figure = new_figure(4.2 * len(signals) + 0.4, 4.4)
        grid = figure.subplots(1, len(signals), squeeze=False)[0]
        for axes, signal in zip(grid, signals, strict=True):
            chosen = np.isin(table.types, [signal, background])
            for name, values in table.scores.items():
                false, true, _ = roc_curve(table.types[chosen] == signal, values[chosen])
                axes.plot(false, true, label=f"{name[0].upper()}{name[1:]}")
            axes.plot([0, 1], [0, 1], color="grey", ls=":", label="Chance")
            axes.set(xlim=(0, 1), ylim=(0, 1))
            axes.set_xlabel(f"{_class(background)} taken for it")
            axes.set_ylabel(f"{_class(signal)} found")
        grid[-1].legend(loc="lower right")
    return figure


def _class(event_type: str) -> str:
    name = class_name(event_type)
    return f"{name[0].upper()}{name[1:]}"


def _axis(score: str) -> str:
    return score.capitalize() if score.startswith("bits") else f"$-\\ln p$, {score} [nats]"
