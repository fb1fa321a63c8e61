r"""Multistep weights: an integral of the polynomial through past estimates, in float64.

With :math:`\lambda = -\ln s` the probability flow is :math:`d\hat x/d\lambda = D - \hat x`, so over
a step h :math:`\hat x' = e^{-h} \hat x + \int_0^h e^{-(h - u)} D(\lambda + u)\, du`; an exponential
integrator replaces D by its interpolating polynomial (Lu et al., 2211.01095; Zhang and Chen,
2204.13902). With noise, the decay rate is :math:`1 + \eta` in place of 1.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from driftline.diffusion.samplers.plan import Level

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


def polynomial_weights(
    nodes: Sequence[float], h: float, kernel: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[float, ...]:
    r"""Weights :math:`w_j = \int_0^h kernel(u) L_j(u) du` of the values at the nodes.

    L_j are the Lagrange polynomials of the nodes; the quadrature is exact to rounding for kernels
    as smooth as an exponential.
    """
    u = h * (_NODES + 1) / 2
    density = h / 2 * _WEIGHTS * kernel(u)
    weights = []
    for j, node in enumerate(nodes):
        others = [m for i, m in enumerate(nodes) if i != j]
        basis = np.prod([(u - m) / (node - m) for m in others], axis=0)
        weights.append(float((density * basis).sum()))
    return tuple(weights)


def log_steps(past: Sequence[Level], here: Level) -> list[float]:
    """Where levels lie relative to ``here`` in lambda = -ln s: negative for earlier ones."""
    return [math.log(here.s / level.s) for level in past]


def exponential_weights(
    past: Sequence[Level], here: Level, there: Level, eta: float = 0.0
) -> tuple[float, ...]:
    """Weights of the estimates at ``past`` in the step from ``here`` to ``there``.

    Exact if the estimate is a polynomial in lambda of degree len(past) - 1.
    """
    h, rate = math.log(here.s / there.s), 1 + eta
    return polynomial_weights(log_steps(past, here), h, lambda u: rate * np.exp(-rate * (h - u)))
