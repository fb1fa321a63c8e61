"""A sample of jets in memory: masked clouds of particles, features of the whole jet, classes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

JET_TYPES = ("g", "q", "t", "w", "z")
"""JetNet's classes in JetNet's order: gluon, light quark, top, W and Z jets."""

PARTICLE_FEATURES = ("etarel", "phirel", "ptrel")
"""Angles relative to the jet axis, and pT relative to the pT of the *full* jet: no units."""

JET_FEATURES = ("pt", "eta", "mass", "num_particles")
"""pT and mass in GeV."""


@dataclass(frozen=True)
class Jets:
    """N jets of up to P particles each.

    Attributes:
        particles: (N, P, 3) float32, ``PARTICLE_FEATURES``; pT-ordered; padded slots are zero.
        mask: (N, P) bool, true for real particles.
        features: (N, 4) float32, ``JET_FEATURES``.
        labels: (N,) int64, index into ``types``.
        types: names of the classes.
        attributes: provenance, JSON-able.
    """

    particles: NDArray[np.float32]
    mask: NDArray[np.bool_]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    types: tuple[str, ...] = JET_TYPES
    attributes: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.particles)

    def __getitem__(self, index: slice | ArrayLike) -> "Jets":
        """The jets of a slice, an index array or a boolean selection."""
        chosen = index if isinstance(index, slice) else np.asarray(index)
        return replace(
            self,
            particles=self.particles[chosen],
            mask=self.mask[chosen],
            features=self.features[chosen],
            labels=self.labels[chosen],
        )

    def of_type(self, jet_type: str) -> "Jets":
        """The jets of one class."""
        return self[self.labels == self.types.index(jet_type)]

    @property
    def present(self) -> tuple[str, ...]:
        """The classes of which there is at least one jet, in the order of ``types``."""
        return tuple(self.types[i] for i in np.unique(self.labels))

    @property
    def num_particles(self) -> NDArray[np.int64]:
        """(N,) how many real particles each jet has."""
        return self.mask.sum(axis=1)


def concatenate(parts: Sequence[Jets]) -> Jets:
    """Join samples of equal padding and equal classes; the attributes are the first one's."""
    first = parts[0]
    return replace(
        first,
        particles=np.concatenate([p.particles for p in parts]),
        mask=np.concatenate([p.mask for p in parts]),
        features=np.concatenate([p.features for p in parts]),
        labels=np.concatenate([p.labels for p in parts]),
    )


def distances(jets: Jets, reference: Jets) -> NDArray[np.float64]:
    """(N,) distance of jet i of one sample to jet i of the other.

    The root mean square difference of the features of its particles, matched so that it is least
    (by pT two of almost the same could change places), in units of each feature's standard
    deviation over the reference's particles; padding counts as zeros. The mean is over as many
    particles as the larger jet has, at least one.
    """
    scale = reference.particles[reference.mask].std(axis=0, dtype=np.float64)
    scale = np.where(scale, scale, 1)
    real = np.maximum(np.maximum(jets.num_particles, reference.num_particles), 1)
    squared = np.empty(len(jets))
    for i, (here, there) in enumerate(zip(jets.particles, reference.particles, strict=True)):
        costs = cdist(here / scale, there / scale, "sqeuclidean")
        squared[i] = costs[linear_sum_assignment(costs)].sum() / (3 * real[i])
    return np.sqrt(squared)


def unlike(jets: Jets, others: Jets) -> str | None:
    """In what two samples differ so that they cannot be compared, and the remedy; or None."""
    slots, other = jets.particles.shape[1], others.particles.shape[1]
    if slots == other:
        return None
    return f"up to {slots} and {other} particles a jet; read both with the same --particles"
