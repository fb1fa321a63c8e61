"""Detector images of any format that is known here, recognised by what a file holds."""

from collections.abc import Callable, Iterator
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
from driftline.data.liquid_argon import in_mev
from driftline.errors import InputError

KNOWN = (
    "Driftline's HDF5, .npy and .npz stacks, folders of PNG, LArCV2 ROOT, LArCV3 HDF5, "
    "PILArNet-M HDF5, Wire-Cell frame archives"
)


_Reader = tuple[Callable[..., Iterator[Images]], tuple[str, ...]]
"""What reads a file, and what it has to be told: ``unit`` where the format does not tell it,
``pitch`` where there is a choice."""


def read_images(
    path: Path, count: int | None = None, unit: str | None = None, pitch: float | None = None
) -> Images:
    """Read the images of a file or folder.

    Args:
        path: in one of the formats of ``KNOWN``.
        count: only the first ones.
        unit: of the pixels, where the format does not tell (NumPy, PNG, LArCV3); where it does,
            ``MeV`` turns electrons into energy.
        pitch: [cm] side of the square pixels that frames of Wire-Cell are resampled to.

    Raises:
        InputError: no such file, another format, damaged, fewer images than asked for, a unit that
            contradicts the file's, or a pitch for another format.
    """
    parts, missing = [], count
    for block in blocks(path, unit, pitch):
        parts.append(block if missing is None else block[:missing])
        if missing is not None:
            missing -= len(parts[-1])
            if not missing:
                break
    if missing:
        have = sum(len(part) for part in parts)
        raise InputError(f"{path}: holds {have} images, {count} are asked for; ask for fewer")
    return concatenate(parts)


def blocks(path: Path, unit: str | None = None, pitch: float | None = None) -> Iterator[Images]:
    """The images of a file or folder, block after block, so that large ones need not fit in memory.

    Raises:
        InputError: as ``read_images``; also where a file holds no image.
    """
    path = Path(path)
    read, takes = _reader(path)
    if pitch is not None and "pitch" not in takes:
        raise InputError(f"{path}: only frames of Wire-Cell are resampled; leave --pitch out")
    told = {"unit": unit, "pitch": pitch}
    found = read(path, **{name: told[name] for name in takes})
    if unit is not None and "unit" not in takes:
        found = (_in_unit(path, images, unit) for images in found)
    first = list(islice(found, 1))
    if not first:
        raise InputError(f"{path}: holds no images; give another file")
    yield from first
    yield from found


def _in_unit(path: Path, images: Images, unit: str) -> Images:
    """The images of a format that tells their unit, in another one."""
    if images.unit == unit:
        return images
    if (images.unit, unit) != ("electrons", "MeV"):
        raise InputError(
            f"{path}: its pixels are in {images.unit}; --unit only turns electrons into MeV, leave "
            "it out"
        )
    return in_mev(images)


def _reader(path: Path) -> _Reader:
    if path.is_dir():
        return png_folder.blocks, ("unit",)
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if start.startswith((b"\x93NUMPY", b"PK\x03\x04")):
        return numpy_stack.blocks, ("unit",)
    if start.startswith(b"root"):
        from driftline.data.formats import larcv2  # uproot takes a second to import

        return larcv2.blocks, ()
    if h5py.is_hdf5(path):
        return _hdf5_reader(path)
    if wire_cell.is_archive(path):
        return wire_cell.blocks, ("pitch",)
    raise InputError(f"{path}: of no known format; expected one of {KNOWN}")


def _hdf5_reader(path: Path) -> _Reader:
    with opened(path) as file:
        if image_file.is_image_file(file):
            return image_file.blocks, ()
        if larcv3.is_larcv3(file):
            return larcv3.blocks, ("unit",)
        if pilarnet.is_pilarnet(file):
            return pilarnet.blocks, ()
        there = ", ".join(file) or "nothing"
    raise InputError(
        f"{path}: HDF5 of another schema (it holds {there}); expected Driftline's images, LArCV3 "
        "or PILArNet-M"
    )
