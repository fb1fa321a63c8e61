"""What metrics compare: numbers of jets, each computed at most once for a sample."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import Jets
from driftline.data.energy_moments import four_momentum
from driftline.metrics.energy_flow import (
    GRAPHS,
    LINE,
    PRIME_GRAPHS,
    TRIANGLE,
    W1EFP_GRAPHS,
    energy_flow_polynomials,
)
from driftline.metrics.fpnd import particlenet_features
from driftline.metrics.substructure import d2, ratio, subjettiness

Array = NDArray[np.float64]


def relative_mass(particles: NDArray[np.floating]) -> Array:
    """(N,) mass of the sum of massless particles, in units of the jet's pT.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 contribute nothing.
    """
    return four_momentum(particles)[:, 3]


def real_particles(
    particles: NDArray[np.floating], mask: NDArray[np.bool_]
) -> tuple[Array, NDArray[np.int64]]:
    """The particles that enter W1P: those that are unmasked and not all zero.

    Both conditions are needed. Padding that has been moved off zero (jets recentred after masking)
    would pass JetNet's test of the norm, and dilute the distance by the share of real particles.

    Args:
        particles: (N, P, 3).
        mask: (N, P), true for real particles.

    Returns:
        Features (n, 3) of the n real particles, and the index (n,) of each one's jet.
    """
    real = mask & np.any(particles != 0.0, axis=2)
    return particles[real].astype(np.float64), np.nonzero(real)[0]


def _once(compute: Callable[["Sample"], Array]) -> property:
    """A property of a sample that is computed once, or cut from what it was selected from."""
    name = compute.__name__

    def get(sample: "Sample") -> Array:
        if name not in sample._known:
            if sample._whole is None:
                sample._known[name] = compute(sample)
            else:
                sample._known[name] = getattr(sample._whole, name)[sample._index]
        return sample._known[name]

    return property(get, doc=compute.__doc__)


class Sample:
    """Jets of one class and their observables.

    Args:
        jets: N jets; what stands in padded slots is ignored.
    """

    def __init__(self, jets: Jets) -> None:
        self.particles: NDArray[np.float32] = jets.particles * jets.mask[..., None]
        self.mask = jets.mask
        self.features = jets.features
        self._known: dict[str, Array] = {}
        self._whole: Sample | None = None
        self._index: NDArray[np.int64] | slice = slice(None)

    def __len__(self) -> int:
        return len(self.particles)

    def __getitem__(self, index: NDArray[np.int64] | slice) -> "Sample":
        """A part of the sample, which shares its observables."""
        part = object.__new__(Sample)
        part.particles, part.mask = self.particles[index], self.mask[index]
        part.features = self.features[index]
        part._known, part._whole, part._index = {}, self, index
        return part

    @_once
    def pt(self) -> Array:
        """(N,) jet pT [GeV]."""
        return self.features[:, 0].astype(np.float64)

    @_once
    def mass(self) -> Array:
        """(N,) jet mass [GeV], as the file or the generator gives it."""
        return self.features[:, 2].astype(np.float64)

    @_once
    def multiplicity(self) -> Array:
        """(N,) number of real particles."""
        return self.mask.sum(axis=1).astype(np.float64)

    @_once
    def relative_mass(self) -> Array:
        """(N,) mass of the massless constituents in units of the jet's pT."""
        return relative_mass(self.particles)

    @_once
    def polynomials(self) -> Array:
        """(N, 36) energy-flow polynomials in the order of ``GRAPHS``."""
        return energy_flow_polynomials(self.particles)

    @_once
    def w1efp_polynomials(self) -> Array:
        """(N, 5) the energy-flow polynomials of W1EFP."""
        return self.polynomials[:, [GRAPHS.index(graph) for graph in W1EFP_GRAPHS]]

    @_once
    def subjettiness(self) -> Array:
        """(N, 3) tau_1, tau_2, tau_3."""
        return subjettiness(self.particles)

    @_once
    def tau21(self) -> Array:
        """(N,) tau_2 / tau_1, zero where tau_1 is."""
        return ratio(self.subjettiness[:, 1], self.subjettiness[:, 0])

    @_once
    def tau32(self) -> Array:
        """(N,) tau_3 / tau_2, zero where tau_2 is."""
        return ratio(self.subjettiness[:, 2], self.subjettiness[:, 1])

    @_once
    def d2(self) -> Array:
        """(N,) D2."""
        graphs = [GRAPHS.index(graph) for graph in ((), LINE, TRIANGLE)]
        return d2(*self.polynomials[:, graphs].T)

    @_once
    def particlenet(self) -> Array:
        """(N, 256) features in the FPND network."""
        return particlenet_features(self.particles)

    @_once
    def high_level(self) -> Array:
        """(N, D) what the classifier sees: jet, substructure, prime polynomials, particles."""
        hard = self.particles[:, :4].reshape(len(self), -1)
        tail = self.particles[:, ::5, 2]
        return np.concatenate(
            [
                self.features,
                np.stack([self.relative_mass, self.tau21, self.tau32, self.d2], axis=1),
                self.subjettiness,
                self.polynomials[:, : len(PRIME_GRAPHS)],
                hard,
                tail,
            ],
            axis=1,
        )
