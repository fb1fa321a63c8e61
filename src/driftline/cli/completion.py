"""Images to be completed: what ``--complete``, ``--missing`` and ``--error`` ask for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from driftline.data.formats import conditions, image_file
from driftline.data.formats.conditions import Conditions
from driftline.data.images import UNKNOWN, Images
from driftline.data.shipped import reference_path
from driftline.errors import InputError
from driftline.image_generator import ImageGenerator
from driftline.image_guidance import KnownPixels

_AXES = {"rows": 1, "columns": 2}
"""Of pixels (C, H, W)."""

_REGION = re.compile(r"\s*(rows|columns)=(\d+):(\d+)\s*")


@dataclass(frozen=True)
class Completion:
    """Images of which some pixels are missing; it guides image by image.

    Attributes:
        images: N of them, zero where pixels are missing.
        missing: (N, C, H, W) bool.
        error: [unit of the images] of the other pixels; 0: they are known exactly.
    """

    images: Images
    missing: NDArray[np.bool_]
    error: float

    @classmethod
    def read(
        cls,
        path: Path,
        missing: str,
        error: float,
        types: Sequence[str] | None,
        generator: ImageGenerator,
    ) -> "Completion":
        """The images of a file.

        Args:
            path: in Driftline's format.
            missing: see ``missing_pixels``.
            error: of the known pixels.
            types: classes asked for; the only one is that of images of which it is not known.
            generator: that is to complete them.

        Raises:
            InputError: the file cannot be read, its images are not like those of the model or of
                unknown class, or ``missing`` does not fit them.
        """
        images = _classified(path, image_file.read(reference_path(path)), types)
        absent = missing_pixels(missing, images.pixels.shape)
        images = replace(images, pixels=np.where(absent, np.float32(0), images.pixels))
        found = generator.unlike(images)
        if found is not None:
            raise InputError(f"{path}: {found}")
        return cls(images, absent, error)

    @property
    def wanted(self) -> Conditions:
        """Each image's class, plane, momentum and start, as far as they are known."""
        return conditions.of_images(self.images)

    def of(self, rows: NDArray[np.int64]) -> KnownPixels:
        """Guidance of some of the images, by their numbers."""
        return KnownPixels(self.images.pixels[rows], ~self.missing[rows], self.error)


def _classified(path: Path, images: Images, types: Sequence[str] | None) -> Images:
    """Images of unknown class as those of the only one asked for; others as they are.

    Raises:
        InputError: some classes are known and some not, or none is and not one is asked for.
    """
    if UNKNOWN not in images.present:
        return images
    if len(images.present) > 1:
        raise InputError(
            f"{path}: the class of some images is known and of others not; make two files of them"
        )
    if types is None or len(types) != 1:
        raise InputError(
            f"{path}: the class of its images is not known; say with --types as what one class to "
            "complete them"
        )
    return replace(images, labels=np.zeros_like(images.labels), types=tuple(types))


def missing_pixels(text: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which pixels are missing: regions, or a file of NumPy.

    Args:
        text: ``columns=20:24`` and ``rows=0:8``, ends not included, separated by commas; or a
            ``.npy`` of bool, (H, W), (C, H, W) or (N, C, H, W), true where pixels are missing.
        shape: N, C, H, W of the images.

    Returns:
        (N, C, H, W) bool; it may not be writable.

    Raises:
        InputError: the text is neither, a region leaves the image, or the file does not fit it.
    """
    found = _mask(Path(text)) if text.endswith(".npy") else _regions(text, shape[1:])
    try:
        if 2 <= found.ndim <= 4:
            return np.broadcast_to(found, shape)
    except ValueError:
        pass
    raise InputError(
        f"--missing {text}: has shape {found.shape} where the images have {shape}; give (H, W), "
        "(C, H, W) or (N, C, H, W)"
    )


def _mask(path: Path) -> NDArray[np.bool_]:
    try:
        with path.open("rb") as file:
            found = np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:
        raise InputError(f"{path}: is no array of NumPy ({error}); save it again") from error
    if found.dtype != np.bool_:
        raise InputError(f"{path}: holds {found.dtype}; save bool, true where pixels are missing")
    return found


def _regions(text: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    missing = np.zeros(shape, dtype=bool)
    for part in text.split(","):
        region = _REGION.fullmatch(part)
        if region is None:
            raise InputError(
                f"--missing {part}: is no region; write columns=20:24 or rows=0:8, several "
                "separated by commas, or a file .npy"
            )
        lines, first, end = region[1], int(region[2]), int(region[3])
        axis = _AXES[lines]
        if not first < end <= shape[axis]:
            raise InputError(
                f"--missing {part}: is not within the {shape[axis]} {lines} of the images; give "
                f"first:end, 0:{shape[axis]} at most"
            )
        missing[(slice(None),) * axis + (slice(first, end),)] = True
    return missing
