"""Metrics on images that compare one observable at a time: their Wasserstein-1 distances."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.metrics.images.observables import ImageSample
from driftline.metrics.images.profiles import DEPTH, DISTANCE, RESIDUAL_RANGE
from driftline.metrics.images.segmentation import SHOWER, TRACK
from driftline.metrics.images.wavelets import BANDS
from driftline.metrics.metric import Values, Wasserstein
from driftline.metrics.sample import Sample

Array = NDArray[np.float64]

TRACKS = ("mu-", "mu+", "pi-", "pi+", "p")
"""Classes that make tracks, which stop."""

SHOWERS = ("e-", "e+", "gamma")
"""Classes that make electromagnetic showers."""

HALF_TURN = 180.0
"""[degrees] after which an axis, which has no arrow, is the same again."""


def per_plane(observable: Callable[[ImageSample], NDArray[Any]]) -> Callable[[ImageSample], Values]:
    """Observables (N, C) or (N, C, K) of planes, which are resampled with their images."""

    def values(sample: ImageSample) -> Values:
        found = observable(sample)
        images, planes = found.shape[:2]
        return found.reshape(images * planes, -1), np.repeat(np.arange(images), planes)

    return values


def pixel_values(sample: ImageSample) -> Values:
    """The charge of every pixel that has some, and one zero for an image without any."""
    return _seen(sample, sample.pixels[:, :, None])


def pixel_scores(sample: ImageSample) -> Values:
    """Track and shower score of every pixel with charge; zeros for an image without any."""
    return _seen(sample, sample.scores[:, :, TRACK : SHOWER + 1])


def _seen(sample: ImageSample, of_pixels: NDArray[np.floating]) -> Values:
    """Values (n, K) of the pixels with charge, from (N, C, K, H, W)."""
    image, plane, row, column = np.nonzero(sample.pixels > 0.0)
    found = of_pixels[image, plane, :, row, column].astype(np.float64)
    empty = np.setdiff1d(np.arange(len(sample)), image)
    nothing = np.zeros((len(empty), found.shape[1]))
    return np.concatenate([found, nothing]), np.concatenate([image, empty])


def angles(sample: ImageSample) -> Values:
    """The angle of every plane with a cluster."""
    image, plane = np.nonzero(np.isfinite(sample.angle))
    return sample.angle[image, plane][:, None], image


def _few_clusters(sample: ImageSample, event_type: str) -> str | None:
    if np.isfinite(sample.angle).mean() >= 0.5:
        return None
    return "fewer than half of the images of a side have a cluster of pixels, which has an angle"


def _no_track(sample: ImageSample, event_type: str) -> str | None:
    return f"{event_type} makes showers, which do not stop" if event_type in SHOWERS else None


def _no_shower(sample: ImageSample, event_type: str) -> str | None:
    return f"{event_type} makes tracks, not showers" if event_type in TRACKS else None


def needs_mev(unit: str) -> Callable[[ImageSample, str], str | None]:
    """The condition of metrics that use SSNet, on images with charge in ``unit``."""
    reason = None if unit == "MeV" else f"SSNet takes charge in MeV, not in {unit}"
    return lambda sample, event_type: reason


@dataclass(frozen=True)
class ConditionalWasserstein(Wasserstein):
    """W1 of observables that only some samples have.

    Attributes:
        condition: why a sample of a class has none, or None.
    """

    condition: Callable[[Any, str], str | None] = lambda sample, event_type: None

    def undefined(self, sample: Sample, event_type: str) -> str | None:
        """Why the metric has no meaning for such images, or None."""
        return self.condition(sample, event_type)


def _bins(key: str, label: str, edges: Array) -> tuple[tuple[str, str], ...]:
    """Key and label of each bin of a profile."""
    return tuple(
        (f"{key}_{k}", f"{label} {low:g}-{high:g} cm")
        for k, (low, high) in enumerate(pairwise(edges), start=1)
    )


def observable_metrics(unit: str) -> tuple[Wasserstein, ...]:
    """W1 of observables of images whose charge is in ``unit``."""
    density = f"{unit}/cm"
    scores = (("w1_track_score", "W1 track score"), ("w1_shower_score", "W1 shower score"))
    segments = (("w1_track_pixels", "W1 track pixels"), ("w1_shower_pixels", "W1 shower pixels"))
    bands = tuple((f"w1_band_{k}", f"W1 Haar {band}") for k, band in enumerate(BANDS, start=1))
    return (
        Wasserstein("w1_length", "W1 track length", per_plane(lambda s: s.length), unit="cm"),
        Wasserstein("w1_width", "W1 track width", per_plane(lambda s: s.width), unit="cm"),
        ConditionalWasserstein(
            "w1_angle",
            "W1 track angle",
            angles,
            unit="degrees",
            period=HALF_TURN,
            condition=_few_clusters,
        ),
        Wasserstein("w1_clusters", "W1 clusters", per_plane(lambda s: s.clusters)),
        Wasserstein("w1_charge", "W1 charge", per_plane(lambda s: s.charge), unit=unit),
        Wasserstein("w1_pixel", "W1 pixel charge", pixel_values, unit=unit),
        Wasserstein("w1_occupancy", "W1 occupancy", per_plane(lambda s: s.occupancy), unit="1e-3"),
        ConditionalWasserstein(
            "w1_dedx",
            "W1 dE/dx",
            per_plane(lambda s: s.dedx),
            _bins("w1_dedx", "W1 dE/dx at residual range", RESIDUAL_RANGE),
            density,
            condition=_no_track,
        ),
        ConditionalWasserstein(
            "w1_longitudinal",
            "W1 longitudinal profile",
            per_plane(lambda s: s.longitudinal),
            _bins("w1_longitudinal", "W1 shower at depth", DEPTH),
            density,
            condition=_no_shower,
        ),
        ConditionalWasserstein(
            "w1_transverse",
            "W1 transverse profile",
            per_plane(lambda s: s.transverse),
            _bins("w1_transverse", "W1 shower at distance", DISTANCE),
            density,
            condition=_no_shower,
        ),
        Wasserstein("w1_bands", "W1 Haar bands", per_plane(lambda s: s.bands), bands, unit),
        ConditionalWasserstein(
            "w1_scores",
            "W1 SSNet scores",
            pixel_scores,
            scores,
            "1e-3",
            condition=needs_mev(unit),
        ),
        ConditionalWasserstein(
            "w1_segments",
            "W1 SSNet pixels",
            per_plane(lambda s: s.segments[..., TRACK : SHOWER + 1]),
            segments,
            condition=needs_mev(unit),
        ),
    )
