"""What can be asked of a jet and found in its particles: pT, mass and multiplicity.

The obtained pT and mass are those of the sum of the particles that the file keeps, massless, times
the jet's pT. Jets that are cut to 30 particles hold less than was asked, simulated ones too.
"""

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import JET_FEATURES, Jets
from driftline.data.energy_moments import four_momentum
from driftline.metrics.calibration import Quantity, Told

Array = NDArray[np.float64]

_SUM_PT, _SUM_MASS = 2, 3
"""Columns of ``four_momentum``."""


def _feature(jets: Jets, name: str) -> Array:
    return jets.features[:, JET_FEATURES.index(name)].astype(np.float64)


def _of_sum(jets: Jets, column: int) -> Array:
    """(N,) [GeV] of the sum of the particles."""
    return four_momentum(jets.particles * jets.mask[..., None])[:, column] * _feature(jets, "pt")


def _positive(asked: Array, obtained: Array) -> Told:
    """Without jets of no mass, of which there is no ratio."""
    return asked[asked > 0], obtained[asked > 0]


JET_QUANTITIES = (
    Quantity(
        "pt",
        "Jet pT",
        "GeV",
        "Obtained pT / asked",
        lambda jets: _positive(_feature(jets, "pt"), _of_sum(jets, _SUM_PT)),
    ),
    Quantity(
        "mass",
        "Jet mass",
        "GeV",
        "Obtained mass / asked",
        lambda jets: _positive(_feature(jets, "mass"), _of_sum(jets, _SUM_MASS)),
    ),
    Quantity(
        "multiplicity",
        "Particles",
        "",
        "Obtained number / asked",
        lambda jets: _positive(
            _feature(jets, "num_particles"), jets.num_particles.astype(np.float64)
        ),
    ),
)
"""In the order of the tables."""
