"""The particles of LArCV files as classes, momenta and starting points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import IMAGE_TYPES, PDG_CODES, UNKNOWN

TYPES = (*IMAGE_TYPES, UNKNOWN)
"""Classes of images from LArCV files; unknown are other particles, and events of several."""

MASSES = {
    "e-": 0.51099895,
    "gamma": 0.0,
    "mu-": 105.6583755,
    "pi+": 139.57039,
    "pi-": 139.57039,
    "p": 938.27208816,
}
"""MeV (Particle Data Group 2022)."""


def truth(
    particles: NDArray[np.int64],
    pdg: NDArray[np.int64],
    energy: NDArray[np.float64],
    momentum: NDArray[np.float64],
    start: NDArray[np.float64],
) -> dict[str, Any]:
    """What is known of N events.

    The magnitude of the momentum follows from the total energy, and only its direction from the
    components: files differ in the unit of these.

    Args:
        particles: (N,) how many there are in the event.
        pdg: (N,) Monte Carlo number of the first one.
        energy: (N,) its total energy [GeV], as LArCV stores it.
        momentum: (N, 3) its momentum in any unit.
        start: (N, 3) where it starts [cm].

    Returns:
        labels, momentum [MeV/c] and start, as ``Images`` takes them; without the last two where
        some event is not of one particle of a known class.
    """
    labels = np.full(len(pdg), TYPES.index(UNKNOWN), dtype=np.int64)
    for label, name in enumerate(IMAGE_TYPES):
        labels[(pdg == PDG_CODES[name]) & (particles == 1)] = label
    if (labels == TYPES.index(UNKNOWN)).any():
        return {"labels": labels}
    mass = np.array([MASSES[name] for name in IMAGE_TYPES])[labels]
    size = np.sqrt(np.maximum((1000 * energy) ** 2 - mass**2, 0))
    length = np.linalg.norm(momentum, axis=1)
    vector = momentum * (size / np.where(length > 0, length, 1.0))[:, None]
    return {
        "labels": labels,
        "momentum": vector.astype(np.float32),
        "start": start.astype(np.float32),
    }
