r"""Multiple scattering: Highland's formula in differential form.

Highland's width after a path l (Review of Particle Physics, "Passage of particles through matter"),

.. math:: \theta_0 = \frac{13.6\,\mathrm{MeV}}{\beta c p}\sqrt{l/X_0}\,
          \left[1 + 0.038\ln\frac{l}{X_0\beta^2}\right],

is no sum over steps because of its logarithm. Steps add the derivative of its square by the path
since the particle's start (Gottschalk, Med. Phys. 37 (2010) 352: "differential Highland"), so that
the width is Highland's whatever the steps.
"""

import math

import numpy as np
from numba import njit

from driftline.simulation.liquid_argon.argon import RADIATION_LENGTH

_SHORTEST = 1e-3


@njit(cache=True, nogil=True)
def _width_squared(path: float, beta2: float) -> float:
    """Square of Highland's width times (beta c p / 13.6 MeV)^2 after a path [cm]."""
    thickness = path / RADIATION_LENGTH
    logarithm = 1.0 + 0.038 * math.log(max(thickness, _SHORTEST) / beta2)
    return thickness * logarithm**2


@njit(cache=True, nogil=True)
def scattering_angle(
    step: float, path: float, momentum: float, beta2: float, rng: np.random.Generator
) -> float:
    """Angle in space that a step adds to a path [cm] already gone, momentum in MeV/c."""
    added = _width_squared(path + step, beta2) - _width_squared(path, beta2)
    width = 13.6 / (math.sqrt(beta2) * momentum) * math.sqrt(added)
    return min(width * math.sqrt(2.0 * rng.standard_exponential()), math.pi)
