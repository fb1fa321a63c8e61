"""What the momentum asked of an image says of its charge: the kinetic energy.

Charge is not energy: it recombines, particles leave the crop, muons and pions decay, and neutrons
and neutrinos are not seen. So the response is no number known beforehand but the simulation's.
"""

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import PARTICLE_MASSES, Images
from driftline.metrics.calibration import Quantity, Told


def kinetic_energy(images: Images) -> NDArray[np.float64] | None:
    """(N,) [MeV] of the particles; NaN of those whose momentum or mass is not known.

    None where no momentum is known.
    """
    if images.momentum is None:
        return None
    momentum = np.linalg.norm(images.momentum.astype(np.float64), axis=1)
    masses = np.array([PARTICLE_MASSES.get(name, np.nan) for name in images.types])[images.labels]
    energy: NDArray[np.float64] = np.hypot(momentum, masses) - masses
    return energy


def _told(images: Images) -> Told | None:
    energy = kinetic_energy(images)
    if energy is None:
        return None
    known = energy > 0
    charge = images.pixels.sum(axis=(2, 3), dtype=np.float64).mean(axis=1)
    return energy[known], charge[known]


def image_quantities(unit: str = "MeV") -> tuple[Quantity, ...]:
    """Of images with charge in ``unit``."""
    per = "" if unit == "MeV" else f" [{unit}/MeV]"
    return (Quantity("energy", "Kinetic energy", "MeV", f"Charge / energy{per}", _told),)
