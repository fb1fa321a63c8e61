"""Histograms of generated and simulated events above their ratio, with statistical errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from driftline.metrics.sample import Sample
from driftline.metrics.wasserstein import wasserstein
from driftline.report.style import GENERATED, POINTS, SIMULATED, new_figure, style

Array = NDArray[np.float64]

Values = tuple[Array, NDArray[np.int64]]
"""(n,) numbers and the event (n,) that each belongs to."""


@dataclass(frozen=True)
class Spectrum:
    """A histogram worth drawing.

    Attributes:
        label: of the axis, without the unit.
        unit: or empty.
        values: of a sample, and the events they belong to.
        log_x: bins of equal ratio.
        log_y: logarithmic counts.
        whole: the numbers are whole.
        per: what is counted.
        period: of numbers on a circle; None on a line.
    """

    label: str
    unit: str
    values: Callable[[Any], Values]
    log_x: bool = False
    log_y: bool = False
    whole: bool = False
    per: str = "Events"
    period: float | None = None

    @property
    def axis(self) -> str:
        """Label with unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    def edges(self, *samples: Array, bins: int = 40) -> Array:
        """Bin edges that hold all but the outermost 0.1% on either side."""
        low, high = np.quantile(np.concatenate(samples), [0.001, 0.999])
        if self.whole:
            step = max(1, round((high - low) / bins))
            return np.arange(np.floor(low) - 0.5, np.ceil(high) + step, step)
        if self.log_x:
            return np.geomspace(max(low, high * 1e-6), high, bins + 1)
        if high <= low:
            low, high = low - 0.5, high + 0.5
        return np.linspace(low, high, bins + 1)


@dataclass(frozen=True)
class Histogram:
    """Counts of two samples in the same bins, the generated ones scaled to equal numbers of events.

    Errors are those of sums over events: the particles of a jet, or the pixels of an image, are not
    independent.

    Attributes:
        edges: (K + 1,).
        simulated: (K,) counts of the reference.
        simulated_error: (K,) their standard errors.
        generated: (K,) scaled counts.
        generated_error: (K,) their standard errors.
        scale: events of the reference over generated events.
    """

    edges: Array
    simulated: Array
    simulated_error: Array
    generated: Array
    generated_error: Array
    scale: float

    @classmethod
    def of(
        cls,
        spectrum: Spectrum,
        generated: Sample,
        reference: Sample,
        edges: Array | None = None,
    ) -> "Histogram":
        """Histogram a spectrum of both samples, in bins of its own unless ``edges`` are given."""
        a, b = spectrum.values(generated), spectrum.values(reference)
        if edges is None:
            edges = spectrum.edges(a[0], b[0])
        scale = len(reference) / len(generated)
        made, made_error = _counts(*a, edges)
        return cls(edges, *_counts(*b, edges), scale * made, scale * made_error, scale)

    @property
    def ratio(self) -> tuple[Array, Array, Array]:
        """Generated over simulated, its error from the generated side, and the simulated side's.

        NaN where nothing was simulated.
        """
        below = np.where(self.simulated > 0, self.simulated, np.nan)
        return self.generated / below, self.generated_error / below, self.simulated_error / below

    @property
    def ratio_with_both_errors(self) -> tuple[Array, Array]:
        """Generated over simulated, with the errors of both sides added in quadrature."""
        ratio, error, reference_error = self.ratio
        return ratio, np.hypot(error, ratio * reference_error)

    def centres(self, spectrum: Spectrum) -> Array:
        """(K,) middles of the bins on the spectrum's scale."""
        low, high = self.edges[:-1], self.edges[1:]
        return np.sqrt(low * high) if spectrum.log_x else (low + high) / 2

    @property
    def chi2(self) -> tuple[float, int]:
        """Sum of squared pulls over bins with 10 counts or more on both sides, and their number."""
        used = (self.simulated >= 10) & (self.generated / self.scale >= 10)
        difference = (self.generated - self.simulated)[used]
        variance = (self.generated_error**2 + self.simulated_error**2)[used]
        return float((difference**2 / variance).sum()), int(used.sum())


def _counts(values: Array, owner: NDArray[np.int64], edges: Array) -> tuple[Array, Array]:
    """Counts a bin, and the root of the sum over events of the squared count of each."""
    bins = len(edges) - 1
    bin_of = np.searchsorted(edges, values, side="right") - 1
    inside = (bin_of >= 0) & (bin_of < bins)
    cells, counts = np.unique(owner[inside] * bins + bin_of[inside], return_counts=True)
    per_event = counts.astype(np.float64)
    total, squared = (
        np.bincount(cells % bins, x, minlength=bins) for x in (per_event, per_event**2)
    )
    return total.astype(np.float64), np.sqrt(squared)


def draw_spectrum(
    main: Axes,
    below: Axes,
    histogram: Histogram,
    spectrum: Spectrum,
) -> None:
    """Simulated as a filled histogram, generated as points, and the ratio of the two below."""
    edges = histogram.edges
    centres = histogram.centres(spectrum)
    mplhep.histplot(
        histogram.simulated,
        edges,
        ax=main,
        histtype="fill",
        color=SIMULATED,
        alpha=0.22,
        linewidth=0,
        label="Simulated",
    )
    mplhep.histplot(
        histogram.simulated, edges, ax=main, yerr=False, color=SIMULATED, lw=1, edges=False
    )
    main.errorbar(
        centres,
        histogram.generated,
        histogram.generated_error,
        label="Generated",
        color=GENERATED,
        **POINTS,
    )
    ratio, error, reference_error = histogram.ratio
    band = np.nan_to_num(reference_error, nan=0.0)
    below.fill_between(
        edges,
        np.append(1 - band, 1 - band[-1]),
        np.append(1 + band, 1 + band[-1]),
        step="post",
        color=SIMULATED,
        alpha=0.22,
        linewidth=0,
    )
    below.axhline(1, color=SIMULATED, lw=0.8)
    below.errorbar(centres, ratio, error, color=GENERATED, **POINTS)
    finish_axes(main, below, spectrum, edges)


def finish_axes(main: Axes, below: Axes, spectrum: Spectrum, edges: Array) -> None:
    """Scales, limits and labels of a spectrum and its ratio."""
    for axes in (main, below):
        axes.set_xscale("log" if spectrum.log_x else "linear")
        axes.set_xlim(edges[0], edges[-1])
    main.tick_params(labelbottom=False)
    if spectrum.log_y:
        main.set_yscale("log")
        low, high = main.get_ylim()
        main.set_ylim(low, high * 4)
    else:
        main.set_ylim(0, main.get_ylim()[1] * 1.25)
        main.ticklabel_format(axis="y", scilimits=(-3, 4))
    main.set_ylabel(f"{spectrum.per} a bin")
    below.set_ylim(0.4, 1.6)
    below.set_yticks([0.5, 1, 1.5])
    below.set_ylabel("Ratio", loc="center")
    below.set_xlabel(spectrum.axis)


def histograms_figure(
    spectra: Sequence[Spectrum], generated: Sample, reference: Sample, title: str, columns: int = 4
) -> Figure:
    """All spectra of a class: counts scaled to the reference, ratio below, errors statistical."""
    with style():
        rows = -(-len(spectra) // columns)
        figure = new_figure(3.6 * columns, 3.9 * rows)
        grid = figure.subplots(2 * rows, columns, height_ratios=[3, 1] * rows, squeeze=False)
        for k, spectrum in enumerate(spectra):
            row, column = divmod(k, columns)
            main, below = grid[2 * row][column], grid[2 * row + 1][column]
            histogram = Histogram.of(spectrum, generated, reference)
            draw_spectrum(main, below, histogram, spectrum)
            main.legend(title=_agreement(spectrum, histogram, generated, reference))
        for k in range(len(spectra), rows * columns):
            row, column = divmod(k, columns)
            for axes in (grid[2 * row][column], grid[2 * row + 1][column]):
                axes.axis("off")
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    return figure


def _agreement(
    spectrum: Spectrum, histogram: Histogram, generated: Sample, reference: Sample
) -> str:
    """Chi-square and W1, the latter where both sides have values."""
    chi2, bins = histogram.chi2
    a, b = (spectrum.values(side)[0] for side in (generated, reference))
    lines = [f"$\\chi^2$/bins {chi2:.0f}/{bins}"]
    if len(a) and len(b):
        unit = f" {spectrum.unit}" if spectrum.unit else ""
        lines.append(f"$W_1$ {wasserstein(a, b, spectrum.period):.2g}{unit}")
    return "\n".join(lines)
