"""Detector images of any format that is known here, recognised by what a file holds."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import h5py

from driftline.data.formats import (
    image_file,
    larcv3,
    numpy_stack,
    pilarnet,
    png_folder,
    wire_cell,
)
from driftline.data.formats.hdf5 import opened
from driftline.data.images import Images, concatenate
from driftline.errors import InputError

KNOWN = (
    "Driftline's HDF5, .npy and .npz stacks, folders of PNG, LArCV2 ROOT, LArCV3 HDF5, "
    "PILArNet-M HDF5, Wire-Cell frame archives"
)


def read_images(path: Path, count: int | None = None, unit: str | None = None) -> Images:
    """Read the images of a file or folder.

    Args:
        path: in one of the formats of ``KNOWN``.
        count: only the first ones.
        unit: of the pixels, where the format does not tell (NumPy, PNG, LArCV3).

    Raises:
        InputError: no such file, another format, damaged, or fewer images than asked for.
    """
    parts, missing = [], count
    for block in blocks(path, unit=unit):
        parts.append(block if missing is None else block[:missing])
        if missing is not None:
            missing -= len(parts[-1])
            if not missing:
                break
    if missing:
        have = sum(len(part) for part in parts)
        raise InputError(f"{path}: holds {have} images, {count} are asked for; ask for fewer")
    return concatenate(parts)


def blocks(path: Path, unit: str | None = None) -> Iterator[Images]:
    """The images of a file or folder, block after block, so that large ones need not fit in memory.

    Raises:
        InputError: as ``read_images``; also where a file holds no image.
    """
    path = Path(path)
    reader, tells = _reader(path)
    if tells and unit is not None:
        raise InputError(f"{path}: tells the unit of its pixels itself; leave --unit out")
    found = reader(path) if tells else partial(reader, unit=unit)(path)
    first = list(islice(found, 1))
    if not first:
        raise InputError(f"{path}: holds no images; give another file")
    yield from first
    yield from found


def _reader(path: Path) -> tuple[Callable[..., Iterator[Images]], bool]:
    """What reads a file, and whether the format tells the unit of the pixels."""
    if path.is_dir():
        return png_folder.blocks, False
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if start.startswith((b"\x93NUMPY", b"PK\x03\x04")):
        return numpy_stack.blocks, False
    if start.startswith(b"root"):
        from driftline.data.formats import larcv2  # uproot takes a second to import

        return larcv2.blocks, True
    if h5py.is_hdf5(path):
        return _hdf5_reader(path)
    if wire_cell.is_archive(path):
        return wire_cell.blocks, True
    raise InputError(f"{path}: of no known format; expected one of {KNOWN}")


def _hdf5_reader(path: Path) -> tuple[Callable[..., Iterator[Images]], bool]:
    with opened(path) as file:
        if image_file.is_image_file(file):
            return image_file.blocks, True
        if larcv3.is_larcv3(file):
            return larcv3.blocks, False
        if pilarnet.is_pilarnet(file):
            return pilarnet.blocks, True
        there = ", ".join(file) or "nothing"
    raise InputError(
        f"{path}: HDF5 of another schema (it holds {there}); expected Driftline's images, LArCV3 "
        "or PILArNet-M"
    )
