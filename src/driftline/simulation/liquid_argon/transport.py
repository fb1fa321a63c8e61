"""Particles on their way through liquid argon, until all their energy is accounted for.

The medium has no end; particles that leave a cube around the detector are dropped.

Compiled code is cached with what it calls from other files: after a change in one of them, delete
the ``__pycache__`` of this folder.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from driftline.simulation.liquid_argon.argon import PHOTON
from driftline.simulation.liquid_argon.electrons import follow_electron
from driftline.simulation.liquid_argon.heavy import follow_heavy
from driftline.simulation.liquid_argon.particles import KIND, Work
from driftline.simulation.liquid_argon.photons import follow_photon
from driftline.simulation.liquid_argon.radiation import Tables

Array = NDArray[np.float64]


@njit(cache=True, nogil=True)
def transport(
    work: Work,
    particle: Array,
    tables: Tables,
    lowest: float,
    highest: float,
    rng: np.random.Generator,
) -> None:
    """Follow a particle and all that it makes; fills the deposits and the ledger of ``work``.

    Args:
        work: from ``make_work``; what an earlier event left in it is forgotten.
        particle: (9,) the first particle, by the columns of ``particles``.
        tables: from ``make_tables``.
        lowest: particles with a coordinate below it are dropped [cm]; may be minus infinity.
        highest: the same above.
        rng: random numbers of this event.
    """
    work.counts[0] = work.counts[1] = 0
    for i in range(len(work.ledger)):
        work.ledger[i] = 0.0
    current = particle.copy()
    while True:
        kind = int(current[KIND])
        if kind == PHOTON:
            follow_photon(work, current, tables, lowest, highest, rng)
        elif kind < PHOTON:
            follow_electron(work, current, tables, lowest, highest, rng)
        else:
            follow_heavy(work, current, lowest, highest, rng)
        if work.counts[0] == 0:
            return
        work.counts[0] -= 1
        for i in range(len(current)):
            current[i] = work.waiting[work.counts[0], i]
