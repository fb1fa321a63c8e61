r"""The three prongs of a jet, and how it splits into them.

A prong is one of the three pseudojets at which exclusive kT clustering stops (``kt``): the quarks
of a top's decay, the two of a W or Z and their hardest gluon, the first splittings of a quark or
gluon. Of each there are the axis, the pT and the width, the mean distance of its particles from its
axis weighted with pT: its share in tau_3 but for the axes, which here are the prongs' centres.

The next step of the clustering would merge two of them, the pair. So a jet splits into the pair and
the third prong, and the pair into its own two.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.data.kt import merges, squared_angles

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

PRONGS = 3


@dataclass(frozen=True)
class Splittings:
    r"""Two splittings of N jets: what prongs are to each other, whatever the jet's axis and pT.

    The vectors are Jacobi's. With f the shares of pT and a the axes as numbers eta + i phi,

    .. math:: o = \sqrt{f_3 f_{12}}\,(a_3 - a_{12}), \quad i = \sqrt{f_1 f_2 / f_{12}}\,(a_2 - a_1);

    :math:`|o|^2 + |i|^2` is the trace of the prongs' covariance, and :math:`\sqrt{f_{12}} |i|` the
    mass of the pair in units of the pT of all prongs, to second order in the angles.

    Attributes:
        softer: (N,) pT of the second prong over the first's, at most 1.
        third: (N,) pT of the third prong over the pair's.
        outer: (N,) o, radians.
        inner: (N,) i, radians.
        widths: (N, 3) radians.
    """

    softer: Array
    third: Array
    outer: Complex
    inner: Complex
    widths: Array

    @property
    def pair_share(self) -> Array:
        """(N,) pT of the pair over that of all."""
        return 1 / (1 + self.third)

    @property
    def shares(self) -> Array:
        """(N, 3) pT of the prongs over that of all."""
        pair = self.pair_share
        first = pair / (1 + self.softer)
        return np.stack([first, first * self.softer, pair * self.third], axis=1)


def prongs(particles: NDArray[np.floating]) -> Array:
    """Prongs of jets.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 are ignored.

    Returns:
        (N, 3, 4) float64 etarel, phirel, ptrel, width: the harder of the pair, the softer, and the
        third. Of two particles the harder is a pair by itself; what is not there is zero.
    """
    return _prongs_of_all(particles.astype(np.float64))


def splittings(found: Array) -> Splittings:
    """What prongs ``found`` (N, 3, 4) are to each other; zero for what is not there."""
    axis = found[..., 0] + 1j * found[..., 1]
    first, second, third = found[..., 2].T
    pair = first + second
    f1, f2, f3, f12 = (_ratio(pt, pair + third) for pt in (first, second, third, pair))
    centre = _ratio(first, pair) * axis[:, 0] + _ratio(second, pair) * axis[:, 1]
    return Splittings(
        softer=_ratio(second, first),
        third=_ratio(third, pair),
        outer=np.sqrt(f3 * f12) * (axis[:, 2] - centre),
        inner=np.sqrt(f1 * _ratio(f2, f12)) * (axis[:, 1] - axis[:, 0]),
        widths=found[..., 3],
    )


def prongs_from(split: Splittings, axis: Array, ptrel: Array) -> Array:
    """Prongs (N, 3, 4), the inverse of ``splittings``.

    Args:
        split: of N jets.
        axis: (N, 2) mean etarel and phirel of the jet's particles, weighted with pT.
        ptrel: (N,) sum of the particles' ptrel.
    """
    f1, f2, f3 = shares = split.shares.T
    f12 = f1 + f2
    outer = _ratio(split.outer, np.sqrt(f3 * f12))
    inner = _ratio(split.inner, np.sqrt(f1 * f2 / f12))
    centre = axis[:, 0] + 1j * axis[:, 1]
    pair = centre - f3 * outer
    axes = np.stack([pair - f2 / f12 * inner, pair + f1 / f12 * inner, centre + f12 * outer])
    parts = [axes.real, axes.imag, shares * ptrel, split.widths.T]
    return np.stack(parts, axis=2).swapaxes(0, 1)


def _ratio(a: Any, b: Array) -> Any:
    """a / b, zero where b is."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


@njit(cache=True)
def _prongs_of(jet: Array) -> Array:
    """(3, 4) prongs of one jet's particles (n, 3), all with positive ptrel."""
    count = len(jet)
    result = np.zeros((PRONGS, 4))
    if count < PRONGS:
        for k, i in enumerate(np.argsort(-jet[:, 2])):
            result[2 * k, :3] = jet[i]
        return result
    owner = np.arange(count)
    steps = merges(jet[:, 2], squared_angles(jet))
    for step in steps[: count - PRONGS]:
        owner[owner == step[1]] = step[0]
    first, second = steps[count - PRONGS]
    third = owner[(owner != first) & (owner != second)][0]
    for k, winner in enumerate((first, second, third)):
        mine = jet[owner == winner]
        pt = mine[:, 2].sum()
        eta = (mine[:, 0] * mine[:, 2]).sum() / pt
        phi = (mine[:, 1] * mine[:, 2]).sum() / pt
        distance = np.sqrt((mine[:, 0] - eta) ** 2 + (mine[:, 1] - phi) ** 2)
        result[k, 0], result[k, 1], result[k, 2] = eta, phi, pt
        result[k, 3] = (distance * mine[:, 2]).sum() / pt
    return result


@njit(cache=True, nogil=True)
def _prongs_of_all(particles: Array) -> Array:
    """(N, 3, 4) prongs of jets (N, P, 3)."""
    result = np.zeros((len(particles), PRONGS, 4))
    for n in range(len(particles)):
        jet = particles[n]
        result[n] = _prongs_of(jet[jet[:, 2] > 0.0])
    return result
