"""The observables of jets that metrics compare."""

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
from driftline.metrics.sample import Sample, observable
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


class JetSample(Sample):
    """Jets of one class and their observables.

    Args:
        jets: N jets; what stands in padded slots is ignored.
    """

    columns = ("particles", "mask", "features")
    particles: NDArray[np.float32]
    mask: NDArray[np.bool_]
    features: NDArray[np.float32]

    def __init__(self, jets: Jets) -> None:
        particles = jets.particles * jets.mask[..., None]
        super().__init__(particles=particles, mask=jets.mask, features=jets.features)

    @observable
    def pt(self) -> Array:
        """(N,) jet pT [GeV]."""
        return self.features[:, 0].astype(np.float64)

    @observable
    def mass(self) -> Array:
        """(N,) jet mass [GeV], as the file or the generator gives it."""
        return self.features[:, 2].astype(np.float64)

    @observable
    def multiplicity(self) -> Array:
        """(N,) number of real particles."""
        return self.mask.sum(axis=1).astype(np.float64)

    @observable
    def relative_mass(self) -> Array:
        """(N,) mass of the massless constituents in units of the jet's pT."""
        return relative_mass(self.particles)

    @observable
    def polynomials(self) -> Array:
        """(N, 36) energy-flow polynomials in the order of ``GRAPHS``."""
        return energy_flow_polynomials(self.particles)

    @observable
    def w1efp_polynomials(self) -> Array:
        """(N, 5) the energy-flow polynomials of W1EFP."""
        return self.polynomials[:, [GRAPHS.index(graph) for graph in W1EFP_GRAPHS]]

    @observable
    def subjettiness(self) -> Array:
        """(N, 3) tau_1, tau_2, tau_3."""
        return subjettiness(self.particles)

    @observable
    def tau21(self) -> Array:
        """(N,) tau_2 / tau_1, zero where tau_1 is."""
        return ratio(self.subjettiness[:, 1], self.subjettiness[:, 0])

    @observable
    def tau32(self) -> Array:
        """(N,) tau_3 / tau_2, zero where tau_2 is."""
        return ratio(self.subjettiness[:, 2], self.subjettiness[:, 1])

    @observable
    def d2(self) -> Array:
        """(N,) D2."""
        graphs = [GRAPHS.index(graph) for graph in ((), LINE, TRIANGLE)]
        return d2(*self.polynomials[:, graphs].T)

    @observable
    def particlenet(self) -> Array:
        """(N, 256) features in the FPND network."""
        return particlenet_features(self.particles)

    @observable
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
