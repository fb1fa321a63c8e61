"""HDF5 files opened so that whatever is wrong with one is said in one line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from driftline.errors import InputError

DAMAGED = (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError)
"""What h5py raises, depending on which byte of a file is wrong."""


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """A file open for reading.

    Raises:
        InputError: it is missing or not HDF5, or damage shows while it is read.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except DAMAGED as error:
        raise InputError(unreadable(path, error)) from error


def unreadable(path: Path, error: BaseException) -> str:
    """The line that says why a file could not be read."""
    if path.is_dir():
        return f"{path}: is a directory, expected an HDF5 file; give one of its files"
    if isinstance(error, PermissionError):
        return f"{path}: no permission to read it; change its permissions"
    if h5py.is_hdf5(path):
        return f"{path}: truncated or damaged HDF5 file; fetch or make it again"
    return f"{path}: not an HDF5 file (or its beginning is damaged); fetch or make it again"


def dataset(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    """A data set that has to be there.

    Raises:
        InputError: it is not; the message says what is.
    """
    if name not in file or not isinstance(file[name], h5py.Dataset):
        there = ", ".join(file) or "nothing"
        raise InputError(
            f"{path}: data set {name} is missing (there is {there}); fetch or make the file again"
        )
    return file[name]


def attribute(path: Path, file: h5py.File, name: str, key: str) -> Any:
    """The attribute ``key`` of the object ``name`` ("/" is the file itself).

    Raises:
        InputError: there is none.
    """
    if key not in file[name].attrs:
        raise InputError(f"{path}: attribute {key} of {name} is missing; make the file again")
    return file[name].attrs[key]


def provenance(path: Path, file: h5py.File) -> dict[str, Any]:
    """The attribute ``provenance``, a JSON object; empty where there is none.

    Raises:
        InputError: it is not JSON.
    """
    try:
        found = json.loads(file.attrs.get("provenance", "{}"))
    except ValueError as error:
        raise InputError(
            f"{path}: attribute provenance is not JSON ({error}); delete it or write it anew"
        ) from error
    return found if isinstance(found, dict) else {"provenance": found}
