"""What events are asked for, one line an event: a CSV file, or the events of a file.

The CSV's first line names its columns, ``type`` and any numbers that events of the kind can be
asked for: of jets ``pt`` [GeV], ``eta``, ``mass`` [GeV] and ``num_particles``; of images ``px``,
``py``, ``pz`` [MeV/c] and ``plane``. An empty cell leaves that number to the model.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import JET_FEATURES, JET_TYPES
from driftline.data.formats import image_file, jetnet
from driftline.data.images import PLANES
from driftline.errors import InputError

MOMENTUM = ("px", "py", "pz")
"""Columns that are given together or not at all."""


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

    def of_type(self, event_type: str) -> "Conditions":
        """The lines of a class; all of them where the file does not tell."""
        if self.types is None:
            return self
        chosen = self.types == event_type
        return Conditions(self.types[chosen], {k: v[chosen] for k, v in self.features.items()})

    def in_order(self, types: Sequence[str]) -> NDArray[np.int64]:
        """Rows of events made class by class, each as ``of_type`` gives it, in the file's order.

        Args:
            types: the classes made, in their order.

        Returns:
            (M,) which event comes first, second, ... As they are where the file does not tell
            classes, so that each line is for all of them.
        """
        if self.types is None:
            return np.arange(len(self) * len(types))
        return np.argsort(np.concatenate([np.flatnonzero(self.types == t) for t in types]))

    @property
    def momentum(self) -> NDArray[np.float64] | None:
        """(N, 3) [MeV/c], NaN where the model is to choose; None without such columns."""
        if MOMENTUM[0] not in self.features:
            return None
        return np.stack([self.features[name] for name in MOMENTUM], axis=1)


@dataclass(frozen=True)
class Column:
    """A column of numbers: which values are allowed, and what to write where one is not."""

    allowed: Callable[[float], bool]
    remedy: str

    def refused(self, value: float) -> str | None:
        """What to write instead of a number; None if it is allowed.

        Events hold float32, so that it is judged as one: 1e39 is infinite, 1e-50 is zero.
        """
        with np.errstate(over="ignore", under="ignore"):
            single = float(np.float32(value))
        if not np.isfinite(single):
            return "write a finite number, below 3.4e38"
        return None if self.allowed(single) else self.remedy


@dataclass(frozen=True)
class Layout:
    """What a kind of event can be asked for.

    Attributes:
        events: of the kind, in the plural.
        columns: of numbers, by name.
        together: columns of which a line has all or none.
        types: the classes; None where only the model knows them.
        of_events: conditions of the events of a file or directory.
    """

    events: str
    columns: Mapping[str, Column]
    of_events: Callable[[Path], Conditions]
    types: tuple[str, ...] | None = None
    together: tuple[str, ...] = ()


def _of_jets(path: Path) -> Conditions:
    jets = jetnet.read_directory(path)
    features = jets.features.astype(np.float64)
    return Conditions(np.array(jets.types)[jets.labels], dict(zip(JET_FEATURES, features.T)))


def _of_images(path: Path) -> Conditions:
    images = image_file.read(path)
    features: dict[str, NDArray[np.float64]] = {}
    if images.momentum is not None:
        features |= dict(zip(MOMENTUM, images.momentum.T.astype(np.float64)))
    if images.planes.shape[1] == 1:
        features["plane"] = images.planes[:, 0].astype(np.float64)
    return Conditions(np.array(images.types)[images.labels], features)


_ANY = Column(lambda value: True, "write a number")
_POSITIVE = Column(lambda value: value > 0, "write a positive number [GeV]")
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
    columns=dict(zip(JET_FEATURES, (_POSITIVE, _ANY, _POSITIVE, _count(None)))),
    of_events=_of_jets,
    types=JET_TYPES,
)

IMAGES = Layout(
    events="images",
    columns={**dict.fromkeys(MOMENTUM, _ANY), "plane": _PLANE},
    of_events=_of_images,
    together=MOMENTUM,
)


def jets_of(particles: int) -> Layout:
    """``JETS`` of a model of up to so many particles."""
    return replace(JETS, columns={**JETS.columns, "num_particles": _count(particles)})


def read(path: Path, layout: Layout = JETS) -> Conditions:
    """Read conditions from a CSV file, or from a file or directory of events.

    Raises:
        InputError: the file is missing or malformed; the message names line and column.
    """
    path = Path(path)
    if path.is_dir() or path.suffix in (".hdf5", ".h5"):
        return layout.of_events(path)
    try:
        # spreadsheets begin a file of UTF-8 with a mark
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _parse(path, csv.reader(file, skipinitialspace=True), layout)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file ({error}); mend it") from error


def _parse(path: Path, lines: Any, layout: Layout) -> Conditions:
    """Conditions from the lines of a ``csv.reader``."""
    known = ("type", *layout.columns)
    head = [name.strip() for name in next(lines, [])]
    for name in head:
        if ";" in name:
            raise InputError(f"{path}: line 1: {name!r} has semicolons; separate cells by commas")
        if name not in known or head.count(name) > 1:
            raise InputError(
                f"{path}: line 1: column {name!r} is unknown or repeated; "
                f"choose from {', '.join(known)}"
            )
    if 0 < len(set(layout.together) & set(head)) < len(layout.together):
        raise InputError(
            f"{path}: line 1: names only some of {', '.join(layout.together)}; name all or none"
        )
    rows: list[list[str]] = []
    for row in lines:
        if not row:
            continue
        where = f"{path}: line {lines.line_num}"
        if len(row) != len(head):
            raise InputError(
                f"{where} has {len(row)} cells, line 1 names {len(head)}; write one cell a column"
            )
        rows.append([_cell(where, name, text, layout) for name, text in zip(head, row)])
        empty = {text == "nan" for name, text in zip(head, rows[-1]) if name in layout.together}
        if len(empty) > 1:
            raise InputError(
                f"{where}: gives only some of {', '.join(layout.together)}; give all or none"
            )
    if not rows:
        raise InputError(
            f"{path}: asks for no {layout.events}; write a line of names and one line for each"
        )
    columns = dict(zip(head, zip(*rows)))
    types = columns.pop("type", None)
    return Conditions(
        None if types is None else np.array(types),
        {name: np.array(values, dtype=np.float64) for name, values in columns.items()},
    )


def _cell(where: str, name: str, text: str, layout: Layout) -> str:
    """The text of a cell, after a look at it; empty numbers become NaN."""
    text = text.strip()
    where = f"{where}: {name} is {text!r}"
    if name == "type":
        if layout.types is not None and text not in layout.types:
            raise InputError(f"{where}; choose from {', '.join(layout.types)}")
        return text
    if not text:
        return "nan"
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where}; write a number, or nothing") from None
    remedy = layout.columns[name].refused(value)
    if remedy is not None:
        raise InputError(f"{where}; {remedy}, or nothing")
    return text
