r"""From deposited energy to charge: recombination of electrons with ions, and its calibration.

A fraction R of the E / 23.6 eV electrons escapes recombination. At the field 0.5 kV/cm

.. math:: R_\text{Birks} = \frac{A}{1 + k' dE/dx}

with A = 0.800, k' = 0.0486 / (rho F) (ICARUS, Nucl. Instrum. Meth. A 523 (2004) 275), or by the
modified box model (``driftline.data.liquid_argon``).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from driftline.data.liquid_argon import (
    DENSITY,
    FIELD,
    IONISATION_WORK,
    LEAST_LOSS,
    MIP_LOSS,
    modified_box,
)

Array = NDArray[np.float64]

_BIRKS_A, _BIRKS_K = 0.800, 0.0486 / (DENSITY * FIELD)


def birks(loss: Array) -> Array:
    """Share of the electrons that survive, by dE/dx [MeV/cm], of any shape."""
    return _BIRKS_A / (1.0 + _BIRKS_K * np.maximum(loss, LEAST_LOSS))


def unquenched(loss: Array) -> Array:
    """All electrons survive."""
    return np.ones_like(loss)


RECOMBINATION: dict[str, Callable[[Array], Array]] = {
    "modified-box": modified_box,
    "birks": birks,
    "none": unquenched,
}
"""The models by name."""


def calibration(recombination: str, unit: str) -> float:
    """What a MeV deposited at ``MIP_LOSS`` gives in a unit: 1 in ``MeV``, else ``electrons``."""
    if unit == "MeV":
        return 1.0
    return float(RECOMBINATION[recombination](np.array([MIP_LOSS]))[0]) / IONISATION_WORK


def charges(energy: Array, loss: Array, recombination: str, unit: str) -> Array:
    """What the detector sees of deposits.

    Args:
        energy: (n,) [MeV].
        loss: (n,) dE/dx [MeV/cm].
        recombination: name in ``RECOMBINATION``.
        unit: ``electrons``, or ``MeV``: the charge divided by that of a MeV deposited at
            ``MIP_LOSS``. So a minimum-ionising track has its true energy, and a denser one less.

    Returns:
        (n,) float64.
    """
    survive = RECOMBINATION[recombination]
    relative = survive(loss) / survive(np.array([MIP_LOSS]))[0]
    return calibration(recombination, unit) * energy * relative
