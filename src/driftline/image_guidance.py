"""Guidance of image generators, in the units of the images.

An image's noise is that of its own number, and so are its guidance's arrays: image i is the same
whatever the batch.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from driftline.data.image_preprocessing import ImagePreprocessing, apply_threshold
from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.guidance import ClassifierFree, Inpainting, Reconstruction
from driftline.errors import InputError
from driftline.observables.images import PixelObservable, of_encoded

_SHARP = 0.1
"""Error given to what is known exactly, in units of the spread of all encoded pixels.

It is put in exactly at the end. With 0.01 some missing regions came out far too bright.
"""


_LEAST = 0.01
"""Least error that is given to what is known with an error, in the same unit."""


class ImageGuidance(Protocol):
    """What makes a generator draw conditionally on more than it was trained to be told.

    Attributes:
        knows: whether it says what an image shows, which may go with another momentum than one that
            is drawn beforehand, and may have its place. Such images are told no momentum that was
            not asked for, and are not turned in the mirror.
    """

    @property
    def knows(self) -> bool: ...

    def guided(
        self,
        denoiser: CleanEstimate,
        condition: Tensor,
        preprocessing: ImagePreprocessing,
        left_out: dict[str, float] | None,
    ) -> CleanEstimate:
        """The guided model of N images.

        Args:
            denoiser: of encoded images.
            condition: (N, C) what it is told of each.
            preprocessing: of the images.
            left_out: how often training left out which condition; None where not known.

        Raises:
            InputError: the guidance does not fit the images or the model.
        """
        ...

    def completed(self, pixels: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
        """Decoded pixels (N, C, H, W), what is known exactly put in."""
        ...


class _Free:
    """Guidance that fixes no pixel."""

    def completed(self, pixels: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
        return pixels


@dataclass(frozen=True)
class Emphasis(_Free):
    """Classifier-free guidance: images more typical of their class, momentum and start.

    See ``ClassifierFree`` for what it is and is not. It guides away from what the model says when
    it is told none of them, but the plane; what training never left out is told in either case.

    Attributes:
        scale: 1 changes nothing; two evaluations each where another one guides.
        low: only above this level of noise, sigma/alpha.
        high: only below this one.
    """

    scale: float
    low: float = 0.0
    high: float = math.inf

    knows = False

    def guided(
        self,
        denoiser: CleanEstimate,
        condition: Tensor,
        preprocessing: ImagePreprocessing,
        left_out: dict[str, float] | None,
    ) -> CleanEstimate:
        null = condition.clone()
        away = [n for n in ("class", "momentum", "start") if left_out is None or left_out.get(n)]
        if not away:
            raise InputError(
                "guidance: the model was always told class, momentum and start in training, so "
                "that there is nothing to guide away from; train one with left_out.class = 0.1"
            )
        for name in away:
            null[:, preprocessing.condition_columns[name]] = 0
        try:
            return ClassifierFree(denoiser, null, self.scale, self.low, self.high)
        except ValueError as error:
            raise InputError(f"guidance: {error}") from error


@dataclass(frozen=True)
class KnownPixels:
    """Inpainting: images of which some pixels are known, such as all but those of dead wires.

    Attributes:
        pixels: (N, C, H, W), or (C, H, W) for all images, in the images' unit.
        known: bool, that broadcasts to (N, C, H, W): of pixels that are known, empty ones too.
        error: standard deviation of what is known about them, in the images' unit, a number or an
            array that broadcasts likewise; 0: known exactly, and returned as they are. An error
            much larger than the scale of the preprocessing is taken for normal where it is not.
        iterations: see ``Inpainting``.
    """

    pixels: NDArray[np.floating[Any]]
    known: NDArray[np.bool_]
    error: ArrayLike = 0.0
    iterations: int = 3

    knows = True

    def guided(
        self,
        denoiser: CleanEstimate,
        condition: Tensor,
        preprocessing: ImagePreprocessing,
        left_out: dict[str, float] | None,
    ) -> CleanEstimate:
        shape = (len(condition), *preprocessing.shape)
        pixels, known, error = (
            _spread(name, array, shape)
            for name, array in (
                ("pixels", self.pixels),
                ("known", self.known),
                ("error", self.error),
            )
        )
        if not (error >= 0).all():
            raise InputError("guidance: error must not be negative; 0 is known exactly")
        values = preprocessing.encode(np.where(known, pixels, 0))
        noise = np.maximum(error * _slope(preprocessing, pixels), np.where(error, _LEAST, _SHARP))
        try:
            return Inpainting(
                denoiser,
                torch.from_numpy(known.copy()),
                torch.from_numpy(values),
                torch.from_numpy(np.where(known, noise, 1).astype(np.float32)),
                self.iterations,
            )
        except ValueError as error_:
            raise InputError(f"guidance: {error_}") from error_

    def completed(self, pixels: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
        exact = self.known & (np.asarray(self.error) == 0)
        known = apply_threshold(np.asarray(self.pixels, np.float32), threshold)
        return np.where(exact, known, pixels).astype(np.float32)


@dataclass(frozen=True)
class MeasuredImage(_Free):
    """Reconstruction guidance: images of which differentiable observables are known.

    Attributes:
        observable: pixels (B, C, H, W) in the images' unit, as tensors without a threshold, to
            numbers (B, K), such as ``driftline.observables.images.total_charge``.
        values: (N, K), or (K,) for all images.
        error: how sharply they are to be met, a number or likewise.
    """

    observable: PixelObservable
    values: ArrayLike
    error: ArrayLike

    knows = True

    def guided(
        self,
        denoiser: CleanEstimate,
        condition: Tensor,
        preprocessing: ImagePreprocessing,
        left_out: dict[str, float] | None,
    ) -> CleanEstimate:
        shape = (len(condition), np.atleast_1d(self.values).shape[-1])
        values, error = (
            torch.from_numpy(_spread(name, array, shape).astype(np.float32))
            for name, array in (("values", self.values), ("error", self.error))
        )
        try:
            observable = of_encoded(self.observable, preprocessing)
            return Reconstruction(denoiser, observable, values, error)
        except ValueError as error_:
            raise InputError(f"guidance: {error_}") from error_


def _slope(preprocessing: ImagePreprocessing, pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Derivative of the encoded pixel after the pixel."""
    u = np.abs(np.nan_to_num(np.asarray(pixels, np.float64))) / preprocessing.scale
    steepness = {"asinh": 1 / np.hypot(1, u), "log": 1 / (1 + u)}[preprocessing.transform]
    return np.asarray(steepness / (preprocessing.scale * preprocessing.width))


def _spread(name: str, array: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        return np.broadcast_to(np.asarray(array), shape)
    except ValueError as error:
        raise InputError(
            f"guidance: {name} has shape {np.shape(array)} where {shape} is needed; give one row "
            "for each event, or one for all"
        ) from error
