r"""What the jet level draws of a jet's stored energy flow: its lowest moments and its splittings.

The prongs nearly tell mass and ellipticity. Numbers that are nearly functions of each other lie on
a thin sheet that a score model meets only roughly; so they are drawn as what is left to be told.
The prongs alone in the place of the particles have, with o and i the vectors of ``Splittings``,

.. math:: \rho^2 = |o|^2 + |i|^2, \quad e = (o^2 + i^2) / \rho^2

for the trace of their covariance and their ellipticity, written as a complex number (see
``energy_moments``). Drawn are, beside axis, pT and mass of the jet and ratios of pT and widths of
the prongs, the excess ln(mass / pT) - ln rho, the difference of the ellipticities of jet and
prongs, the logarithm of the mass of the pair over \|o\|, and the directions of o and i as vectors
whose length tells nothing. All but the axis and o are seen from o: turned so that it points along
eta. A jet turned about itself has the same numbers then, but for these.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.energy_moments import LARGEST_ANGLE, energy_moments
from driftline.data.prongs import Splittings, prongs, prongs_from, splittings

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

STRUCTURE_FEATURES = (
    "sum_etarel",
    "sum_phirel",
    "sum_ptrel",
    "sum_massrel",
    "excess_ellipticity_1",
    "excess_ellipticity_2",
    "excess_mass",
    "ptrel_2/ptrel_1",
    "ptrel_3/ptrel_12",
    "mass_12/outer",
    "outer_eta",
    "outer_phi",
    "inner_along",
    "inner_across",
    "width_1",
    "width_2",
    "width_3",
)
"""Axis and widths in radians; the excess of the mass and the mass of the pair are logarithms."""

MASS, EXCESS_MASS = 3, 6
SOFTER, THIRD, PAIR_MASS = 7, 8, 9
EXCESS_ELLIPTICITY, OUTER, INNER = slice(4, 6), slice(10, 12), slice(12, 14)
DIRECTIONS = (OUTER, INNER)
WIDTHS = slice(14, 17)

_FLATTEST = 1 - 1e-6
"""Larger ellipticities are taken as this."""

_EXTREME = 12.0
"""Logarithms beyond this are cut; that of the pair's mass is so far out if o or i is missing."""

_ODD = ("excess_ellipticity_2", "inner_across")
_ODD_IN_ETA = np.array([f in (*_ODD, "sum_etarel", "outer_eta") for f in STRUCTURE_FEATURES])
_ODD_IN_PHI = np.array([f in (*_ODD, "sum_phirel", "outer_phi") for f in STRUCTURE_FEATURES])


def structure(particles: NDArray[np.floating]) -> Array:
    """``STRUCTURE_FEATURES`` (N, 17) of particles (N, P, 3); slots with ptrel = 0 are ignored.

    Without the inner splitting its ratio is 0, the mass of the pair -12, and i points along o;
    without the outer one, o points along eta.
    """
    moments, split = energy_moments(particles), splittings(prongs(particles))
    outer, inner = abs(split.outer), abs(split.inner)
    rho = np.hypot(outer, inner)
    pair_mass = _log_ratio(np.sqrt(split.pair_share) * inner, outer)
    forward = _direction(split.outer)
    sideways = _direction(np.where(inner > 0, split.inner, split.outer))
    ellipticity = moments[:, 4] + 1j * moments[:, 5]
    numbers = [
        moments[:, :4],
        _pair((ellipticity - _ellipticity(split)) / forward**2),
        _log_ratio(moments[:, MASS], moments[:, 2] * rho),
        split.softer,
        split.third,
        np.where(inner > 0, np.where(outer > 0, pair_mass, _EXTREME), -_EXTREME),
        _pair(forward),
        _pair(sideways / forward),
        split.widths,
    ]
    return np.column_stack(numbers)


def moments_of(features: NDArray[np.floating]) -> Array:
    """(N, 6) ``MOMENT_FEATURES`` of ``STRUCTURE_FEATURES`` (N, 17); ellipticity at most 1."""
    x = features.astype(np.float64)
    forward = _direction(_complex(x[:, OUTER]))
    found = _ellipticity(_splittings_of(x)) + _complex(x[:, EXCESS_ELLIPTICITY]) * forward**2
    return np.column_stack([x[:, :4], _pair(found / np.maximum(abs(found) / _FLATTEST, 1.0))])


def prongs_of(features: NDArray[np.floating]) -> Array:
    """(N, 3, 4) etarel, phirel, ptrel, width of the prongs, in falling order of ptrel.

    To second order in the angles: axis and pT of the vector sum are taken for the means.

    Args:
        features: (N, 17) ``STRUCTURE_FEATURES``; those of directions may have any length.
    """
    x = features.astype(np.float64)
    found = prongs_from(_splittings_of(x), x[:, :2], x[:, 2])
    found[..., :2] = np.clip(found[..., :2], -LARGEST_ANGLE, LARGEST_ANGLE)
    return np.take_along_axis(found, np.argsort(-found[..., 2:3], axis=1, kind="stable"), axis=1)


def mirrored(features: NDArray[np.floating], signs: NDArray[np.floating]) -> NDArray[np.floating]:
    """``STRUCTURE_FEATURES`` (N, 17) of jets whose eta and phi are multiplied by signs (N, 2)."""
    return features * signs[:, :1] ** _ODD_IN_ETA * signs[:, 1:] ** _ODD_IN_PHI


def _splittings_of(x: Array) -> Splittings:
    """Splittings of ``STRUCTURE_FEATURES``, as wide as the mass demands."""
    inner_to_outer = np.exp(np.clip(x[:, PAIR_MASS], -_EXTREME, _EXTREME)) * np.sqrt(
        1 + x[:, THIRD]
    )
    narrowness = np.divide(x[:, MASS], x[:, 2], out=np.zeros(len(x)), where=x[:, 2] > 0)
    rho = narrowness * np.exp(-np.clip(x[:, EXCESS_MASS], -_EXTREME, _EXTREME))
    outer = rho / np.hypot(1.0, inner_to_outer) * _direction(_complex(x[:, OUTER]))
    inner = inner_to_outer * outer * _direction(_complex(x[:, INNER]))
    return Splittings(x[:, SOFTER], x[:, THIRD], outer, inner, x[:, WIDTHS])


def _ellipticity(split: Splittings) -> Complex:
    """(N,) of the prongs alone; zero where there is only one."""
    squared = abs(split.outer) ** 2 + abs(split.inner) ** 2
    parts = split.outer**2 + split.inner**2
    return np.divide(parts, squared, out=np.zeros_like(parts), where=squared > 0)


def _direction(vector: Complex) -> Complex:
    """(N,) of length one; 1 where there is none."""
    length = abs(vector)
    return np.divide(vector, length, out=np.ones_like(vector), where=length > 0)


def _log_ratio(a: NDArray[Any], b: NDArray[Any]) -> Array:
    """ln(a / b); zero where either is: of one particle, or of some too near each other."""
    return np.log(np.divide(a, b, out=np.ones_like(a), where=(a > 0) & (b > 0)))


def _complex(numbers: Array) -> Complex:
    """(N, 2) as (N,)."""
    return numbers[:, 0] + 1j * numbers[:, 1]


def _pair(numbers: Complex) -> Array:
    """(N,) as (N, 2)."""
    return np.column_stack([numbers.real, numbers.imag])
