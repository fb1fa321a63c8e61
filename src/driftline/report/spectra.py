"""Spectra of jets: which are drawn of every class."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from driftline.data.clouds import Jets
from driftline.metrics.jet_observables import JetSample, real_particles
from driftline.report.histograms import Spectrum, Values, histograms_figure
from driftline.report.style import class_name

Array = NDArray[np.float64]


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


MASS = Spectrum("Jet mass", "GeV", _jets(lambda s: s.relative_mass * s.pt), per="Jets")
PARTICLE_PT = Spectrum(
    "Particle $p_T$", "GeV", _particle_pt, log_x=True, log_y=True, per="Particles"
)
TAU21 = Spectrum(r"$\tau_{21}$", "", _jets(lambda s: s.tau21), per="Jets")

SPECTRA = (
    MASS,
    Spectrum("Jet $p_T$", "GeV", _jets(lambda s: s.pt), per="Jets"),
    Spectrum(
        "Multiplicity",
        "",
        _jets(lambda s: s.multiplicity),
        log_y=True,
        whole=True,
        per="Jets",
    ),
    Spectrum(r"Jet $\eta$", "", _jets(lambda s: s.features[:, 1].astype(np.float64)), per="Jets"),
    PARTICLE_PT,
    Spectrum(r"Particle $\eta^{rel}$", "", _particles(0), log_y=True, per="Particles"),
    Spectrum(r"Particle $\phi^{rel}$", "", _particles(1), log_y=True, per="Particles"),
    TAU21,
)
"""Mass is that of the (at most 30) massless particles; pT and eta are the jet-level model's."""


def spectra_figure(generated: Jets, reference: Jets, jet_type: str) -> Figure:
    """All spectra of a class: counts scaled to the reference, ratio below, errors statistical."""
    a, b = JetSample(generated.of_type(jet_type)), JetSample(reference.of_type(jet_type))
    name = class_name(jet_type)
    title = f"{name}: {len(a):,} generated, {len(b):,} simulated jets"
    return histograms_figure(SPECTRA, a, b, title)
