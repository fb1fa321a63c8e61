"""Spectra of generated and simulated jets above their ratio, with statistical errors."""

from collections.abc import Callable
from dataclasses import dataclass

import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from driftline.data.clouds import Jets
from driftline.metrics.jet_observables import JetSample, real_particles
from driftline.metrics.wasserstein import wasserstein
from driftline.report.style import CLASS_NAMES, GENERATED, POINTS, SIMULATED, new_figure, style

Array = NDArray[np.float64]


Values = tuple[Array, NDArray[np.int64]]
"""(n,) numbers and the jet (n,) that each belongs to."""


def _jets(observable: Callable[[JetSample], Array]) -> Callable[[JetSample], Values]:
    return lambda sample: (observable(sample), np.arange(len(sample)))


def _particles(column: int) -> Callable[[JetSample], Values]:
    def values(sample: JetSample) -> Values:
        features, owner = real_particles(sample.particles, sample.mask)
        return features[:, column], owner

    return values


def _particle_pt(sample: JetSample) -> Values:
    ptrel, owner = _particles(2)(sample)
    return ptrel * sample.pt[owner], owner


@dataclass(frozen=True)
class Spectrum:
    """A histogram worth drawing.

    Attributes:
        label: of the axis, without the unit.
        unit: or empty.
        values: of a sample, and the jets they belong to.
        log_x: bins of equal ratio.
        log_y: logarithmic counts.
        whole: the numbers are whole.
        per: what is counted.
    """

    label: str
    unit: str
    values: Callable[[JetSample], Values]
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


MASS = Spectrum("Jet mass", "GeV", _jets(lambda s: s.relative_mass * s.pt))
PARTICLE_PT = Spectrum(
    "Particle $p_T$", "GeV", _particle_pt, log_x=True, log_y=True, per="Particles"
)

SPECTRA = (
    MASS,
    Spectrum("Jet $p_T$", "GeV", _jets(lambda s: s.pt)),
    Spectrum("Multiplicity", "", _jets(lambda s: s.multiplicity), log_y=True, whole=True),
    Spectrum(r"Jet $\eta$", "", _jets(lambda s: s.features[:, 1].astype(np.float64))),
    PARTICLE_PT,
    Spectrum(r"Particle $\eta^{rel}$", "", _particles(0), log_y=True, per="Particles"),
    Spectrum(r"Particle $\phi^{rel}$", "", _particles(1), log_y=True, per="Particles"),
    Spectrum(r"$\tau_{21}$", "", _jets(lambda s: s.tau21)),
)
"""Mass is that of the (at most 30) massless particles; pT and eta are the jet-level model's."""


@dataclass(frozen=True)
class Histogram:
    """Counts of two samples in the same bins, the generated ones scaled to equal numbers of jets.

    Errors are those of sums over jets: the particles of a jet are not independent.

    Attributes:
        edges: (K + 1,).
        simulated: (K,) counts of the reference.
        simulated_error: (K,) their standard errors.
        generated: (K,) scaled counts.
        generated_error: (K,) their standard errors.
        scale: jets of the reference over generated jets.
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
        generated: JetSample,
        reference: JetSample,
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
    """Counts a bin, and the root of the sum over jets of the squared count of each jet."""
    bins = len(edges) - 1
    bin_of = np.searchsorted(edges, values, side="right") - 1
    inside = (bin_of >= 0) & (bin_of < bins)
    cells, counts = np.unique(owner[inside] * bins + bin_of[inside], return_counts=True)
    per_jet = counts.astype(np.float64)
    total, squared = (np.bincount(cells % bins, x, minlength=bins) for x in (per_jet, per_jet**2))
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


def spectra_figure(generated: Jets, reference: Jets, event_type: str) -> Figure:
    """All spectra of a class: counts scaled to the reference, ratio below, errors statistical."""
    a, b = JetSample(generated.of_type(event_type)), JetSample(reference.of_type(event_type))
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
            distance = wasserstein(spectrum.values(a)[0], spectrum.values(b)[0])
            unit = f" {spectrum.unit}" if spectrum.unit else ""
            main.legend(title=f"$\\chi^2$/bins {chi2:.0f}/{bins}\n$W_1$ {distance:.2g}{unit}")
        figure.suptitle(
            f"{CLASS_NAMES.get(event_type, event_type)}: {len(a):,} generated, {len(b):,} "
            "simulated jets",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
    return figure
