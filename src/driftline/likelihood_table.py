"""Log-likelihoods of events as a table in CSV, one line an event: written, and read again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.events import LabelledEvents
from driftline.data.formats.csv_table import Column, Names, Table
from driftline.errors import InputError
from driftline.event_likelihood import EventLikelihood
from driftline.generator import NETWORKS

Array = NDArray[np.float64]

_NETWORKS = {name.replace(" ", "_"): name for name in NETWORKS}
"""Columns of what single networks say, and their names."""

_NUMBER = Column(lambda value: True, "write a number", optional=False)
_ERROR = Column(lambda value: value >= 0, "write a number from 0 up")
_POSITIVE = Column(lambda value: value > 0, "write a positive number", optional=False)

_TABLE = Table(
    {
        "event": _NUMBER,
        "type": Names(),
        "judged_as": Names(),
        "log_likelihood": _NUMBER,
        "standard_error": _ERROR,
        "dimensions": _POSITIVE,
        "bits_per_dimension": _NUMBER,
        **dict.fromkeys(_NETWORKS, _NUMBER),
    },
    "events",
)


@dataclass(frozen=True)
class LikelihoodTable:
    """What a model says of N events.

    Attributes:
        types: (N,) their classes.
        judged_as: (N,) the classes as which they were judged.
        nats: (N,) log-likelihood of the encoded events.
        standard_error: (N,) nats, of the trace's estimate; NaN of a single probe.
        dimensions: (N,) numbers that an event has.
        bits_per_dimension: (N,); lower is likelier.
        by_network: (N,) nats of each network, by its name; empty where there is but one.
    """

    types: NDArray[np.str_]
    judged_as: NDArray[np.str_]
    nats: Array
    standard_error: Array
    dimensions: Array
    bits_per_dimension: Array
    by_network: Mapping[str, Array]

    @classmethod
    def of(
        cls, events: LabelledEvents, found: EventLikelihood, judged_as: str | None = None
    ) -> "LikelihoodTable":
        """Of events, judged as one class or as their own."""
        types = np.array(events.types)[events.labels]
        parts = {name: part.value for name, part in found.by_network.items()}
        return cls(
            types,
            types if judged_as is None else np.full(len(types), judged_as),
            found.value,
            found.standard_error,
            found.dimensions.astype(np.float64),
            found.bits_per_dimension,
            parts if len(parts) > 1 else {},
        )

    def __len__(self) -> int:
        return len(self.types)

    @property
    def csv(self) -> str:
        """One line an event, after one of names."""
        columns: dict[str, NDArray[Any]] = {
            "event": np.arange(len(self)),
            "type": self.types,
            "judged_as": self.judged_as,
            "log_likelihood": self.nats,
            "standard_error": self.standard_error,
            "dimensions": self.dimensions,
            "bits_per_dimension": self.bits_per_dimension,
            **{name.replace(" ", "_"): nats for name, nats in self.by_network.items()},
        }
        lines = [list(columns), *zip(*(map(_text, values) for values in columns.values()))]
        return "".join(",".join(line) + "\n" for line in lines)

    @classmethod
    def read(cls, path: Path) -> "LikelihoodTable":
        """The table of a file.

        Raises:
            InputError: the file is missing, malformed, or lacks a column.
        """
        columns = _TABLE.read(path)
        missing = [name for name in _TABLE.columns if name not in {*columns, *_NETWORKS}]
        if missing:
            raise InputError(
                f"{path}: line 1: column {missing[0]} is missing; give what driftline likelihood "
                "--out wrote"
            )
        return cls(
            columns["type"],
            columns["judged_as"],
            columns["log_likelihood"],
            columns["standard_error"],
            columns["dimensions"],
            columns["bits_per_dimension"],
            {name: columns[key] for key, name in _NETWORKS.items() if key in columns},
        )

    @property
    def present(self) -> tuple[str, ...]:
        """The classes, in the order of the file."""
        return tuple(dict.fromkeys(self.types.tolist()))

    @property
    def background(self) -> str | None:
        """The class as which all events were judged, where it and others are there; else None."""
        judged = set(self.judged_as.tolist())
        one = judged.pop() if len(judged) == 1 else None
        return one if one in self.present and len(self.present) > 1 else None

    @property
    def signals(self) -> tuple[str, ...]:
        """The classes beside the background; none where there is no background."""
        background = self.background
        return tuple(t for t in self.present if background is not None and t != background)

    @property
    def scores(self) -> dict[str, Array]:
        """What events can be ranked by, (N,) each, higher for what is less likely.

        Bits per dimension only where the number of dimensions differs: they rank no others anew.
        """
        scores = {name: -nats for name, nats in self.by_network.items()}
        scores["all numbers"] = -self.nats
        if len(set(self.dimensions.tolist())) > 1:
            scores["bits per dimension"] = self.bits_per_dimension
        return scores


def _text(value: Any) -> str:
    """A cell: seven digits; nothing where a number is not known."""
    if isinstance(value, str):
        return value
    return "" if np.isnan(value) else f"{value:.7g}"
