"""Paired differences to the baseline: what the verdicts are made of."""

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from driftline.report.style import CLASS_COLOURS, class_name, new_figure, style
from driftline.study.results import Study

MOST = 55.0
"""Margins at the right edge."""


def difference_figure(study: Study) -> Figure | None:
    """Paired differences to the baseline, in units of the margin; None without another sampler."""
    if not study.verdicts:
        return None
    samplers = [s for s in study.labels if s != study.baseline]
    metrics = study.events.headline_metrics
    with style():
        figure = new_figure(3.2 * len(metrics) + 2.2, 0.42 * len(samplers) + 2.0)
        panels = figure.subplots(1, len(metrics), sharey=True)
        for axes, metric in zip(panels, metrics, strict=True):
            axes.axvspan(-100, 1, color="#009e73", alpha=0.10, lw=0)
            axes.axvline(0, color="0.4", lw=0.8)
            axes.axvline(1, color="#009e73", lw=1)
            for k, sampler in enumerate(samplers):
                found = [
                    v for v in study.verdicts if (v.sampler, v.metric) == (sampler, metric.name)
                ]
                for j, verdict in enumerate(found):
                    y = -k + 0.3 - 0.6 * (j + 0.5) / len(found)
                    value, lower, upper = (
                        x / verdict.margin
                        for x in (verdict.difference, verdict.lower, verdict.upper)
                    )
                    colour = CLASS_COLOURS.get(verdict.event_type)
                    axes.plot([lower, upper], [y, y], color=colour, lw=1.4)
                    outside = value > MOST
                    axes.plot(min(value, MOST), y, ">" if outside else "o", color=colour, ms=3.5)
            axes.set_xscale("symlog", linthresh=2)
            axes.set_title(metric.label, loc="left")
            axes.set_xlim(-6, 60)  # further ones are arrows at the edge
            axes.set_xticks([-5, -1, 0, 1, 2, 5, 10, 50])
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_formatter(NullFormatter())
        panels[0].set_yticks(
            [-k for k in range(len(samplers))], [study.labels[s] for s in samplers]
        )
        panels[0].set_ylim(-len(samplers) + 0.5, 0.5)
        for axes in panels:
            axes.tick_params(axis="y", which="minor", left=False, right=False)
        for event_type in study.types:
            name = class_name(event_type)
            panels[0].plot([], [], "o-", color=CLASS_COLOURS.get(event_type), label=name, ms=3.5)
        figure.legend(loc="outside upper right", ncols=len(study.types))
        figure.supxlabel(
            f"(W1 - W1 of {study.labels[study.baseline]}) / margin, two-sided 90%; "
            "shaded: non-inferior",
            fontsize=11,
        )
    return figure
