"""LArCV2's ROOT files, read without LArCV and ROOT.

The tree ``image2d_data_tree`` holds the images, an entry an event: ``_image_v._img`` has one vector
of pixels a plane, column after column, ``_image_v._meta._row_count`` and ``_col_count`` their
shapes. ``particle_mctruth_tree`` holds the particles: ``_pdg``, ``_energy_init``, ``_px``, ...

The public single-particle sets (deeplearnphysics.org) have 256 x 256 pixels of 0.5 cm in three
orthogonal projections, 100 counts per MeV, and no pixel below 5 counts.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray

from driftline.data.formats.larcv_truth import TYPES, truth
from driftline.data.image_preprocessing import apply_threshold
from driftline.data.images import PLANES, UNKNOWN, Images
from driftline.errors import InputError

IMAGE_TREE = "image2d_data_tree"
PARTICLE_TREE = "particle_mctruth_tree"
COUNTS_PER_MEV = 100.0
LEAST_COUNTS = 5.0

_DAMAGED = (
    *(OSError, ValueError, TypeError, LookupError, AssertionError),
    *(NotImplementedError, RuntimeError, struct.error, EOFError),
)
"""What uproot raises, depending on which byte of a file is wrong."""


def blocks(path: Path, size: int = 64) -> Iterator[Images]:
    """The images of a file, at most ``size`` at a time, in MeV.

    Classes and momenta [MeV/c] come from the particles, see ``larcv_truth.truth``; without that
    tree the class is ``unknown``. The event is the number of the entry.

    Raises:
        InputError: not ROOT, damaged, without the tree of images, or with images of several sizes.
    """
    path = Path(path)
    try:
        with uproot.open(path) as file:
            trees = set(file.keys(cycle=False, recursive=False))
            if IMAGE_TREE not in trees:
                there = ", ".join(sorted(trees)) or "nothing"
                raise InputError(
                    f"{path}: tree {IMAGE_TREE} is missing (there is {there}); "
                    "give a LArCV2 file of images"
                )
            tree = file[IMAGE_TREE]
            known = _truth(path, file, tree.num_entries) if PARTICLE_TREE in trees else None
            for start in range(0, tree.num_entries, size):
                stop = min(start + size, tree.num_entries)
                yield _block(path, tree, start, stop, known)
            if not tree.num_entries:
                raise InputError(f"{path}: {IMAGE_TREE} has no entries; the file is empty")
    except _DAMAGED as error:
        raise InputError(
            f"{path}: truncated or damaged ROOT file, or not ROOT; fetch or make it again"
        ) from error


def dense(
    counts: Sequence[NDArray[np.float32]],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.float32]:
    """(N, C, H, W) from the vectors of N events.

    Args:
        counts: of each event, its pixels, plane after plane, in each column after column.
        rows: (N, C) of the planes.
        columns: (N, C) of the planes.

    Raises:
        ValueError: the shapes differ, or a vector has another length than they say.
    """
    height, width = int(rows.flat[0]), int(columns.flat[0])
    if (rows != height).any() or (columns != width).any():
        raise ValueError("images of different sizes")
    planes = rows.shape[1]
    if any(len(vector) != planes * height * width for vector in counts):
        raise ValueError("_img has another length than _row_count times _col_count")
    stacked = np.stack(counts).reshape(len(counts), planes, width, height)
    return np.ascontiguousarray(stacked.swapaxes(2, 3), dtype=np.float32)


def _block(
    path: Path, tree: Any, start: int, stop: int, known: dict[str, NDArray[Any]] | None
) -> Images:
    """The images of the entries from ``start`` to ``stop``."""
    entries = {"entry_start": start, "entry_stop": stop}
    rows, columns = (
        _leaf(path, tree, f"_image_v._meta.{name}").array(**entries)
        for name in ("_row_count", "_col_count")
    )
    vectors = _leaf(path, tree, "_image_v._img").array(**entries)
    planes = ak.num(rows, axis=1)
    if ak.min(planes) != ak.max(planes) or not 1 <= planes[0] <= len(PLANES):
        raise InputError(
            f"{path}: {IMAGE_TREE} has from {ak.min(planes)} to {ak.max(planes)} planes an event, "
            f"expected one number from 1 to {len(PLANES)}; select events of equal planes"
        )
    flat = [ak.to_numpy(ak.flatten(vector, axis=None)) for vector in vectors]
    try:
        counts = dense(flat, ak.to_numpy(rows).astype(int), ak.to_numpy(columns).astype(int))
    except ValueError as error:
        raise InputError(f"{path}: {IMAGE_TREE} holds {error}; make the file again") from error
    count = stop - start
    of_block: dict[str, Any] = {"labels": np.full(count, TYPES.index(UNKNOWN))}
    if known is not None:
        of_block = {name: column[start:stop] for name, column in known.items()}
    return Images(
        apply_threshold(counts, LEAST_COUNTS) / np.float32(COUNTS_PER_MEV),
        types=TYPES,
        planes=np.tile(np.arange(counts.shape[1], dtype=np.uint8), (count, 1)),
        event=np.arange(start, stop, dtype=np.int64),
        threshold=LEAST_COUNTS / COUNTS_PER_MEV,
        attributes={"source": str(path)},
        **of_block,
    )


def _truth(path: Path, file: Any, entries: int) -> dict[str, NDArray[Any]]:
    """What the particles tell of all events."""
    tree = file[PARTICLE_TREE]
    if tree.num_entries != entries:
        raise InputError(
            f"{path}: {PARTICLE_TREE} has {tree.num_entries} entries, {IMAGE_TREE} {entries}; "
            "make the file again"
        )

    def first(name: str) -> NDArray[Any]:
        """A leaf of the first particle of each event, zero where there is none."""
        leaf = _leaf(path, tree, f"_part_v.{name}").array()
        return ak.to_numpy(ak.fill_none(ak.firsts(leaf, axis=1), 0))

    return truth(
        ak.to_numpy(ak.num(_leaf(path, tree, "_part_v._pdg").array(), axis=1)),
        first("_pdg").astype(np.int64),
        first("_energy_init").astype(np.float64),
        np.stack([first(f"_p{axis}") for axis in "xyz"], axis=1).astype(np.float64),
    )


def _leaf(path: Path, tree: Any, name: str) -> Any:
    """The branch of this name, however deep it stands."""
    for key in tree.keys():
        if key.rsplit("/", 1)[-1] == name:
            return tree[key]
    raise InputError(
        f"{path}: {tree.name} has no branch {name}; give a LArCV2 file, split into branches"
    )
