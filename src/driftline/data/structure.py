r"""What the jet level draws of a jet's stored energy flow: its lowest moments and its prongs.

The prongs nearly tell mass and ellipticity. Numbers that are nearly functions of each other lie on
a thin sheet that a score model meets only roughly; so they are drawn as what is left to be told.
With the prongs alone in the place of the particles, C their covariance (see ``energy_moments``) and

.. math:: \rho^2 = \operatorname{tr} C = \sum_{i<j} f_i f_j \Delta_{ij}^2, \quad f = p_T / \sum p_T,

drawn are, beside axis, pT and mass of the jet and ratios of pT and widths of the prongs, the excess
ln(mass / pT) - ln rho, the difference of the ellipticities of jet and prongs, and the distances of
the prongs in units of rho. Whatever numbers a model draws for the latter, they are scaled to
rho = 1: mass and prongs agree.
"""

import numpy as np
from numpy.typing import NDArray

from driftline.data.energy_moments import (
    LARGEST_ANGLE,
    covariance,
    ellipticity_of,
    energy_moments,
)
from driftline.data.prongs import APART, absolute_prongs, prongs, relative_prongs

Array = NDArray[np.float64]

STRUCTURE_FEATURES = (
    "sum_etarel",
    "sum_phirel",
    "sum_ptrel",
    "sum_massrel",
    "excess_ellipticity_1",
    "excess_ellipticity_2",
    "excess_mass",
    "ptrel_2/ptrel_1",
    "ptrel_3/ptrel_2",
    "eta_21/rho",
    "phi_21/rho",
    "eta_31/rho",
    "phi_31/rho",
    "width_1",
    "width_2",
    "width_3",
)
"""Axis and widths in radians, distances in units of rho; excess_mass is a logarithm."""

MASS, EXCESS_ELLIPTICITY, EXCESS_MASS = 3, slice(4, 6), 6
SHARES = slice(7, 9)
WIDTHS = slice(13, 16)

_FLATTEST = 1 - 1e-6
"""Larger ellipticities are taken as this."""

_ODD_IN_ETA = np.array(["eta" in f or f.endswith("ellipticity_2") for f in STRUCTURE_FEATURES])
_ODD_IN_PHI = np.array(["phi" in f or f.endswith("ellipticity_2") for f in STRUCTURE_FEATURES])


def structure(particles: NDArray[np.floating]) -> Array:
    """``STRUCTURE_FEATURES`` (N, 16) of particles (N, P, 3); slots with ptrel = 0 are ignored.

    What a jet with fewer than three particles lacks is zero.
    """
    moments, relative = energy_moments(particles), relative_prongs(prongs(particles))
    rho, ellipticity = _shape(relative)
    # Rounding leaves no mass to particles that are too near each other.
    known = (rho > 0) & (moments[:, MASS] > 0)
    excess_mass = np.zeros_like(rho)
    excess_mass[known] = np.log(moments[known, MASS] / moments[known, 2] / rho[known])
    relative[:, APART] /= np.where(rho > 0, rho, 1.0)[:, None]
    parts = [moments[:, :4], moments[:, 4:] - ellipticity, excess_mass[:, None], relative]
    return np.concatenate(parts, axis=1)


def moments_of(features: NDArray[np.floating]) -> Array:
    """(N, 6) ``MOMENT_FEATURES`` of ``STRUCTURE_FEATURES`` (N, 16); ellipticity at most 1."""
    x = features.astype(np.float64)
    ellipticity = x[:, EXCESS_ELLIPTICITY] + _shape(x[:, SHARES.start :])[1]
    length = np.hypot(*ellipticity.T)[:, None]
    return np.concatenate([x[:, :4], ellipticity / np.maximum(length / _FLATTEST, 1.0)], axis=1)


def prongs_of(features: NDArray[np.floating]) -> Array:
    """(N, 3, 4) etarel, phirel, ptrel, width of the prongs of ``STRUCTURE_FEATURES`` (N, 16).

    To second order in the angles: axis and pT of the vector sum are taken for the means.
    """
    x = features.astype(np.float64)
    found = absolute_prongs(_scaled(x), x[:, :2], x[:, 2])
    found[..., :2] = np.clip(found[..., :2], -LARGEST_ANGLE, LARGEST_ANGLE)
    return found


def mirrored(features: NDArray[np.floating], signs: NDArray[np.floating]) -> NDArray[np.floating]:
    """``STRUCTURE_FEATURES`` (N, 16) of jets whose eta and phi are multiplied by signs (N, 2)."""
    return features * signs[:, :1] ** _ODD_IN_ETA * signs[:, 1:] ** _ODD_IN_PHI


def _shape(relative: Array) -> tuple[Array, Array]:
    """rho (N,) and ellipticity (N, 2) of relative prongs (N, 9)."""
    cloud = absolute_prongs(relative, np.zeros((len(relative), 2)), np.ones(len(relative)))
    matrix = covariance(cloud[..., :3])
    return np.sqrt(np.trace(matrix, axis1=1, axis2=2)), ellipticity_of(matrix)


def _scaled(features: Array) -> Array:
    """Relative prongs (N, 9) of ``STRUCTURE_FEATURES``, at the distances that the mass demands."""
    relative = features[:, SHARES.start :].copy()
    rho, _ = _shape(relative)
    wanted = features[:, MASS] / features[:, 2] * np.exp(-features[:, EXCESS_MASS])
    relative[:, APART] *= (wanted / np.where(rho > 0, rho, 1.0))[:, None]
    return relative
