"""Tables in CSV: a line of names, then one line a row. A column decides what its cells may hold."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from driftline.errors import InputError


class Cells(Protocol):
    """What the cells of a column may hold."""

    def value(self, text: str) -> float | str:
        """What a cell says.

        Raises:
            ValueError: nothing that is allowed; the message is the remedy.
        """
        ...


@dataclass(frozen=True)
class Names:
    """Cells that hold names: one of the choices, or any where they are None."""

    choices: tuple[str, ...] | None = None

    def value(self, text: str) -> str:
        if self.choices is not None and text not in self.choices:
            raise ValueError(f"choose from {', '.join(self.choices)}")
        if not text:
            raise ValueError("write a name")
        return text


@dataclass(frozen=True)
class Column:
    """Cells that hold numbers: which are allowed, and what to write where one is not.

    Attributes:
        allowed: whether a number is.
        remedy: what to write instead.
        optional: whether a cell may be empty, which is NaN.
    """

    allowed: Callable[[float], bool]
    remedy: str
    optional: bool = True

    def value(self, text: str) -> float:
        if self.optional and not text:
            return float("nan")
        try:
            number = float(text)
        except ValueError:
            remedy: str | None = "write a number"
        else:
            remedy = self.refused(number)
            if remedy is None:
                return number
        raise ValueError(f"{remedy}, or nothing" if self.optional else remedy)

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
class Table:
    """What a table may hold.

    Attributes:
        columns: by name, those that it may have.
        rows: what its rows are, in the plural.
        together: groups of columns of which it has all or none, and of which a row gives all or
            none.
    """

    columns: Mapping[str, Cells]
    rows: str
    together: tuple[tuple[str, ...], ...] = ()

    def read(self, path: Path) -> dict[str, NDArray[Any]]:
        """The columns of a file, those that its first line names.

        Returns:
            (N,) float64 of numbers, NaN where a cell is empty, or (N,) str of names.

        Raises:
            InputError: the file is missing or malformed; the message names line and column.
        """
        path = Path(path)
        try:
            # spreadsheets begin a file of UTF-8 with a mark
            with path.open(newline="", encoding="utf-8-sig") as file:
                return self._parse(path, csv.reader(file, skipinitialspace=True))
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read ({error.strerror}); check the path"
            ) from error
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not a CSV file ({error}); mend it") from error

    def _parse(self, path: Path, lines: Any) -> dict[str, NDArray[Any]]:
        """The columns of the lines of a ``csv.reader``."""
        head = [name.strip() for name in next(lines, [])]
        self._check_head(f"{path}: line 1", head)
        rows = [
            self._row(f"{path}: line {lines.line_num}", head, [cell.strip() for cell in cells])
            for cells in lines
            if cells
        ]
        if not rows:
            raise InputError(
                f"{path}: has no {self.rows}; write a line of names and one line for each"
            )
        return {name: np.array(values) for name, values in zip(head, zip(*rows))}

    def _check_head(self, where: str, head: Sequence[str]) -> None:
        for name in head:
            if ";" in name:
                raise InputError(f"{where}: {name!r} has semicolons; separate cells by commas")
            if name not in self.columns or head.count(name) > 1:
                raise InputError(
                    f"{where}: column {name!r} is unknown or repeated; "
                    f"choose from {', '.join(self.columns)}"
                )
        for group in self.together:
            if 0 < len(set(group) & set(head)) < len(group):
                raise InputError(
                    f"{where}: names only some of {', '.join(group)}; name all or none"
                )

    def _row(self, where: str, head: Sequence[str], cells: Sequence[str]) -> list[float | str]:
        if len(cells) != len(head):
            raise InputError(
                f"{where} has {len(cells)} cells, line 1 names {len(head)}; write one cell a column"
            )
        values: list[float | str] = []
        for name, text in zip(head, cells):
            try:
                values.append(self.columns[name].value(text))
            except ValueError as error:
                raise InputError(f"{where}: {name} is {text!r}; {error}") from None
        for group in self.together:
            if len({bool(text) for name, text in zip(head, cells) if name in group}) > 1:
                raise InputError(
                    f"{where}: gives only some of {', '.join(group)}; give all or none"
                )
        return values
