r"""What momentum and start asked of an image say of its charge and where that lies.

Charge is not energy: it recombines, particles leave the crop, muons and pions decay, and neutrons
and neutrinos are not seen. Nor is the axis of the charge the direction at the start: particles
scatter, and photons show nothing where they start. So no response is a number known beforehand;
each is to be the simulation's.
"""

import numpy as np
from numpy.typing import NDArray

from driftline.data.image_conditions import direction_within, start_pixels
from driftline.data.images import PARTICLE_MASSES, Images
from driftline.metrics.calibration import Quantity, Told
from driftline.metrics.images.observables import ImageSample


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


def alignment(images: Images) -> NDArray[np.float64] | None:
    r"""(N,) cos 2 Delta, Delta the angle in the plane between momentum and axis of the charge.

    1: the largest cluster lies along the momentum; 0 on average where it knows nothing of it; -1:
    across. An axis has no sign, hence the 2. The mean over the planes; NaN of images whose momentum
    is not known or has no component in a plane, or of which a plane has no cluster. None where no
    momentum is known.
    """
    if images.momentum is None:
        return None
    within = direction_within(images.momentum, images.planes)
    rows, columns = (
        within.reshape(len(images), images.planes.shape[1], 2).transpose(2, 0, 1).astype(np.float64)
    )
    axis = np.radians(ImageSample(images).angle)
    with np.errstate(invalid="ignore"):
        asked = np.where(np.hypot(rows, columns) > 0, np.arctan2(columns, rows), np.nan)
    cosine: NDArray[np.float64] = np.cos(2 * (axis - asked)).mean(axis=1)
    return cosine


def reach(images: Images) -> Told | None:
    """How far from the middle of the image its particle starts [pixels], and its charge begins.

    The charge begins at the charged pixel that is nearest to the start; of it, what lies from the
    middle towards the start counts. Of images of one plane that hold their start, and charge.

    Returns:
        asked and obtained (n,) pixels; None where no start is known.
    """
    start = start_pixels(images)
    if start is None or start.shape[1] > 1:
        return None
    size = np.array(images.pixels.shape[2:])
    inside = ((start[:, 0] >= 0) & (start[:, 0] <= size)).all(axis=1)  # NaN is not
    charged = (images.pixels != 0).any(axis=(1, 2, 3))
    away = start[:, 0] - size / 2
    asked = np.linalg.norm(away, axis=1)
    chosen = np.flatnonzero(inside & charged & (asked > 0))
    obtained = np.zeros(len(chosen))
    for k, n in enumerate(chosen):
        places = np.argwhere(images.pixels[n, 0]) + 0.5
        nearest = places[np.square(places - start[n, 0]).sum(axis=1).argmin()]
        obtained[k] = (nearest - size / 2) @ away[n] / asked[n]
    return asked[chosen], obtained


def _energy(images: Images) -> Told | None:
    energy = kinetic_energy(images)
    if energy is None:
        return None
    known = energy > 0
    charge = images.pixels.sum(axis=(2, 3), dtype=np.float64).mean(axis=1)
    return energy[known], charge[known]


def _direction(images: Images) -> Told | None:
    cosine = alignment(images)
    if cosine is None or images.momentum is None:
        return None
    known = np.isfinite(cosine)
    momentum = np.linalg.norm(images.momentum[known].astype(np.float64), axis=1)
    return momentum, momentum * cosine[known]


def image_quantities(unit: str = "MeV") -> tuple[Quantity, ...]:
    """Of images with charge in ``unit``."""
    per = "" if unit == "MeV" else f" [{unit}/MeV]"
    return (
        Quantity("energy", "Kinetic energy", "MeV", f"Charge / energy{per}", _energy),
        Quantity("direction", "Direction at momentum", "MeV/c", "cos 2(angle to axis)", _direction),
        Quantity("start", "Start from the middle", "pixels", "Nearest charge / start", reach),
    )
