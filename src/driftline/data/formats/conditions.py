"""What jets are asked for, one line a jet: a CSV file, or the jets of a JetNet file.

The CSV's first line names its columns, any of ``type``, ``pt`` [GeV], ``eta``, ``mass`` [GeV] and
``num_particles``; an empty cell leaves that number to the model.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import JET_FEATURES, JET_TYPES
from driftline.data.formats import jetnet
from driftline.errors import InputError


@dataclass(frozen=True)
class Conditions:
    """N jets asked for.

    Attributes:
        types: (N,) class names; None where the file does not tell.
        features: by name, those of ``JET_FEATURES`` that the file has: (N,) float64, NaN where the
            model is to choose.
    """

    types: NDArray[np.str_] | None
    features: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        columns = [*self.features.values(), *([] if self.types is None else [self.types])]
        return len(columns[0])

    def of_type(self, jet_type: str) -> "Conditions":
        """The lines of a class; all of them where the file does not tell."""
        if self.types is None:
            return self
        chosen = self.types == jet_type
        return Conditions(self.types[chosen], {k: v[chosen] for k, v in self.features.items()})


def read(path: Path) -> Conditions:
    """Read conditions from a CSV file, or from a JetNet file or directory.

    Raises:
        InputError: the file is missing or malformed; the message names line and column.
    """
    path = Path(path)
    if path.is_dir() or path.suffix in (".hdf5", ".h5"):
        jets = jetnet.read_directory(path)
        features = jets.features.astype(np.float64)
        types = np.array(jets.types)[jets.labels]
        return Conditions(types, dict(zip(JET_FEATURES, features.T)))
    try:
        with path.open(newline="") as file:
            return _parse(path, csv.reader(file, skipinitialspace=True))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file ({error}); mend it") from error


def _parse(path: Path, lines: Any) -> Conditions:
    """Conditions from the lines of a ``csv.reader``."""
    known = ("type", *JET_FEATURES)
    head = [name.strip() for name in next(lines, [])]
    for name in head:
        if name not in known or head.count(name) > 1:
            raise InputError(
                f"{path}: line 1: column {name!r} is unknown or repeated; "
                f"choose from {', '.join(known)}"
            )
    rows: list[list[str]] = []
    for row in lines:
        if not row:
            continue
        if len(row) != len(head):
            raise InputError(
                f"{path}: line {lines.line_num} has {len(row)} cells, line 1 names {len(head)}; "
                "write one cell a column"
            )
        rows.append([_cell(path, lines.line_num, name, text) for name, text in zip(head, row)])
    if not rows:
        raise InputError(f"{path}: asks for no jets; write a line of names and one line a jet")
    columns = dict(zip(head, zip(*rows)))
    types = columns.pop("type", None)
    return Conditions(
        None if types is None else np.array(types),
        {name: np.array(values, dtype=np.float64) for name, values in columns.items()},
    )


def _cell(path: Path, line: int, name: str, text: str) -> str:
    """The text of a cell, after a look at it; empty numbers become NaN."""
    text = text.strip()
    where = f"{path}: line {line}: {name} is {text!r}"
    if name == "type":
        if text not in JET_TYPES:
            raise InputError(f"{where}; choose from {', '.join(JET_TYPES)}")
        return text
    if not text:
        return "nan"
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where}; write a number, or nothing") from None
    if not np.isfinite(value):
        raise InputError(f"{where}; write a finite number, or nothing")
    if name in ("pt", "mass") and value <= 0:
        raise InputError(f"{where}; write a positive number [GeV], or nothing")
    if name == "num_particles" and (value < 1 or value % 1):
        raise InputError(f"{where}; write a whole number from 1 on, or nothing")
    return text
