"""Driftline's own HDF5 of detector images.

| Data set | Shape | |
|---|---|---|
| ``images`` | (N, C, H, W) float32 | pixels; attribute ``unit`` |
| ``labels`` | (N, C, H, W) uint8 | index into ``SEGMENTS``; left out where not known |
| ``class`` | (N,) int32 | index into the attribute ``types`` |
| ``event`` | (N,) int64 | the event that an image shows |
| ``planes`` | (N, C) uint8 | index into ``PLANES`` |
| ``corner`` | (N, C, 2) int32 | where the image was cut out; left out where it was not |
| ``truth/pdg`` | (N,) int32 | Monte Carlo number, 0 where the class has none |
| ``truth/momentum`` | (N, 3) float32 | [MeV/c]; NaN, or left out, where not known |
| ``truth/start`` | (N, 3) float32 | [cm] from the first pixels of the planes; likewise |

Attributes of the file: ``format`` and ``version`` say what it is; ``threshold`` (in the unit of the
pixels), ``pitch`` [cm] and ``provenance`` (a JSON object).
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from driftline.data.formats.hdf5 import attribute, dataset, opened, provenance
from driftline.data.images import PDG_CODES, PLANES, SEGMENTS, Images
from driftline.errors import InputError
from driftline.output import replacing

FORMAT = "driftline-images"
VERSION = 1
UNITS = ("MeV", "electrons", "ADC", "8-bit")

_LAYOUT: dict[str, tuple[str, type, int]] = {
    "images": ("pixels", np.float32, 4),
    "labels": ("segmentation", np.uint8, 4),
    "class": ("labels", np.int32, 1),
    "event": ("event", np.int64, 1),
    "planes": ("planes", np.uint8, 2),
    "corner": ("corner", np.int32, 3),
    "truth/momentum": ("momentum", np.float32, 2),
    "truth/start": ("start", np.float32, 2),
}
"""Data set: column of ``Images``, type on disk, number of axes."""
_REQUIRED = ("images", "class", "event", "planes")
_CHUNK = 2**18
"""Pixels in a chunk, or one image where that is larger."""
_BLOCK = 2**24
"""Pixels in a block, or one image where that is larger."""


class Writer:
    """Writes images block after block; the file appears whole or not at all.

    ```python
    with Writer(path, force=False) as out:
        for block in blocks:
            out.append(block)
    ```

    Raises:
        InputError: on entering, as ``driftline.output.replacing``; on leaving, when nothing was
            appended.
    """

    def __init__(self, path: Path, force: bool = False) -> None:
        self.path, self._force = Path(path), force
        self._first: Images | None = None
        self.count = 0

    def __enter__(self) -> "Writer":
        self._replacing: AbstractContextManager[Path] = replacing(self.path, self._force)
        self._temporary = self._replacing.__enter__()
        try:
            self._file = h5py.File(self._temporary, "w")
        except BaseException as error:
            self._replacing.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def append(self, images: Images) -> None:
        """Add images at the end.

        Raises:
            InputError: they are not valid, or differ from the first ones in shape, classes, unit,
                threshold, pitch, or in what is known of them.
        """
        if not len(images):
            return
        _check(self.path, images)
        if self._first is None:
            self._first = images[:1]
            self._describe(images)
        _check_alike(self.path, self._first, images)
        for name, (column, dtype, _) in _LAYOUT.items():
            if column in images.columns:
                self._extend(name, images.columns[column].astype(dtype, copy=False))
        codes = _codes(images.types)
        if codes.any():
            self._extend("truth/pdg", codes[images.labels])
        self.count += len(images)

    def _describe(self, images: Images) -> None:
        self._file.attrs.update(
            format=FORMAT,
            version=VERSION,
            threshold=float(images.threshold),
            pitch=float(images.pitch),
            provenance=json.dumps(images.attributes),
        )

    def _extend(self, name: str, values: NDArray[Any]) -> None:
        if name not in self._file:
            row = values.shape[1:]
            chunk = max(1, min(1024, _CHUNK // max(1, int(np.prod(row)))))
            made = self._file.create_dataset(
                name,
                shape=(0, *row),
                maxshape=(None, *row),
                dtype=values.dtype,
                chunks=(chunk, *row),
                compression="gzip",
                shuffle=True,
            )
            assert self._first is not None
            if name == "images":
                made.attrs["unit"] = self._first.unit
            if name == "class":
                made.attrs["types"] = list(self._first.types)
        grown = self._file[name]
        grown.resize(self.count + len(values), axis=0)
        grown[self.count :] = values

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        found = error
        try:
            self._file.close()
            if found is None and not self.count:
                found = InputError(f"{self.path}: there are no images to write; choose others")
        except Exception as failed:  # the disk is full
            found = found or failed
        self._replacing.__exit__(type(found) if found else None, found, trace)
        if found is not None and error is None:
            raise found


def write(path: Path, images: Images, force: bool = False) -> None:
    """Write images; the file appears whole or not at all.

    Raises:
        InputError: the path exists (and ``force`` is false) or cannot be written; there are no
            images, or they are not valid.
    """
    with Writer(path, force) as out:
        out.append(images)


def read(path: Path, count: int | None = None) -> Images:
    """Read the images of a file.

    Args:
        path: a file written by ``write``.
        count: read only the first ``count``; the rest of the file is not touched.

    Raises:
        InputError: the file is missing, damaged, of another schema or version, holds fewer images
            than asked for, or a value is out of range. The message names file and field.
    """
    with opened(path) as file:
        return _read(Path(path), file, 0, count)


def blocks(path: Path, size: int | None = None) -> Iterator[Images]:
    """The images of a file, at most ``size`` at a time, by default so many as have 64 MB of pixels.

    Raises:
        InputError: as ``read``.
    """
    with opened(path) as file:
        stored = _dataset(Path(path), file, "images")
        total = len(stored)
        size = size or max(1, _BLOCK // max(1, int(np.prod(stored.shape[1:]))))
        for start in range(0, max(total, 1), size):
            yield _read(Path(path), file, start, min(size, total - start))


def is_image_file(file: h5py.File) -> bool:
    """Whether an open HDF5 file says that it is one of these."""
    return str(file.attrs.get("format", "")) == FORMAT


def _read(path: Path, file: h5py.File, start: int, count: int | None) -> Images:
    _check_format(path, file)
    total = len(_dataset(path, file, "images"))
    if not total:
        raise InputError(f"{path}: images holds nothing; the file is empty, make it again")
    if count is not None and start + count > total:
        raise InputError(f"{path}: holds {total} images, {count} are asked for; ask for fewer")
    rows = slice(start, None if count is None else start + count)
    columns: dict[str, Any] = {}
    for name, (column, dtype, _) in _LAYOUT.items():
        if name not in file and name not in _REQUIRED:
            continue
        stored = _dataset(path, file, name)
        if len(stored) != total:
            raise InputError(
                f"{path}: {name} has {len(stored)} rows, images {total}; make the file again"
            )
        columns[column] = np.asarray(stored[rows]).astype(dtype, copy=False)
    columns["labels"] = columns["labels"].astype(np.int64)
    images = Images(
        **columns,
        types=tuple(str(name) for name in attribute(path, file, "class", "types")),
        unit=str(attribute(path, file, "images", "unit")),
        threshold=float(attribute(path, file, "/", "threshold")),
        pitch=float(attribute(path, file, "/", "pitch")),
        attributes=provenance(path, file),
    )
    _check(path, images)
    if "truth/pdg" in file:
        codes = np.asarray(_dataset(path, file, "truth/pdg")[rows])
        if not np.array_equal(codes, _codes(images.types)[images.labels]):
            raise InputError(f"{path}: truth/pdg disagrees with class; make the file again")
    return images


def _check_format(path: Path, file: h5py.File) -> None:
    if not is_image_file(file):
        there = ", ".join(file) or "nothing"
        raise InputError(
            f"{path}: not a Driftline image file, attribute format is not {FORMAT!r} "
            f"(there is {there}); convert it with driftline crop"
        )
    version = attribute(path, file, "/", "version")
    if version != VERSION:
        raise InputError(
            f"{path}: attribute version is {version}, this Driftline reads {VERSION}; "
            "use the version that wrote it"
        )


def _dataset(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    """A data set, after a look at its presence, number of axes and type."""
    found = dataset(path, file, name)
    _, dtype, axes = _LAYOUT.get(name, ("", np.int32, 1))
    if len(found.shape or ()) != axes:
        raise InputError(
            f"{path}: {name} has shape {found.shape}, expected {axes} axes; make it again"
        )
    if not np.can_cast(found.dtype, dtype, casting="same_kind"):
        raise InputError(
            f"{path}: {name} holds {found.dtype}, expected {np.dtype(dtype)}; make it again"
        )
    return found


def _codes(types: tuple[str, ...]) -> NDArray[np.int32]:
    """(K,) Monte Carlo number of each class, 0 where it has none."""
    return np.array([PDG_CODES.get(name, 0) for name in types], dtype=np.int32)


def _check(path: Path, images: Images) -> None:
    """Raise InputError for the first rule of the layout that the images break."""
    n, c, *_ = images.pixels.shape
    fields = {column: name for name, (column, _, _) in _LAYOUT.items()}
    shapes: dict[str, tuple[int, ...]] = {
        "labels": (n,),
        "event": (n,),
        "planes": (n, c),
        "segmentation": images.pixels.shape,
        "momentum": (n, 3),
        "start": (n, 3),
        "corner": (n, c, 2),
    }
    for column, values in images.columns.items():
        if values.shape != shapes.get(column, values.shape):
            raise InputError(
                f"{path}: {fields[column]} has shape {values.shape}, "
                f"expected {shapes[column]}; make it again"
            )
        bad = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(1, dtype=bool)
        if column == "momentum":
            bad = bad & ~np.isnan(values).all(axis=1, keepdims=True)
        if column == "start":  # one plane does not show all coordinates
            bad = np.isinf(values)
        if bad.any():
            first = int(np.argwhere(bad)[0][0])
            raise InputError(
                f"{path}: {fields[column]} of image {first} is NaN or infinite; remove this image"
            )
    indices = {"labels": images.types, "planes": PLANES, "segmentation": SEGMENTS}
    for column, names in indices.items():
        known = images.columns.get(column)
        if known is not None and known.size and not 0 <= known.min() <= known.max() < len(names):
            raise InputError(
                f"{path}: {fields[column]} holds values from {known.min()} to {known.max()}, "
                f"expected 0 to {len(names) - 1}; make it again"
            )
    if images.unit not in UNITS:
        raise InputError(
            f"{path}: attribute unit is {images.unit!r}; choose from {', '.join(UNITS)}"
        )


def _check_alike(path: Path, first: Images, images: Images) -> None:
    """Raise InputError where images do not fit into one file with the first ones."""
    for what, one, other in (
        ("shape", first.pixels.shape[1:], images.pixels.shape[1:]),
        ("classes", first.types, images.types),
        ("unit", first.unit, images.unit),
        ("threshold", first.threshold, images.threshold),
        ("pitch", first.pitch, images.pitch),
        ("columns", list(first.columns), list(images.columns)),
    ):
        if one != other:
            raise InputError(
                f"{path}: images of different {what} ({one} and {other}); write them apart"
            )
