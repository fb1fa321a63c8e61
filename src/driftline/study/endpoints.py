"""The error of a solver: how far its jets are from a reference solver's at equal noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import Jets
from driftline.study.results import Endpoint

Array = NDArray[np.float64]


def distances(jets: Jets, reference: Jets) -> Array:
    """(N,) distance of jet i of one sample to jet i of the other.

    The root mean square difference of the features of its particles, hardest first, in units of
    each feature's standard deviation over the reference's particles; padding counts as zeros.
    """
    scale = reference.particles[reference.mask].std(axis=0, dtype=np.float64)
    apart = (jets.particles.astype(np.float64) - reference.particles) / np.where(scale, scale, 1)
    real = np.maximum((jets.mask | reference.mask).sum(axis=1), 1)
    squared: Array = np.square(apart).sum(axis=(1, 2)) / (3 * real)
    return np.sqrt(squared)


def endpoint(
    sampler: str, jet_type: str, jets: Sequence[Jets], reference: Sequence[Jets]
) -> Endpoint:
    """RMS and median over the jets of all seeds."""
    apart = np.concatenate([distances(*pair) for pair in zip(jets, reference, strict=True)])
    return Endpoint(
        sampler=sampler,
        jet_type=jet_type,
        rms=float(np.sqrt(np.mean(apart**2))),
        median=float(np.median(apart)),
    )
