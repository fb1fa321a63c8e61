"""LArCV3's HDF5 files of images, sparse (``sparse2d``) and dense (``image2d``).

``Data/sparse2d_PRODUCER_group`` holds four tables. ``extents`` (first, N), a row an event, tells
which rows of the next two belong to it; ``voxel_extents`` (first, ID, N) and ``image_meta``
(image_sizes, number_of_voxels, ...), a row a projection; ``voxels`` (id, value) are the pixels,
``id`` counting with the second axis running fastest. ``Data/image2d_PRODUCER_group`` is the same
with ``image_extents`` and ``images``, all pixels one after the other. Particles, where there are
any, stand in ``Data/particle_PRODUCER_group``: ``extents`` and ``particles``.

Layout: the serialisers of DeepLearnPhysics/larcv3 (``core/dataformat``).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from driftline.data.formats.hdf5 import dataset, opened
from driftline.data.formats.image_file import UNITS
from driftline.data.formats.larcv_truth import TYPES, truth
from driftline.data.images import PLANES, UNKNOWN, Images
from driftline.errors import InputError

_TABLES = {"sparse2d": ("voxel_extents", "voxels"), "image2d": ("image_extents", "images")}
"""Kind of product: its tables of projections and of pixels."""


def is_larcv3(file: h5py.File) -> bool:
    """Whether an open HDF5 file is laid out by LArCV3."""
    return isinstance(file.get("Data"), h5py.Group) and "Events" in file


def blocks(
    path: Path, size: int = 64, unit: str | None = None, producer: str | None = None
) -> Iterator[Images]:
    """The images of a file, at most ``size`` at a time; axis 0 of a projection runs along rows.

    Classes and momenta as from LArCV2 files. The event is the number of the row.

    Args:
        path: the file.
        size: images in a block.
        unit: of the pixels, which the format does not tell; by default ``ADC``.
        producer: whose images; by default the only one, or ``data``.

    Raises:
        InputError: damaged, of another schema, without images or with several producers, or images
            of several sizes.
    """
    path = Path(path)
    if unit is not None and unit not in UNITS:
        raise InputError(f"--unit: unknown unit {unit!r}; choose from {', '.join(UNITS)}")
    with opened(path) as file:
        kind, group = _product(path, file, producer)
        extents = dataset(path, file, f"{group}/extents")
        if not len(extents):
            raise InputError(f"{path}: {group}/extents has no rows; the file is empty")
        known = _truth(path, file, len(extents))
        for start in range(0, len(extents), size):
            stop = min(start + size, len(extents))
            pixels, planes, pitch = _pixels(path, file, kind, group, slice(start, stop))
            of_block: dict[str, Any] = {n: column[start:stop] for n, column in known.items()}
            yield Images(
                pixels,
                types=TYPES,
                planes=planes,
                event=np.arange(start, stop, dtype=np.int64),
                unit=unit or "ADC",
                pitch=pitch,
                attributes={"source": str(path), "product": group},
                **of_block,
            )


def _product(path: Path, file: h5py.File, producer: str | None) -> tuple[str, str]:
    """Kind and group of the images; sparse ones before dense ones."""
    found = [
        (kind, match[1])
        for kind in _TABLES
        for name in file["Data"]
        if (match := re.fullmatch(rf"{kind}_(.+)_group", name))
    ]
    wanted = [p for p in found if p[1] == (producer or "data")] or (found if not producer else [])
    if not wanted or len({name for _, name in wanted}) > 1:
        there = ", ".join(f"{kind} {name}" for kind, name in found) or ", ".join(file["Data"])
        raise InputError(
            f"{path}: Data holds {there or 'nothing'}; expected images (sparse2d or image2d) of "
            f"one producer{'' if producer is None else f' {producer!r}'}, choose it with "
            "larcv3.blocks(path, producer=...)"
        )
    kind, name = wanted[0]
    return kind, f"Data/{kind}_{name}_group"


def _pixels(
    path: Path, file: h5py.File, kind: str, group: str, events: slice
) -> tuple[NDArray[np.float32], NDArray[np.uint8], float]:
    """(N, C, H, W) pixels, (N, C) planes and the pitch [cm] of some events."""
    projections, values = _TABLES[kind]
    number, first, last = _rows(path, group, dataset(path, file, f"{group}/extents")[events])
    if (number != number[0]).any() or not 1 <= number[0] <= len(PLANES):
        raise InputError(
            f"{path}: {group}/extents has from {number.min()} to {number.max()} projections an "
            f"event, expected one number from 1 to {len(PLANES)}; select events of equal ones"
        )
    table = dataset(path, file, f"{group}/{projections}")[first:last]
    meta = dataset(path, file, f"{group}/image_meta")[first:last]
    if not len(table) == len(meta) == number.sum():
        raise InputError(f"{path}: {group}/{projections} is truncated; fetch or make it again")
    shape = meta["number_of_voxels"].astype(np.int64)
    if shape.shape[1] != 2 or (shape != shape[0]).any() or (shape[0] < 1).any():
        raise InputError(
            f"{path}: {group}/image_meta number_of_voxels differs between images; "
            "select images of one size"
        )
    planes = table["ID"].reshape(-1, number[0])
    if planes.max() >= len(PLANES):
        raise InputError(
            f"{path}: {group}/{projections} ID is {planes.max()}, expected 0 to {len(PLANES) - 1}"
        )
    height, width = shape[0].tolist()
    count, first, last = _rows(path, f"{group}/{projections}", table)
    stored = dataset(path, file, f"{group}/{values}")[first:last]
    index, charge = (
        (stored["id"].astype(np.int64), stored["value"])
        if kind == "sparse2d"
        else (np.concatenate([np.arange(n) for n in count]), stored)
    )
    if len(index) != len(charge) or len(index) != count.sum() or (index >= height * width).any():
        raise InputError(f"{path}: {group}/{values} disagrees with {projections} or image_meta")
    pixels = np.zeros((len(count), height * width), dtype=np.float32)
    pixels[np.repeat(np.arange(len(count)), count), index] = charge
    pitch = float(meta["image_sizes"][0, 0] / height)
    return (
        pixels.reshape(-1, int(number[0]), height, width),
        planes.astype(np.uint8),
        pitch if pitch > 0 else 0.5,
    )


def _rows(path: Path, name: str, extents: NDArray[Any]) -> tuple[NDArray[np.int64], int, int]:
    """Numbers of rows of consecutive extents, and where the first begins and the last ends."""
    number, first = extents["N"].astype(np.int64), extents["first"].astype(np.int64)
    if (first[1:] != first[:-1] + number[:-1]).any():
        raise InputError(f"{path}: the extents of {name} do not follow each other; make it again")
    return number, int(first[0]), int(first[-1] + number[-1])


def _truth(path: Path, file: h5py.File, events: int) -> dict[str, NDArray[Any]]:
    """What the particles tell of all events; class unknown where there are none."""
    groups = [name for name in file["Data"] if re.fullmatch(r"particle_.+_group", name)]
    if not groups:
        return {"labels": np.full(events, TYPES.index(UNKNOWN), dtype=np.int64)}
    chosen = "particle_mctruth_group" if "particle_mctruth_group" in groups else groups[0]
    extents = dataset(path, file, f"Data/{chosen}/extents")[:]
    table = dataset(path, file, f"Data/{chosen}/particles")
    if len(extents) != events:
        raise InputError(
            f"{path}: Data/{chosen}/extents has {len(extents)} rows, the images {events} events"
        )
    number = extents["N"].astype(np.int64)
    if not len(table):
        return {"labels": np.full(events, TYPES.index(UNKNOWN), dtype=np.int64)}
    particle = table[:][np.minimum(extents["first"].astype(np.int64), len(table) - 1)]
    return truth(
        number,
        particle["pdg"].astype(np.int64),
        particle["energy_init"].astype(np.float64),
        np.stack([particle[f"p{axis}"] for axis in "xyz"], axis=1).astype(np.float64),
    )
