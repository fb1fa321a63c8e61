"""Events of any kind, from Driftline's own files: jets in JetNet's layout, or images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import Jets
from driftline.data.formats import image_file, jetnet
from driftline.data.formats.hdf5 import opened
from driftline.data.images import Images
from driftline.errors import InputError


def read_events(
    path: Path,
    types: Sequence[str] | None = None,
    *,
    particles: int | None = None,
    count: int | None = None,
) -> Jets | Images:
    """The events of a file or directory, of the kind that it holds.

    Args:
        path: a file of images, a JetNet file, or a directory of these, one a class.
        types: classes to keep, by default all.
        particles: keep so many of the hardest; jets only.
        count: keep the first ones of each class.

    Raises:
        InputError: as ``jetnet.read_directory`` or ``image_file.read``; a class has too few images.
    """
    if not _holds_images(path):
        return jetnet.read_directory(path, types, particles=particles, count=count)
    images = image_file.read(path)
    wanted = images.present if types is None else tuple(types)
    chosen = [_first(path, images, name, count) for name in wanted]
    return images[np.sort(np.concatenate(chosen))]


def _holds_images(path: Path) -> bool:
    """Whether these are images; false also of a directory.

    Raises:
        InputError: a file holds neither images nor jets.
    """
    if not path.is_file():
        return False
    with opened(path) as file:
        if image_file.is_image_file(file):
            return True
        if not {"particle_features", "jet_features"} & set(file):
            raise InputError(
                f"{path}: neither Driftline's images nor jets in JetNet's layout (there is "
                f"{', '.join(file) or 'nothing'}); of images in other formats driftline crop "
                "makes such a file"
            )
        return False


def _first(path: Path, images: Images, name: str, count: int | None) -> NDArray[np.int64]:
    """Indices of the first images of a class."""
    if name not in images.present:
        raise InputError(
            f"{path}: no images of class {name!r}; choose from {', '.join(images.present)}"
        )
    found = np.flatnonzero(images.labels == images.types.index(name))
    if count is not None and len(found) < count:
        raise InputError(
            f"{path}: holds {len(found)} images of class {name!r}, {count} are asked for; "
            "ask for fewer"
        )
    return found[:count]
