"""Folders of PNG images, one plane each: how 2307.13687 stored its 256 x 256 planes."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from driftline.data.formats.unlabelled import class_of, unlabelled
from driftline.data.images import Images
from driftline.errors import InputError

_WIDE = ("I;16", "I;16B", "I;16L", "I", "F")
"""Pillow's modes of more than 8 bits."""


def blocks(path: Path, size: int = 256, unit: str | None = None) -> Iterator[Images]:
    """The images of a folder and its subfolders, at most ``size`` at a time.

    Files are ordered by name, numbers in it by value. Colours become their luminance (grey
    stored as three equal colours is not changed). The class is ``tracks`` or ``showers`` where
    the name of a file or subfolder says so. Each image counts as an event.

    Args:
        path: the folder.
        size: images in a block.
        unit: of the pixels, see ``unlabelled``.

    Raises:
        InputError: there is no PNG, one is damaged, or has another size than the first one.
    """
    path = Path(path)
    files = sorted((f for f in path.rglob("*") if f.suffix.lower() == ".png"), key=_by_number)
    if not files:
        raise InputError(f"{path}: there are no PNG images in this folder; give another")
    shape: tuple[int, ...] | None = None
    for start in range(0, len(files), size):
        pictures = []
        for file in files[start : start + size]:
            pictures.append(_read(file))
            shape = shape or pictures[-1].shape
            if pictures[-1].shape != shape:
                raise InputError(
                    f"{file}: has {pictures[-1].shape} pixels, the first image of the folder "
                    f"{shape}; give a folder of images of one size"
                )
        names = [str(file.relative_to(path)) for file in files[start : start + size]]
        labels = np.array([class_of(name) for name in names], dtype=np.int64)
        yield unlabelled(str(path), np.stack(pictures), labels, start, unit)


def _read(file: Path) -> NDArray[np.generic]:
    """(H, W) pixels of a file."""
    try:
        with Image.open(file, formats=["PNG"]) as picture:
            return np.asarray(picture if picture.mode in _WIDE else picture.convert("L"))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise InputError(f"{file}: not a PNG image, or damaged; remove it") from error


def _by_number(file: Path) -> list[tuple[int, str]]:
    """A key that sorts ``plane_10`` behind ``plane_9``."""
    parts = re.split(r"(\d+)", str(file))
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
