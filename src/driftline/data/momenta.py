"""Momenta that a model of images is told where none is asked for: those of training images.

A model that is told the momentum need not draw it together with the image, and draws a better one.
As with jets, whose features one network draws for the other, the two are drawn one after the other:
momenta by a bootstrap of the training images', so that nothing has to be assumed of them.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Momenta:
    """Momenta of M images, of their class and seen in their planes.

    Which go with which plane matters: of particles along its normal a plane shows next to nothing,
    and crops of too few pixels are left out of the training.

    Attributes:
        momentum: (M, 3) float32 x, y, z [MeV/c].
        labels: (M,) uint8, index into the classes of the model.
        planes: (M, C) uint8, index into ``PLANES``.

    Raises:
        ValueError: the arrays are of other shapes or types.
    """

    momentum: NDArray[np.float32]
    labels: NDArray[np.uint8]
    planes: NDArray[np.uint8]

    def __post_init__(self) -> None:
        count = len(self.labels)
        forms = (self.momentum.shape, self.labels.shape, self.planes.shape[:1], self.planes.ndim)
        if forms != ((count, 3), (count,), (count,), 2):
            raise ValueError(f"momenta: {self.momentum.shape} of {count} labels")
        if [a.dtype.name for a in self.arrays.values()] != ["float32", "uint8", "uint8"]:
            raise ValueError("momenta: not of float32 and uint8")

    def drawn(
        self, labels: NDArray[np.int64], planes: NDArray[np.uint8], uniform: Floats
    ) -> NDArray[np.float64]:
        """Momenta for N images, each one of those of its class and planes with equal chances.

        Args:
            labels: (N,) classes.
            planes: (N, C) planes.
            uniform: (N,) between 0 and 1: which one.

        Returns:
            (N, 3) [MeV/c]; NaN where there is none of such a class and planes.
        """
        drawn = np.full((len(labels), 3), np.nan)
        for one in np.unique(np.column_stack([labels, planes]), axis=0):
            wanted = (labels == one[0]) & (planes == one[1:]).all(axis=1)
            rows = np.flatnonzero((self.labels == one[0]) & (self.planes == one[1:]).all(axis=1))
            if len(rows):
                drawn[wanted] = self.momentum[rows[(uniform[wanted] * len(rows)).astype(np.int64)]]
        return drawn

    def without(self, labels: NDArray[np.uint8]) -> "Momenta":
        """Those of other classes."""
        kept = ~np.isin(self.labels, labels)
        return Momenta(**{name: array[kept] for name, array in self.arrays.items()})

    def joined(self, other: "Momenta") -> "Momenta":
        """These, and those of another model of the same classes."""
        theirs = other.arrays
        return Momenta(**{n: np.concatenate([a, theirs[n]]) for n, a in self.arrays.items()})

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name of the attribute."""
        return dict(vars(self))

    @property
    def digest(self) -> str:
        """Which momenta they are."""
        digest = hashlib.sha256()
        for array in self.arrays.values():
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
