"""Cells of a study on disk: each is computed once, stored whole, and recognised by its settings."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from pydantic import ValidationError

from driftline.data.events import LabelledEvents
from driftline.errors import InputError
from driftline.metrics.kinds import EventKind
from driftline.output import replacing
from driftline.study.resampling import Distances
from driftline.study.results import Cell, Settings, first_problem

_LONGEST = 100
"""Characters of a sampler in a file's name; with tuned grids file systems would not take all."""


@dataclass(frozen=True)
class Task:
    """What is to be computed: a sampler (as text), a class and a seed of the noise."""

    sampler: str
    event_type: str
    seed: int

    @property
    def name(self) -> str:
        """The stem of its files: a digest of the sampler, and of its text what can be in a name."""
        digest = hashlib.sha256(self.sampler.encode()).hexdigest()[:8]
        sampler = re.sub(r"[^A-Za-z0-9.=]+", "-", self.sampler)[:_LONGEST]
        return f"{sampler}-{digest}_{self.event_type}_{self.seed}"


@dataclass(frozen=True)
class Store:
    """The directory ``cells`` of a study.

    A cell is three files: ``.hdf5``, the generated events in the layout of their kind; ``.npz``,
    the bootstrap replicates of its distances; ``.json``, the result, written last: with it the cell
    is finished.
    """

    folder: Path
    kind: EventKind

    def cell(self, task: Task) -> Cell | None:
        """The finished cell of a task, or None.

        Raises:
            InputError: its file is damaged.
        """
        path = self._path(task, "json")
        if not path.exists():
            return None
        try:
            return Cell.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise InputError(f"{path}: {first_problem(error)}; delete the file") from error

    def finished(self, task: Task, settings: Settings, replace: bool) -> bool:
        """Whether a task is done, with these settings.

        Args:
            task: the cell.
            settings: what it has to be computed with.
            replace: take a cell of other settings for one that is not finished.

        Raises:
            InputError: the cell has other settings and ``replace`` is false.
        """
        cell = self.cell(task)
        if cell is None or cell.settings == settings:
            return cell is not None
        if replace:
            return False
        changed = next(
            name
            for name in Settings.model_fields
            if getattr(cell.settings, name) != getattr(settings, name)
        )
        there, here = getattr(cell.settings, changed), getattr(settings, changed)
        raise InputError(
            f"{self._path(task, 'json')}: computed with {changed} {there}, now it is {here}; "
            "choose another --out, or compute it again with --force"
        )

    def put(self, task: Task, cell: Cell, events: LabelledEvents, distances: Distances) -> None:
        """Store a finished cell."""
        self._path(task, "json").unlink(missing_ok=True)
        self.kind.write(self._path(task, "hdf5"), events)
        with replacing(self._path(task, "npz"), force=True) as temporary, temporary.open("wb") as f:
            np.savez_compressed(f, allow_pickle=False, **distances.draws)
        with replacing(self._path(task, "json"), force=True) as temporary:
            temporary.write_text(cell.model_dump_json(indent=1) + "\n")

    def events(self, task: Task) -> LabelledEvents:
        """The generated events of a finished cell."""
        events: LabelledEvents = self.kind.read(self._path(task, "hdf5"))
        return events

    def distances(self, task: Task, cell: Cell) -> Distances:
        """The distances of a finished cell, with their replicates.

        Raises:
            InputError: the replicates are missing or damaged.
        """
        path = self._path(task, "npz")
        values = {key: score.value for key, score in cell.scores.items()}
        try:
            # Opened here, since np.load leaves a damaged file open.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return Distances(values, {key: file[key] for key in values})
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise InputError(
                f"{path}: missing or damaged; delete {self._path(task, 'json')} to compute the "
                "cell again"
            ) from error

    def _path(self, task: Task, suffix: str) -> Path:
        return self.folder / f"{task.name}.{suffix}"
