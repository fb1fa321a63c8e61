r"""Liquid argon as its images show it: how fast electrons drift, how many of them a MeV leaves.

A fraction R of the E / 23.6 eV electrons escapes recombination with ions, by the modified box model

.. math:: R_\text{box} = \frac{\ln(\alpha + \beta' dE/dx)}{\beta' dE/dx}

with alpha = 0.93 and beta' = 0.212 / (rho F) at the field F (ArgoNeuT, JINST 8 (2013) P08005).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import Images
from driftline.errors import InputError

Array = NDArray[np.float64]

DENSITY = 1.396
"""[g/cm3] (Particle Data Group)"""
FIELD = 0.5
"""[kV/cm]"""
DRIFT_VELOCITY = 0.16
"""[cm/us] of electrons at ``FIELD`` and 87 K."""
IONISATION_WORK = 23.6e-6
"""[MeV] for a pair of electron and ion."""
MIP_LOSS = 2.1
"""[MeV/cm] Loss at which charge is calibrated to energy."""
LEAST_LOSS = 1.5
"""[MeV/cm] The modified box was fitted to denser tracks and has its largest value here."""
_ALPHA, _BETA = 0.93, 0.212 / DENSITY


def modified_box(loss: Array, field: float = FIELD) -> Array:
    """Share of the electrons that survive, by dE/dx [MeV/cm], of any shape, at a field [kV/cm]."""
    x = _BETA / field * np.maximum(loss, LEAST_LOSS)
    return np.log(_ALPHA + x) / x


def in_mev(images: Images, field: float = FIELD) -> Images:
    """Electrons as energy: divided by what a MeV deposited at ``MIP_LOSS`` leaves.

    So a minimum-ionising track has its true energy, and a denser one less: the unit ``MeV`` of the
    simulation. What was lost on the drift is not made up for.

    Args:
        images: in electrons.
        field: [kV/cm] in the detector.

    Raises:
        InputError: the images have another unit.
    """
    if images.unit != "electrons":
        raise InputError(f"images: unit is {images.unit}; only electrons can be turned into MeV")
    electrons = float(modified_box(np.array(MIP_LOSS), field)) / IONISATION_WORK
    return replace(
        images,
        # in double precision, so that a pixel at the threshold stays there
        pixels=np.divide(images.pixels, electrons, dtype=np.float64).astype(np.float32),
        threshold=images.threshold / electrons,
        unit="MeV",
    )
