"""Particles that jets are to contain: CSV of the columns ``etarel,phirel,ptrel``, one a line."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import PARTICLE_FEATURES
from driftline.data.energy_moments import LARGEST_ANGLE
from driftline.data.formats.csv_table import Column, Table

_ANGLE = Column(
    lambda value: abs(value) <= LARGEST_ANGLE,
    f"write a number between -{LARGEST_ANGLE:g} and {LARGEST_ANGLE:g}",
    optional=False,
)
_FRACTION = Column(lambda value: 0 < value < 1, "write a number between 0 and 1", optional=False)
_COLUMNS = dict(zip(PARTICLE_FEATURES, (_ANGLE, _ANGLE, _FRACTION), strict=True))
_TABLE = Table(_COLUMNS, "particles", together=(PARTICLE_FEATURES,))


def read(path: Path) -> NDArray[np.float64]:
    """Read the particles, (M, 3) ``PARTICLE_FEATURES``.

    Raises:
        InputError: the file is missing or malformed; the message names line and column.
    """
    features = _TABLE.read(path)
    return np.stack([features[name] for name in PARTICLE_FEATURES], axis=1)
