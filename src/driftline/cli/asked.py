"""What the options of ``driftline sample`` ask of events: numbers, or ranges to draw them from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from driftline.data.clouds import JET_FEATURES
from driftline.data.formats.conditions import IMAGES, JETS, MOMENTUM, START, Layout
from driftline.data.formats.csv_table import Column
from driftline.diffusion.noise import Noise
from driftline.errors import InputError
from driftline.streams import Stream

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Range:
    """From ``low`` to ``high``, with equal chances; a single number where they are equal."""

    low: float
    high: float

    @classmethod
    def parse(cls, option: str, text: str, column: Column) -> "Range":
        """``900`` or ``900:1100``.

        Args:
            option: that it is given with.
            text: of it.
            column: which numbers are allowed.

        Raises:
            InputError: it is neither, or an end is not allowed; the message names the option.
        """
        try:
            ends = [float(part) for part in text.split(":")]
        except ValueError:
            ends = []
        if not 1 <= len(ends) <= 2:
            raise InputError(f"{option} {text}: is no number and no range; give 900 or 900:1100")
        for end, part in zip(ends, text.split(":"), strict=True):
            remedy = column.refused(end)
            if remedy is not None:
                raise InputError(f"{option} is {part.strip()}; {remedy}")
        if ends[0] > ends[-1]:
            raise InputError(f"{option} {text}: ends below its beginning; give the lower one first")
        return cls(ends[0], ends[-1])

    def at(self, uniform: Array) -> Array:
        """The number at each of (N,) uniforms between 0 and 1."""
        return self.low + (self.high - self.low) * uniform

    def whole_at(self, uniform: Array) -> Array:
        """Likewise, of whole numbers, both ends included."""
        if self.low == self.high:
            return self.at(uniform)
        return np.floor(self.low + (self.high - self.low + 1) * uniform)


@dataclass(frozen=True)
class AskedFeatures:
    """Features of jets.

    Attributes:
        ranges: by name.
    """

    ranges: Mapping[str, Range]

    @classmethod
    def parse(cls, given: Mapping[str, str | None], layout: Layout = JETS) -> "AskedFeatures":
        """From the options' texts; None leaves a feature to the model.

        Args:
            given: the texts, by name of the feature.
            layout: what jets of the model can be asked for.

        Raises:
            InputError: one is no number or range, or an end of it is not allowed.
        """
        return cls(
            {
                name: Range.parse(f"--{name.replace('_', '-')}", text, layout.columns[name])
                for name, text in given.items()
                if text is not None
            }
        )

    def of(self, events: Numbers, seed: int) -> dict[str, Array]:
        """(N,) of each feature, for events (N,) by their numbers."""
        uniform = _uniform(events, seed, len(JET_FEATURES))
        # columns by feature: what is drawn for one does not depend on the others asked for
        columns = dict(zip(JET_FEATURES, uniform.T, strict=True))
        return {
            name: (found.whole_at if name == "num_particles" else found.at)(columns[name])
            for name, found in self.ranges.items()
        }


@dataclass(frozen=True)
class AskedMomentum:
    """Momenta of images [MeV/c]: three components, or a magnitude in a direction at random."""

    parts: tuple[Range, ...]

    @classmethod
    def parse(cls, text: str) -> "AskedMomentum":
        """``x,y,z`` or one magnitude, each a number or a range.

        Raises:
            InputError: it is neither, or a number is not allowed.
        """
        texts = text.split(",")
        if len(texts) not in (1, 3):
            raise InputError(
                f"--momentum {text}: is no momentum; give three numbers, 100,0,-50, or a magnitude "
                "or its range, 100:800"
            )
        column = IMAGES.columns[MOMENTUM[0]]
        parts = tuple(Range.parse("--momentum", part, column) for part in texts)
        if len(parts) == 1 and parts[0].low < 0:
            raise InputError(f"--momentum {text}: a magnitude is not negative; give it from 0 up")
        return cls(parts)

    def of(self, events: Numbers, seed: int) -> Array:
        """(N, 3) for events (N,) by their numbers."""
        u = _uniform(events, seed, 3)
        if len(self.parts) == 3:
            return np.stack([part.at(u[:, k]) for k, part in enumerate(self.parts)], axis=1)
        cosine, azimuth = 2 * u[:, 1] - 1, 2 * np.pi * u[:, 2]
        across = np.sqrt(1 - cosine**2)
        direction = (across * np.cos(azimuth), across * np.sin(azimuth), cosine)
        return self.parts[0].at(u[:, 0])[:, None] * np.stack(direction, axis=1)


@dataclass(frozen=True)
class AskedStart:
    """Row and column [pixels] where the particles of images start."""

    parts: tuple[Range, ...]

    @classmethod
    def parse(cls, text: str) -> "AskedStart":
        """``row,column``, each a number or a range.

        Raises:
            InputError: it is not, or a number is not allowed.
        """
        texts = text.split(",")
        if len(texts) != len(START):
            raise InputError(
                f"--start {text}: is no row and column; give two numbers or ranges, 10,20:40"
            )
        column = IMAGES.columns[START[0]]
        return cls(tuple(Range.parse("--start", part, column) for part in texts))

    def of(self, events: Numbers, seed: int) -> Array:
        """(N, 2) for events (N,) by their numbers."""
        # after those of ``AskedMomentum``
        u = _uniform(events, seed, 5)[:, 3:]
        return np.stack([part.at(u[:, k]) for k, part in enumerate(self.parts)], axis=1)


def _uniform(events: Numbers, seed: int, columns: int) -> Array:
    """(N, columns) between 0 and 1; those of an event are the same in every batch and shard."""
    drawn: Array = (
        Noise(seed, Stream.ASKED)
        .uniform(torch.as_tensor(events), (columns,), dtype=torch.float64)
        .numpy()
    )
    return drawn
