"""NumPy files of images: ``.npy`` of one stack (N, H, W) or (N, C, H, W), ``.npz`` of several.

The form of the public data of 2307.13687 (doi 10.5281/zenodo.8300355):
``larcv_png_64_{train,test}_{tracks,showers}.npy``, 64 x 64 pixels, 0 to 255.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from driftline.data.formats.unlabelled import class_of, unlabelled
from driftline.data.images import Images
from driftline.errors import InputError


def blocks(path: Path, size: int = 256, unit: str | None = None) -> Iterator[Images]:
    """The images of a file, at most ``size`` at a time; an ``.npy`` is mapped, not loaded.

    The class is ``tracks`` or ``showers`` where the name of the file or of an ``.npz``'s array says
    so. Which images show one event cannot be known: each counts as an event.

    Args:
        path: the file.
        size: images in a block.
        unit: of the pixels, see ``unlabelled``.

    Raises:
        InputError: the file is damaged, holds objects, or its arrays are no images.
    """
    first = 0
    for name, stack in _stacks(Path(path)):
        label = class_of(name)
        for start in range(0, len(stack), size):
            block = stack[start : start + size]
            labels = np.full(len(block), label, dtype=np.int64)
            yield unlabelled(name, block, labels, first, unit)
            first += len(block)


def _stacks(path: Path) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """The arrays of a file with the names that tell their class."""
    try:
        with path.open("rb") as file:  # np.load would leave a damaged .npz open
            if file.read(2) == b"PK":
                file.seek(0)
                with np.load(file, allow_pickle=False) as arrays:
                    for name in arrays.files:
                        yield _checked(f"{path} ({name})", arrays[name])
                return
        yield _checked(str(path), np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: cannot be read as NumPy arrays ({error}); fetch or make it again"
        ) from error


def _checked(name: str, stack: NDArray[np.generic]) -> tuple[str, NDArray[np.generic]]:
    if stack.ndim not in (3, 4):
        raise InputError(
            f"{name}: has shape {stack.shape}, expected (N, H, W) or (N, C, H, W); convert it"
        )
    return name, stack
