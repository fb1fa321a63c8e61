"""What the options of ``driftline sample`` that are for images ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from driftline.cli.completion import Completion
from driftline.cli.options import refuse_beside
from driftline.data import overlay
from driftline.data.formats import conditions, image_file
from driftline.data.formats.conditions import Conditions
from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.data.images import Images
from driftline.data.shipped import reference_path
from driftline.errors import InputError
from driftline.image_generator import ImageGenerator
from driftline.image_guidance import Emphasis, ImageGuidance, MeasuredImage
from driftline.observables.images import IMAGE_OBSERVABLES

_LARGEST_SCALE = 100
"""Of classifier-free guidance: tens of times what is of any use."""


@dataclass(frozen=True)
class ImageOptions:
    """Options as they were given; None where they were left out. See the help of the command.

    Raises:
        InputError: options that exclude each other, or one without another that it needs.
    """

    momentum: str | None
    plane: int | None
    start: str | None
    conditions: Path | None
    complete: Path | None
    missing: str | None
    error: float | None
    measured: str | None
    guidance: float | None
    background: Path | None

    def __post_init__(self) -> None:
        guides = {n: getattr(self, n) for n in ("complete", "measured", "guidance")}
        chosen = [f"--{name}" for name, value in guides.items() if value is not None]
        if len(chosen) > 1:
            raise InputError(f"{chosen[1]}: cannot be combined with {chosen[0]}; leave one out")
        if self.complete is None:
            for name in ("missing", "error"):
                if getattr(self, name) is not None:
                    raise InputError(f"--{name}: is about the images of --complete; give both")
        elif self.missing is None:
            raise InputError(
                "--complete: needs to know which pixels are missing; give --missing columns=20:24 "
                "or a file .npy"
            )
        for name in ("error", "guidance"):
            value = getattr(self, name)
            if value is not None and not np.isfinite(value):
                raise InputError(f"--{name} {value}: is not finite; give a number")
        if self.guidance is not None and not 0 <= self.guidance <= _LARGEST_SCALE:
            raise InputError(
                f"--guidance {self.guidance:g}: give a scale from 0 up to {_LARGEST_SCALE}"
            )
        given = {"momentum": self.momentum, "plane": self.plane, "start": self.start}
        if self.complete is not None:
            refuse_beside("--complete", self.complete, conditions=self.conditions, **given)
        if self.conditions is not None:
            refuse_beside("--conditions", self.conditions, **given)

    @property
    def guided(self) -> dict[str, str]:
        """What guides the images, as it was given, for their provenance."""
        names = ("complete", "missing", "error", "measured", "guidance")
        return {n: str(value) for n in names if (value := getattr(self, n)) is not None}

    @property
    def wanted(self) -> Conditions | None:
        """What the file of conditions asks for.

        Raises:
            InputError: as ``conditions.read``.
        """
        if self.conditions is None:
            return None
        return conditions.read(reference_path(self.conditions), conditions.IMAGES)

    def completion(
        self, generator: ImageGenerator, types: Sequence[str] | None
    ) -> Completion | None:
        """The images to be completed, of classes asked for.

        Raises:
            InputError: as ``Completion.read``.
        """
        if self.complete is None or self.missing is None:
            return None
        return Completion.read(self.complete, self.missing, self.error or 0.0, types, generator)

    def guidance_of_all(self, generator: ImageGenerator) -> ImageGuidance | None:
        """Guidance that is the same for all images.

        Raises:
            InputError: as ``measured_image``.
        """
        if self.measured is not None:
            return measured_image(self.measured, generator.preprocessing)
        return None if self.guidance is None else Emphasis(self.guidance)

    def frames(self, generator: ImageGenerator) -> Images | None:
        """The backgrounds, whose provenance names the file.

        Raises:
            InputError: the file cannot be read, or its images do not fit those of the model.
        """
        if self.background is None:
            return None
        frames = image_file.read(reference_path(self.background))
        p = generator.preprocessing
        found = overlay.unlike(frames, p.shape, p.unit, p.pitch)
        if found is not None:
            raise InputError(f"{self.background}: {found}")
        return replace(frames, attributes={"file": str(self.background), **frames.attributes})


def measured_image(text: str, preprocessing: ImagePreprocessing) -> MeasuredImage:
    """Guidance by an observable of ``IMAGE_OBSERVABLES``: ``NAME=VALUE,ERROR``.

    Args:
        text: name, one value for each number that the observable gives, and the error of all of
            them, in the images' unit.
        preprocessing: of the images, which tells their shape and whether charge may be negative.

    Raises:
        InputError: the observable is unknown, or values or error are missing or not allowed.
    """
    name, _, numbers = text.partition("=")
    if name not in IMAGE_OBSERVABLES:
        raise InputError(
            f"--measured {text}: unknown observable {name!r}; "
            f"choose from {', '.join(IMAGE_OBSERVABLES)}"
        )
    observable = IMAGE_OBSERVABLES[name]
    size = observable(torch.zeros(1, *preprocessing.shape)).shape[1]
    try:
        *values, error = (float(number) for number in numbers.split(","))
    except ValueError:
        values, error = [], 0.0
    if len(values) != size:
        form = "VALUE" if size == 1 else "VALUE,...,VALUE"
        raise InputError(
            f"--measured {text}: of these images {name} has {size} number{'s' * (size > 1)}; write "
            f"{name}={form},ERROR"
        )
    with np.errstate(over="ignore", under="ignore"):
        single = np.array([*values, error], dtype=np.float32)
    if not (np.isfinite(single).all() and single[-1] > 0):
        raise InputError(f"--measured {text}: write finite values and a positive error")
    if min(values) < 0 and not preprocessing.signed:
        raise InputError(f"--measured {text}: of these images it is not negative")
    return MeasuredImage(observable, values, error)
