"""PILArNet-M's HDF5 events in three dimensions, projected on three planes.

Of each event, ``point`` has 8 numbers a voxel: x, y, z (index from 0 to 767), charge [MeV], energy
deposit [MeV], time [ns], number of electrons, dx [mm]. ``cluster`` has 5 (first release) or 6
numbers a group of consecutive voxels: how many, fragment, group, interaction, semantic type, and
in the second release the kind of particle. Semantic types: shower, track, Michel electron, delta
ray, low-energy deposit.

Adams et al., 2006.01993; Young et al., 2502.02558; huggingface.co/datasets/DeepLearnPhysics.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from driftline.data.formats.hdf5 import dataset, opened
from driftline.data.images import PLANES, SEGMENTS, UNKNOWN, Images
from driftline.errors import InputError

VOXELS = 768
PITCH = 0.3
"""cm: side of a voxel."""

_POINT = 8
_SEGMENT_OF = np.array([2, 1, 2, 2, 2], dtype=np.uint8)
"""Index into ``SEGMENTS`` of each semantic type: all but tracks are electromagnetic."""
_SEMANTIC = 4


def is_pilarnet(file: h5py.File) -> bool:
    """Whether an open HDF5 file is laid out as PILArNet-M."""
    return isinstance(file.get("point"), h5py.Dataset) and "cluster" in file


def blocks(path: Path, size: int = 8) -> Iterator[Images]:
    """The events of a file, at most ``size`` at a time (7 MB each).

    Three images of 768 x 768 pixels of 0.3 cm an event, in MeV, with the segment that most of a
    pixel's charge belongs to. Events are of several particles: their class is ``unknown``. The
    event is the number of the row.

    Raises:
        InputError: damaged, of another schema, or a voxel lies outside.
    """
    path = Path(path)
    with opened(path) as file:
        points, clusters = dataset(path, file, "point"), dataset(path, file, "cluster")
        columns = 6 if "cluster_extra" in file else 5
        if not len(points) or len(points) != len(clusters):
            raise InputError(
                f"{path}: point has {len(points)} events, cluster {len(clusters)}; "
                "both need the same, at least one"
            )
        for start in range(0, len(points), size):
            events = range(start, min(start + size, len(points)))
            made = [_event(f"{path}: event {i}", points[i], clusters[i], columns) for i in events]
            count = len(made)
            yield Images(
                np.stack([pixels for pixels, _ in made]),
                np.zeros(count, dtype=np.int64),
                (UNKNOWN,),
                np.tile(np.arange(len(PLANES), dtype=np.uint8), (count, 1)),
                np.array(events, dtype=np.int64),
                segmentation=np.stack([segments for _, segments in made]),
                pitch=PITCH,
                attributes={"source": str(path)},
            )


def project(
    voxels: NDArray[np.int64], charge: NDArray[np.float32], semantic: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Sum the charge of voxels along each of the three axes.

    Args:
        voxels: (P, 3) x, y, z from 0 to 767.
        charge: (P,) [MeV].
        semantic: (P,) types of the voxels.

    Returns:
        (3, 768, 768) float32 charge and uint8 segments, with the most charge in each pixel.
    """
    pixels = np.empty((len(PLANES), VOXELS, VOXELS), dtype=np.float32)
    segments = np.empty(pixels.shape, dtype=np.uint8)
    segment = _SEGMENT_OF[semantic]
    for plane, (row, column) in enumerate(PLANES):
        index = voxels[:, "xyz".index(row)] * VOXELS + voxels[:, "xyz".index(column)]
        of_segment = np.stack(
            [
                np.bincount(index[segment == k], charge[segment == k], minlength=VOXELS**2)
                for k in range(1, len(SEGMENTS))
            ]
        )
        total = of_segment.sum(axis=0)
        pixels[plane] = total.reshape(VOXELS, VOXELS)
        largest = np.where(total > 0, 1 + of_segment.argmax(axis=0), 0)
        segments[plane] = largest.reshape(VOXELS, VOXELS)
    return pixels, segments


def _event(
    name: str, point: NDArray[np.float32], cluster: NDArray[np.int64], columns: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The projections of one event, after a look at its numbers."""
    point, cluster = np.ravel(point), np.ravel(cluster)
    if len(point) % _POINT or len(cluster) % columns:
        raise InputError(
            f"{name} has {len(point)} numbers in point and {len(cluster)} in cluster, expected "
            f"multiples of {_POINT} and {columns}; fetch the file again"
        )
    voxels, groups = point.reshape(-1, _POINT), cluster.reshape(-1, columns).astype(np.int64)
    if (groups[:, 0] < 0).any() or groups[:, 0].sum() != len(voxels):
        raise InputError(
            f"{name} has {len(voxels)} voxels in point, {groups[:, 0].sum()} in cluster; "
            "fetch the file again"
        )
    semantic = groups[:, _SEMANTIC]
    if len(semantic) and not 0 <= semantic.min() <= semantic.max() < len(_SEGMENT_OF):
        raise InputError(f"{name} has a semantic type in cluster that is not from 0 to 4")
    position = voxels[:, :3]
    if not (np.isfinite(voxels[:, 3]).all() and ((position >= 0) & (position < VOXELS)).all()):
        raise InputError(
            f"{name} has a voxel in point outside 0 to {VOXELS - 1}, or of infinite charge"
        )
    return project(position.astype(np.int64), voxels[:, 3], np.repeat(semantic, groups[:, 0]))
