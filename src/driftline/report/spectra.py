"""Spectra of generated and simulated jets above their ratio, with statistical errors."""

from collections.abc import Callable
from dataclasses import dataclass

import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from driftline.data.clouds import Jets
from driftline.metrics.observables import Sample, real_particles
from driftline.metrics.wasserstein import wasserstein
from driftline.report.style import CLASS_NAMES, GENERATED, SIMULATED, new_figure, style

Array = NDArray[np.float64]


def _particles(column: int) -> Callable[[Sample], Array]:
    return lambda sample: real_particles(sample.particles, sample.mask)[0][:, column]


def _particle_pt(sample: Sample) -> Array:
    values, owner = real_particles(sample.particles, sample.mask)
    return values[:, 2] * sample.pt[owner]


@dataclass(frozen=True)
class Spectrum:
    """A histogram worth drawing.

    Attributes:
        label: of the axis, without the unit.
        unit: or empty.
        values: of a sample.
        log_x: bins of equal ratio.
        log_y: logarithmic counts.
        whole: the numbers are whole.
        per: what is counted.
    """

    label: str
    unit: str
    values: Callable[[Sample], Array]
    log_x: bool = False
    log_y: bool = False
    whole: bool = False
    per: str = "Jets"

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


MASS = Spectrum("Jet mass", "GeV", lambda s: s.relative_mass * s.pt)
PARTICLE_PT = Spectrum(
    "Particle $p_T$", "GeV", _particle_pt, log_x=True, log_y=True, per="Particles"
)

SPECTRA = (
    MASS,
    Spectrum("Jet $p_T$", "GeV", lambda s: s.pt),
    Spectrum("Multiplicity", "", lambda s: s.multiplicity, whole=True),
    Spectrum(r"Jet $\eta$", "", lambda s: s.features[:, 1].astype(np.float64)),
    PARTICLE_PT,
    Spectrum(r"Particle $\eta^{rel}$", "", _particles(0), log_y=True, per="Particles"),
    Spectrum(r"Particle $\phi^{rel}$", "", _particles(1), log_y=True, per="Particles"),
    Spectrum(r"$\tau_{21}$", "", lambda s: s.tau21),
)
"""Mass is that of the (at most 30) massless particles; pT and eta are the jet-level model's."""


@dataclass(frozen=True)
class Histogram:
    """Counts of two samples in the same bins, scaled to equal totals.

    Attributes:
        edges: (K + 1,).
        simulated: (K,) counts of the reference.
        generated: (K,) counts times ``scale``.
        scale: jets of the reference over generated jets.
    """

    edges: Array
    simulated: Array
    generated: Array
    scale: float

    @classmethod
    def of(
        cls, spectrum: Spectrum, generated: Sample, reference: Sample, bins: int = 40
    ) -> "Histogram":
        """Histogram a spectrum of both samples."""
        a, b = spectrum.values(generated), spectrum.values(reference)
        edges = spectrum.edges(a, b, bins=bins)
        scale = len(reference) / len(generated)
        counts_a, counts_b = (np.histogram(x, edges)[0].astype(np.float64) for x in (a, b))
        return cls(edges, counts_b, counts_a * scale, scale)

    @property
    def generated_error(self) -> Array:
        """(K,) Poisson errors of ``generated``."""
        return np.sqrt(self.generated * self.scale)

    @property
    def simulated_error(self) -> Array:
        """(K,) Poisson errors of ``simulated``."""
        return np.sqrt(self.simulated)

    @property
    def ratio(self) -> tuple[Array, Array, Array]:
        """Generated over simulated, its error from the generated side, and the simulated side's.

        NaN where nothing was simulated.
        """
        below = np.where(self.simulated > 0, self.simulated, np.nan)
        return self.generated / below, self.generated_error / below, self.simulated_error / below

    @property
    def chi2(self) -> tuple[float, int]:
        """Sum of squared pulls over bins with at least 10 counts on both sides, and their number."""
        used = (self.simulated >= 10) & (self.generated / self.scale >= 10)
        difference = (self.generated - self.simulated)[used]
        variance = (self.generated_error**2 + self.simulated_error**2)[used]
        return float((difference**2 / variance).sum()), int(used.sum())


def draw_spectrum(
    main: Axes,
    below: Axes,
    histogram: Histogram,
    spectrum: Spectrum,
    *,
    generated: str = GENERATED,
    simulated: str = SIMULATED,
    labels: tuple[str, str] = ("Generated", "Simulated"),
) -> None:
    """Simulated as a filled histogram, generated as points, and the ratio of the two below."""
    edges = histogram.edges
    centres = np.sqrt(edges[1:] * edges[:-1]) if spectrum.log_x else (edges[1:] + edges[:-1]) / 2
    fill = {"histtype": "fill", "color": simulated, "alpha": 0.22, "linewidth": 0}
    mplhep.histplot(histogram.simulated, edges, ax=main, label=labels[1], **fill)
    mplhep.histplot(
        histogram.simulated, edges, ax=main, yerr=False, color=simulated, lw=1, edges=False
    )
    points = {"fmt": "o", "ms": 2.8, "lw": 0, "elinewidth": 1, "color": generated}
    main.errorbar(
        centres, histogram.generated, histogram.generated_error, label=labels[0], **points
    )
    ratio, error, reference_error = histogram.ratio
    band = np.nan_to_num(reference_error, nan=0.0)
    below.fill_between(
        edges,
        np.append(1 - band, 1 - band[-1]),
        np.append(1 + band, 1 + band[-1]),
        step="post",
        color=simulated,
        alpha=0.22,
        linewidth=0,
    )
    below.axhline(1, color=simulated, lw=0.8)
    below.errorbar(centres, ratio, error, **points)
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
        main.set_ylim(max(low, 0.5), high * 4)
    else:
        main.set_ylim(0, main.get_ylim()[1] * 1.25)
        main.ticklabel_format(axis="y", scilimits=(-3, 4))
    main.set_ylabel(f"{spectrum.per} a bin")
    below.set_ylim(0.55, 1.45)
    below.set_yticks([0.75, 1, 1.25])
    below.set_ylabel("Ratio", loc="center")
    below.set_xlabel(spectrum.axis)


def spectra_figure(generated: Jets, reference: Jets, jet_type: str) -> Figure:
    """All spectra of a class: counts scaled to the reference, ratio below, errors statistical."""
    a, b = Sample(generated.of_type(jet_type)), Sample(reference.of_type(jet_type))
    with style():
        columns = 4
        rows = -(-len(SPECTRA) // columns)
        figure = new_figure(3.6 * columns, 3.9 * rows)
        grid = figure.subplots(2 * rows, columns, height_ratios=[3, 1] * rows, squeeze=False)
        for k, spectrum in enumerate(SPECTRA):
            row, column = divmod(k, columns)
            main, below = grid[2 * row][column], grid[2 * row + 1][column]
            histogram = Histogram.of(spectrum, a, b)
            draw_spectrum(main, below, histogram, spectrum)
            chi2, bins = histogram.chi2
            distance = wasserstein(spectrum.values(a), spectrum.values(b))
            unit = f" {spectrum.unit}" if spectrum.unit else ""
            main.legend(title=f"$\\chi^2$/bins {chi2:.0f}/{bins}\n$W_1$ {distance:.2g}{unit}")
        figure.suptitle(
            f"{CLASS_NAMES.get(jet_type, jet_type)}: {len(a):,} generated, {len(b):,} simulated "
            "jets",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
    return figure
