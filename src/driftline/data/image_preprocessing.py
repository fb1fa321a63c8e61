"""Invertible map between the pixels of images and the numbers that a score model learns.

    z = (f(x / scale) - centre) / width

with f = asinh or f(u) = ln(1 + u), and centre and width such that z has mean 0 and variance 1 over
all pixels. Absolute charge is kept. Pixels of smaller magnitude than one threshold are zero, in
what is encoded and in what is decoded alike. All maps are calculated in float64.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftline.data.image_conditions import (
    CONDITIONS,
    SPATIAL_FEATURES,
    direction_within,
    encode_momentum,
    encode_start,
    start_pixels,
)
from driftline.data.images import PLANES, Images
from driftline.errors import InputError

Floats = NDArray[np.floating[Any]]

_LARGEST = 60.0
"""f(x / scale) is clipped to this: what no detector sees must not overflow."""


class _Transform(NamedTuple):
    forward: Callable[[Any], Any]
    inverse: Callable[[Any], Any]
    signed: bool


TRANSFORMS = {
    "asinh": _Transform(np.arcsinh, np.sinh, signed=True),
    "log": _Transform(np.log1p, np.expm1, signed=False),
}
"""f, its inverse, and whether it is defined for negative pixels."""


def apply_threshold(pixels: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Pixels with exact zeros where their magnitude is below the threshold."""
    return np.where(np.abs(pixels) < threshold, np.float32(0), pixels)


def eight_bit(images: Images) -> Images:
    """Every plane of every image stretched from its own minimum and maximum to 0 ... 255, rounded.

    This is how 2307.13687 prepared its images (before cutting out crops). It destroys the absolute
    charge: use it to compare with that paper, not to learn physics.

    Returns:
        the images in the unit ``8-bit``; float32 whole numbers.
    """
    lowest = images.pixels.min(axis=(2, 3), keepdims=True).astype(np.float64)
    highest = images.pixels.max(axis=(2, 3), keepdims=True).astype(np.float64)
    flat = np.where(highest > lowest, highest - lowest, 1.0)
    levels = np.floor(255 * (images.pixels - lowest) / flat + 0.5).astype(np.float32)
    return replace(images, pixels=levels, unit="8-bit", threshold=1.0)


@dataclass(frozen=True)
class ImagePreprocessing:
    """Constants of the map, fitted to images.

    Attributes:
        transform: key of ``TRANSFORMS``.
        scale: [unit] where the map turns from linear to logarithmic.
        centre, width: mean and standard deviation of f(x / scale) over all pixels.
        unit: of the pixels, as in ``Images``.
        threshold: [unit] pixels of smaller magnitude are zero.
        signed: whether there are negative pixels.
        pitch: [cm] side of a pixel.
        shape: planes, rows and columns of an image.
        types: names of the classes.
        images_per_class: how many of each the constants were fitted to.
    """

    transform: str
    scale: float
    centre: float
    width: float
    unit: str
    threshold: float
    signed: bool
    pitch: float
    shape: tuple[int, int, int]
    types: tuple[str, ...]
    images_per_class: tuple[int, ...]

    @classmethod
    def fit(
        cls,
        images: Images,
        transform: str = "asinh",
        scale: float | None = None,
        threshold: float | None = None,
    ) -> "ImagePreprocessing":
        """Fit the constants.

        Args:
            images: at least one, not all of them empty.
            transform: ``asinh`` or ``log``.
            scale: [unit of the images]; by default the median magnitude of the pixels that are not
                zero.
            threshold: [unit of the images]; by default the images' own.

        Raises:
            InputError: a number is out of range; pixels are not finite, all zero, or negative where
                the transform forbids it.
        """
        if transform not in TRANSFORMS:
            raise InputError(
                f"transform {transform!r}: unknown; choose from {', '.join(TRANSFORMS)}"
            )
        threshold = images.threshold if threshold is None else threshold
        if not (np.isfinite(threshold) and threshold >= 0):
            raise InputError(f"threshold {threshold:g} {images.unit}: choose one from 0 up")
        signed = bool(TRANSFORMS[transform].signed and (images.pixels < 0).any())
        _check_pixels(images.pixels, signed)
        pixels = apply_threshold(images.pixels, threshold)
        charged = pixels[pixels != 0]
        if not len(charged):
            raise InputError(
                f"images: no pixel reaches the threshold of {threshold:g} {images.unit}; "
                "choose a lower one or other images"
            )
        scale = float(np.median(np.abs(charged))) if scale is None else scale
        if not (np.isfinite(scale) and scale > 0):
            raise InputError(f"scale {scale:g} {images.unit}: choose a positive one")
        # all other pixels are zero, and so is f of them
        y = TRANSFORMS[transform].forward(charged.astype(np.float64) / scale)
        centre = y.sum() / pixels.size
        width = np.sqrt((y**2).sum() / pixels.size - centre**2)
        return cls(
            transform,
            float(scale),
            float(centre),
            float(width) if width > 0 else 1.0,
            images.unit,
            float(threshold),
            signed,
            float(images.pitch),
            images.pixels.shape[1:],
            images.types,
            tuple(np.bincount(images.labels, minlength=len(images.types)).tolist()),
        )

    def check(self, images: Images) -> None:
        """Refuse images that a model of this preprocessing does not describe.

        Raises:
            InputError: another shape, unit, pitch or threshold (a higher one: pixels are missing),
                an unknown class, pixels that are not finite or negative.
        """
        for what, mine, theirs in (
            ("shape", self.shape, images.pixels.shape[1:]),
            ("unit", self.unit, images.unit),
            ("pitch", self.pitch, images.pitch),
        ):
            if mine != theirs:
                raise InputError(f"images: {what} is {theirs}, the model's {mine}; choose others")
        if images.threshold > self.threshold:
            raise InputError(
                f"images: threshold is {images.threshold:g} {self.unit}, above the model's "
                f"{self.threshold:g}; choose images with a lower one"
            )
        self._labels_of(images)
        _check_pixels(images.pixels, self.signed)

    def encode(self, pixels: Floats) -> NDArray[np.float32]:
        """Pixels (N, C, H, W) in ``unit`` -> z of the same shape, float32.

        Raises:
            InputError: pixels are not finite, or negative where none were when this was fitted.
        """
        _check_pixels(pixels, self.signed)
        return self._forward(apply_threshold(np.asarray(pixels, np.float32), self.threshold))

    def decode(self, z: Floats) -> NDArray[np.float32]:
        """z (N, C, H, W) -> pixels in ``unit``, exact zeros below the threshold.

        Inverts ``encode`` to the rounding of z; a pixel at the threshold stays there.

        Raises:
            InputError: z is NaN.
        """
        if np.isnan(z).any():
            raise InputError("sample: the images are NaN; use another sampler or more steps")
        y = np.asarray(z, dtype=np.float64) * self.width + self.centre
        inverse = TRANSFORMS[self.transform].inverse
        x = (self.scale * inverse(np.clip(y, -_LARGEST, _LARGEST))).astype(np.float32)
        # compared as z, so that a pixel at the threshold is not lost in rounding
        least, nothing = np.float32(self.threshold), self._forward(0)
        above = (z >= self._forward(least)) & (z != nothing)
        pixels = np.where(above, np.maximum(x, least), np.float32(0))
        if self.signed:
            below = (z <= self._forward(-least)) & (z != nothing)
            pixels = np.where(below, np.minimum(x, -least), pixels)
        return pixels

    @property
    def condition_features(self) -> int:
        """Columns of ``condition``."""
        return self.condition_columns["start"].stop

    @property
    def condition_columns(self) -> dict[str, slice]:
        """Which columns of ``condition`` tell each of ``CONDITIONS``."""
        within = 2 * self.shape[0]
        widths = (len(self.types), SPATIAL_FEATURES + within + 1, len(PLANES), within + 1)
        ends = np.cumsum(widths).tolist()
        return {name: slice(e - w, e) for name, w, e in zip(CONDITIONS, widths, ends, strict=True)}

    @property
    def coordinate_columns(self) -> tuple[int, int]:
        """First of the 2 C columns of ``condition`` that tell start points, and directions."""
        columns = self.condition_columns
        return columns["start"].start, columns["momentum"].start + SPATIAL_FEATURES

    def condition(
        self,
        count: int,
        labels: NDArray[np.int64] | None = None,
        momentum: Floats | None = None,
        planes: NDArray[np.uint8] | None = None,
        start: Floats | None = None,
        given: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """What a model is told of images; what it is not told is zero.

        Args:
            count: N images.
            labels: (N,) index into ``types``.
            momentum: (N, 3) [MeV/c]; one that is NaN throughout is not known, and not told.
            planes: (N, C) index into ``PLANES``.
            start: (N, C, 2) row and column as ``start_pixels`` gives them; likewise if NaN.
            given: (N, 4) whether class, momentum, plane and start of each image are told; by
                default all that are there.

        Returns:
            (N, K + 12 + 2 C + 1 + 3 + 2 C + 1) float32: class one-hot; ``encode_momentum``,
            ``direction_within`` (zero where the plane is not told), one if the momentum is given;
            one for every plane shown; ``encode_start``, one if the start is given.

        Raises:
            InputError: a class was not trained; a momentum or start is infinite, or NaN in part.
        """
        told = np.ones((count, len(CONDITIONS)), bool) if given is None else given.copy()
        z = np.zeros((count, self.condition_features), dtype=np.float32)
        columns = self.condition_columns
        rows = np.arange(count)
        if labels is not None:
            self._check_trained(labels[told[:, 0]])
            z[rows, labels] = told[:, 0]
        if momentum is not None:
            told[:, 1] &= known_vectors("momentum", momentum)
            features = z[:, columns["momentum"]]
            known = np.where(told[:, 1:2], momentum, 0.0)
            features[:, :SPATIAL_FEATURES] = encode_momentum(known)
            if planes is not None:
                features[:, SPATIAL_FEATURES:-1] = direction_within(known, planes) * told[:, 2:3]
            features[:, -1] = 1
            features[~told[:, 1]] = 0
        if planes is not None:
            z[rows[:, None], columns["plane"].start + planes.astype(np.int64)] = told[:, 2:3]
        if start is not None:
            told[:, 3] &= known_vectors("start", start)
            features = z[:, columns["start"]]
            features[:, :-1] = encode_start(start, *self.shape[1:])
            features[:, -1] = 1
            features[~told[:, 3]] = 0
        return z

    def condition_of(
        self, images: Images, given: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """``condition`` of what is known of images, whose classes are found by name.

        Raises:
            InputError: as ``condition``.
        """
        labels = self._labels_of(images)
        start = start_pixels(images)
        return self.condition(len(images), labels, images.momentum, images.planes, start, given)

    def to_dict(self) -> dict[str, Any]:
        """Lists and numbers; JSON keeps every bit of them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, constants: dict[str, Any]) -> "ImagePreprocessing":
        """The inverse of ``to_dict``, also after JSON.

        Raises:
            KeyError, TypeError, ValueError: the dictionary is not one of ``to_dict``.
        """
        if constants["transform"] not in TRANSFORMS:
            raise ValueError(f"unknown transform {constants['transform']!r}")
        planes, rows, columns = constants["shape"]
        return cls(
            transform=str(constants["transform"]),
            scale=float(constants["scale"]),
            centre=float(constants["centre"]),
            width=float(constants["width"]),
            unit=str(constants["unit"]),
            threshold=float(constants["threshold"]),
            signed=bool(constants["signed"]),
            pitch=float(constants["pitch"]),
            shape=(int(planes), int(rows), int(columns)),
            types=tuple(constants["types"]),
            images_per_class=tuple(constants["images_per_class"]),
        )

    def _forward(self, pixels: Any) -> Any:
        """f(x / scale), standardised, of pixels that are above the threshold or zero."""
        y = TRANSFORMS[self.transform].forward(np.asarray(pixels, np.float64) / self.scale)
        return ((y - self.centre) / self.width).astype(np.float32)

    def _labels_of(self, images: Images) -> NDArray[np.int64]:
        """(N,) classes of images as indices into ``types``."""
        for name in images.present:
            if name not in self.types:
                raise InputError(
                    f"images: class {name} is unknown to the model; "
                    f"choose from {', '.join(self.types)}"
                )
        index = [self.types.index(name) if name in self.types else -1 for name in images.types]
        return np.array(index, dtype=np.int64)[images.labels]

    def _check_trained(self, labels: NDArray[np.int64]) -> None:
        for k in np.unique(labels):
            if not self.images_per_class[k]:
                known = ", ".join(t for t, n in zip(self.types, self.images_per_class) if n)
                raise InputError(f"class {self.types[k]} was not trained; choose from {known}")


def known_vectors(name: str, values: Floats) -> NDArray[np.bool_]:
    """(N,) which of N vectors are known: those that are not NaN throughout.

    Args:
        name: of them, for errors.
        values: (N, ...) a vector each.

    Raises:
        InputError: one is infinite, also in float32, or NaN in part.
    """
    vectors = values.reshape(len(values), -1)
    known = np.logical_not(np.isnan(vectors).all(axis=1))
    with np.errstate(over="ignore"):  # as images hold them
        bad = known & ~np.isfinite(vectors.astype(np.float32)).all(axis=1)
    if bad.any():
        raise InputError(
            f"{name}: of image {int(np.argmax(bad))} is infinite, in float32 too, or NaN in part; "
            "give finite numbers, or NaN throughout"
        )
    return known


def _check_pixels(pixels: Floats, signed: bool) -> None:
    if not np.isfinite(pixels).all():
        first = int(np.argwhere(~np.isfinite(pixels))[0][0])
        raise InputError(f"pixels: image {first} is NaN or infinite somewhere; remove this image")
    if not signed and (pixels < 0).any():
        negative = pixels < 0
        raise InputError(
            f"pixels: image {int(np.argwhere(negative)[0][0])} has negative charge "
            f"({int(negative.sum())} such pixels), which the transform forbids; "
            "set them to zero or fit asinh to such images"
        )
