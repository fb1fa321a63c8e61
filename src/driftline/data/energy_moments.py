r"""The lowest moments of a jet's stored energy flow, and how to impose them on a cloud.

The angles and the pT of constituents are relative to a jet of which they may be a part only (the
hardest 30, say). Of what is stored, the zeroth moment is the pT, the first is the axis, and of the
second the trace is all but the mass and the rest the ellipticity,

.. math:: C = \sum_i w_i (a_i - \bar a)(a_i - \bar a)^T, \quad
          e = (C_{\eta\eta} - C_{\phi\phi},\ 2 C_{\eta\phi}) / \operatorname{tr} C,

with weights in proportion to pT: 0 for round jets, of length 1 for two particles. Together they are
the four-momentum and the orientation of the prongs. A point-cloud model that draws particles one by
one meets them only roughly, where a jet stored whole has pT 1 and a sharp mass. So they
are drawn with the jet's features, and imposed on the cloud by one scale of pT, one shift, and the
linear map of angles that moves the particles least. None stretches more than twofold: jets far from
what they were told keep some of their own mass and ellipticity.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOMENT_FEATURES = (
    "sum_etarel",
    "sum_phirel",
    "sum_ptrel",
    "sum_massrel",
    "ellipticity_1",
    "ellipticity_2",
)
"""Axis relative to the jet's, pT and mass in units of the jet's pT, ellipticity (no unit)."""

LARGEST_ANGLE = 5.0
"""Angles beyond this, far outside any jet, are cut."""

_LARGEST_STRETCH = 2.0
_ITERATIONS = 5
"""Each reduces the deviation by about the square of the jet's radius."""

_ROUND = 1e-6
"""Share of a round jet that is mixed into ellipses, so that lines can be turned."""


def energy_moments(particles: NDArray[np.floating]) -> Array:
    """Moments of massless particles, ``MOMENT_FEATURES``.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 contribute nothing.

    Returns:
        (N, 6) float64; zero where they are not defined: all of jets without particles, the
        ellipticity of single particles.
    """
    return np.concatenate([four_momentum(particles), ellipticity_of(covariance(particles))], axis=1)


def four_momentum(particles: NDArray[np.floating]) -> Array:
    """Sum of massless particles (N, P, 3): eta, phi, pT and mass, (N, 4)."""
    eta, phi, pt = np.moveaxis(particles.astype(np.float64), 2, 0)
    px, py, pz = ((pt * f).sum(axis=1) for f in (np.cos(phi), np.sin(phi), np.sinh(eta)))
    energy = (pt * np.cosh(eta)).sum(axis=1)
    total = np.hypot(px, py)
    squared = energy**2 - (px**2 + py**2 + pz**2)
    sum_eta = np.arcsinh(np.divide(pz, total, out=np.zeros_like(pz), where=total > 0))
    return np.stack([sum_eta, np.arctan2(py, px), total, np.sqrt(np.maximum(squared, 0.0))], axis=1)


def covariance(particles: NDArray[np.floating]) -> Array:
    """(N, 2, 2) of the angles of particles (N, P, 3), weighted with pT."""
    angles, pt = particles[..., :2].astype(np.float64), particles[..., 2].astype(np.float64)
    total = pt.sum(axis=1, keepdims=True)
    weight = np.divide(pt, total, out=np.zeros_like(pt), where=total > 0)
    apart = angles - (weight[..., None] * angles).sum(axis=1, keepdims=True)
    result: Array = (weight[..., None] * apart).swapaxes(1, 2) @ apart
    return result


def ellipticity_of(matrix: Array) -> Array:
    """(N, 2) of covariances (N, 2, 2), zero where their trace is."""
    trace = np.trace(matrix, axis1=1, axis2=2)
    difference = matrix[:, 0, 0] - matrix[:, 1, 1]
    parts = np.stack([difference, 2 * matrix[:, 0, 1]], axis=1)
    # of one particle rounding leaves something of the order of 1e-34
    return np.divide(parts, trace[:, None], out=np.zeros_like(parts), where=trace[:, None] > 1e-20)


def _ellipse(ellipticity: Array) -> Array:
    """(N, 2, 2) covariance of unit trace."""
    e1, e2 = ellipticity.T
    return np.moveaxis(np.array([[1 + e1, e2], [e2, 1 - e1]]) / 2, 2, 0)


def impose_moments(particles: NDArray[np.floating], target: NDArray[np.floating]) -> Array:
    """Scale pT, shift the angles and map them linearly towards given moments.

    The angles are found by fixed-point iteration: if they are small, axis and ellipticity are
    linear, and the mass over pT is proportional to their stretch about the axis. Single particles
    keep mass and ellipticity, whatever is asked. Jets that would have to be stretched more than
    twofold, because they do not follow what they were told, miss some of both: soft particles
    that carry a mass meant for others would end far from every jet's. pT and axis are met.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 are padding and stay.
        target: (N, 6) ``MOMENT_FEATURES``, with sum_ptrel > 0.

    Returns:
        (N, P, 3) float64.
    """
    moved = particles.astype(np.float64)
    real = moved[..., 2:] > 0
    wanted = target.astype(np.float64)
    narrowness = wanted[:, 3] / wanted[:, 2]
    ellipse = _rounder(_ellipse(wanted[:, 4:]))
    centre = energy_moments(moved)[:, :2]
    apart = moved[..., :2] - centre[:, None]
    linear = np.broadcast_to(np.eye(2), (len(moved), 2, 2))
    for _ in range(_ITERATIONS):
        now = energy_moments(moved)
        turn = _least_motion(_rounder(_ellipse(now[:, 4:])), ellipse)
        stretch = np.ones(len(moved))
        np.divide(narrowness * now[:, 2], now[:, 3], out=stretch, where=now[:, 3] > 0)
        linear = _limited(linear @ (stretch[:, None, None] * turn))
        centre = centre + wanted[:, :2] - now[:, :2]
        angles = centre[:, None] + apart @ linear
        moved[..., :2] = np.where(real, np.clip(angles, -LARGEST_ANGLE, LARGEST_ANGLE), 0.0)
    # One scale of all pT changes none of the others.
    pt = four_momentum(moved)[:, 2]
    moved[..., 2] *= (wanted[:, 2] / np.where(pt > 0, pt, 1.0))[:, None]
    return moved


def _limited(linear: Array) -> Array:
    """Maps (N, 2, 2) that stretch no direction more than ``_LARGEST_STRETCH``."""
    left, stretches, right = np.linalg.svd(linear)
    return (left * np.minimum(stretches, _LARGEST_STRETCH)[:, None]) @ right


def _rounder(ellipse: Array) -> Array:
    """Ellipses (N, 2, 2) of unit trace, none of them a line."""
    return (1 - _ROUND) * ellipse + _ROUND * np.eye(2) / 2


def _least_motion(here: Array, there: Array) -> Array:
    """The symmetric maps A (N, 2, 2) with A here A = there: optimal transport of ellipses."""
    root = _square_root(here)
    inverse = np.linalg.inv(root)
    return inverse @ _square_root(root @ there @ root) @ inverse


def _square_root(matrix: Array) -> Array:
    """Of symmetric positive-definite (N, 2, 2)."""
    determinant = np.sqrt(np.maximum(np.linalg.det(matrix), 0.0))
    trace = np.trace(matrix, axis1=1, axis2=2)
    scale = np.sqrt(trace + 2 * determinant)
    return (matrix + determinant[:, None, None] * np.eye(2)) / scale[:, None, None]
