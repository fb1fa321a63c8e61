"""The particles of LArCV files as classes and momenta.

Where they start is not taken over: files tell it in coordinates of the detector, and not how those
of the images lie in them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import IMAGE_TYPES, PARTICLE_MASSES, PDG_CODES, UNKNOWN

TYPES = (*IMAGE_TYPES, UNKNOWN)
"""Classes of images from LArCV files; unknown are other particles, and events of several."""


def truth(
    particles: NDArray[np.int64],
    pdg: NDArray[np.int64],
    energy: NDArray[np.float64],
    momentum: NDArray[np.float64],
) -> dict[str, Any]:
    """What is known of N events.

    The magnitude of the momentum follows from the total energy, and only its direction from the
    components: files differ in the unit of these.

    Args:
        particles: (N,) how many there are in the event.
        pdg: (N,) Monte Carlo number of the first one.
        energy: (N,) its total energy [GeV], as LArCV stores it.
        momentum: (N, 3) its momentum in any unit.

    Returns:
        labels and momentum [MeV/c], as ``Images`` takes them. The momentum is NaN where an event is
        not of one particle of a known class, and left out where none is.
    """
    labels = np.full(len(pdg), TYPES.index(UNKNOWN), dtype=np.int64)
    for label, name in enumerate(IMAGE_TYPES):
        labels[(pdg == PDG_CODES[name]) & (particles == 1)] = label
    known = labels != TYPES.index(UNKNOWN)
    if not known.any():
        return {"labels": labels}
    mass = np.array([*(PARTICLE_MASSES[name] for name in IMAGE_TYPES), np.nan])[labels]
    size = np.sqrt(np.maximum((1000 * energy) ** 2 - mass**2, 0))
    length = np.linalg.norm(momentum, axis=1)
    vector = momentum * (size / np.where(length > 0, length, 1.0))[:, None]
    return {"labels": labels, "momentum": vector.astype(np.float32)}
