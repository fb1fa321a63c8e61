"""What events are asked for, one line an event: a CSV file, or the events of a file.

The CSV's first line names its columns, ``type`` and any numbers that events of the kind can be
asked for: of jets ``pt`` [GeV], ``eta``, ``mass`` [GeV] and ``num_particles``; of images ``px``,
``py``, ``pz`` [MeV/c], ``plane``, and ``row`` and ``column`` [pixels] of the start. An empty cell
leaves that number to the model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import JET_FEATURES, JET_TYPES
from driftline.data.formats import image_file, jetnet
from driftline.data.formats.csv_table import Cells, Column, Names, Table
from driftline.data.image_conditions import FARTHEST, start_pixels
from driftline.data.images import PLANES, Images
from driftline.errors import InputError

MOMENTUM = ("px", "py", "pz")
"""Columns that are given together or not at all."""
START = ("row", "column")
"""Likewise."""


@dataclass(frozen=True)
class Conditions:
    """N events asked for.

    Attributes:
        types: (N,) class names; None where the file does not tell.
        features: by name, the columns that the file has: (N,) float64, NaN where the model is to
            choose.
    """

    types: NDArray[np.str_] | None
    features: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        columns = [*self.features.values(), *([] if self.types is None else [self.types])]
        return len(columns[0])

    def __getitem__(self, rows: NDArray[np.int64]) -> "Conditions":
        """Some of the lines, by their numbers."""
        types = None if self.types is None else self.types[rows]
        return Conditions(types, {name: values[rows] for name, values in self.features.items()})

    def check(self, columns: Mapping[str, Column], where: str, first: int) -> None:
        """Refuse numbers that cannot be asked for.

        Args:
            columns: which numbers are allowed, by name.
            where: they stand, for the message.
            first: number of the first line there.

        Raises:
            InputError: as said.
        """
        for name, values in self.features.items():
            for i, value in enumerate(values, first):
                remedy = None if np.isnan(value) else columns[name].refused(value)
                if remedy is not None:
                    raise InputError(f"{where}, event {i}: {name} is {value:g}; {remedy}")

    def rows(self, event_type: str) -> NDArray[np.int64]:
        """Numbers of the lines of a class; of all lines where the file does not tell classes."""
        if self.types is None:
            return np.arange(len(self))
        return np.flatnonzero(self.types == event_type)

    def in_order(self, rows: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Which of the events that were made class by class comes first, second, ... in the file.

        Args:
            rows: the lines that the events of each class were made from.

        Returns:
            (M,) for all of them. As they are where the file does not tell classes, so that each
            line is for all of them.
        """
        joined = np.concatenate(rows)
        return np.arange(len(joined)) if self.types is None else np.argsort(joined)

    @property
    def momentum(self) -> NDArray[np.float64] | None:
        """(N, 3) [MeV/c], NaN where the model is to choose; None without such columns."""
        return self._together(MOMENTUM)

    @property
    def start(self) -> NDArray[np.float64] | None:
        """(N, 2) row and column [pixels], likewise."""
        return self._together(START)

    def _together(self, names: tuple[str, ...]) -> NDArray[np.float64] | None:
        if names[0] not in self.features:
            return None
        return np.stack([self.features[name] for name in names], axis=1)


@dataclass(frozen=True)
class Layout:
    """What a kind of event can be asked for.

    Attributes:
        events: of the kind, in the plural.
        columns: of numbers, by name.
        together: groups of columns, of each of which a line has all or none.
        types: the classes; None where only the model knows them.
        of_events: conditions of the events of a file or directory.
    """

    events: str
    columns: Mapping[str, Column]
    of_events: Callable[[Path], Conditions]
    types: tuple[str, ...] | None = None
    together: tuple[tuple[str, ...], ...] = ()


def _of_jets(path: Path, particles: int | None = None) -> Conditions:
    jets = jetnet.read_directory(path)
    features = jets.features.astype(np.float64)
    if particles is not None:
        features[:, -1] = np.minimum(features[:, -1], particles)
    return Conditions(np.array(jets.types)[jets.labels], dict(zip(JET_FEATURES, features.T)))


def of_images(images: Images) -> Conditions:
    """To be like given images: their class, and what is known of their momentum.

    Of images of one plane also that, and what is known of their start.
    """
    features: dict[str, NDArray[np.float64]] = {}
    if images.momentum is not None:
        features |= dict(zip(MOMENTUM, images.momentum.T.astype(np.float64)))
    if images.planes.shape[1] == 1:
        features["plane"] = images.planes[:, 0].astype(np.float64)
        start = start_pixels(images)
        if start is not None:
            features |= dict(zip(START, start[:, 0].T))
    return Conditions(np.array(images.types)[images.labels], features)


_ANY = Column(lambda value: True, "write a number")
_ETA = Column(lambda value: abs(value) <= 10, "write a number between -10 and 10")
_POSITIVE = Column(lambda value: value > 0, "write a positive number [GeV]")
_PIXELS = Column(
    lambda value: abs(value) <= FARTHEST,
    f"write a number of pixels from -{FARTHEST:,} to {FARTHEST:,}",
)
_PLANE = Column(lambda value: value in range(len(PLANES)), "write 0, 1 or 2")


def _count(most: int | None) -> Column:
    """Of particles, as many as a model has places for; None: any number."""
    end = "on" if most is None else f"to {most}"
    return Column(
        lambda value: value >= 1 and not value % 1 and (most is None or value <= most),
        f"write a whole number from 1 {end}",
    )


JETS = Layout(
    events="jets",
    columns=dict(zip(JET_FEATURES, (_POSITIVE, _ETA, _POSITIVE, _count(None)))),
    of_events=_of_jets,
    types=JET_TYPES,
)

IMAGES = Layout(
    events="images",
    columns={**dict.fromkeys(MOMENTUM, _ANY), "plane": _PLANE, **dict.fromkeys(START, _PIXELS)},
    of_events=lambda path: of_images(image_file.read(path)),
    together=(MOMENTUM, START),
)


def jets_of(particles: int) -> Layout:
    """``JETS`` of a model of up to so many particles: of jets that have more, these hardest."""
    return replace(
        JETS,
        columns={**JETS.columns, "num_particles": _count(particles)},
        of_events=partial(_of_jets, particles=particles),
    )


def read(path: Path, layout: Layout = JETS) -> Conditions:
    """Read conditions from a CSV file, or from a file or directory of events.

    Raises:
        InputError: the file is missing or malformed; the message names line and column. What events
            of a file have is checked by ``Conditions.check``.
    """
    path = Path(path)
    if path.is_dir() or path.suffix in (".hdf5", ".h5"):
        return layout.of_events(path)
    columns: dict[str, Cells] = {"type": Names(layout.types), **layout.columns}
    features = Table(columns, layout.events, layout.together).read(path)
    return Conditions(features.pop("type", None), features)
