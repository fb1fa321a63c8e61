"""The observables of images that metrics compare."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import Images
from driftline.metrics.images import segmentation
from driftline.metrics.images.geometry import track_geometry
from driftline.metrics.images.profiles import shower_profiles, stopping_profile
from driftline.metrics.images.segmentation import SHOWER, TRACK
from driftline.metrics.images.wavelets import band_norms
from driftline.metrics.sample import Sample, observable

Array = NDArray[np.float64]


class ImageSample(Sample):
    """Images of one class and their observables.

    Each plane of an image is looked at by itself: observables have a row for every image and a
    column for every plane.

    Args:
        images: N images of C planes; pixels above zero are seen, one threshold for all samples.
    """

    columns = ("pixels",)
    pixels: NDArray[np.float32]

    def __init__(self, images: Images) -> None:
        super().__init__(pixels=images.pixels)
        self.pitch = images.pitch  # parts take their observables from the whole, and need it not

    @property
    def planes(self) -> NDArray[np.float32]:
        """(N C, H, W) every plane of every image."""
        return self.pixels.reshape(-1, *self.pixels.shape[2:])

    def by_image(self, values: NDArray[Any]) -> NDArray[Any]:
        """(N, C, ...) from a value of every plane (N C, ...)."""
        return values.reshape(*self.pixels.shape[:2], *values.shape[1:])

    @observable
    def geometry(self) -> Array:
        """(N, C, 4) clusters, length [cm], width [cm] and angle [degrees] of the largest."""
        return self.by_image(np.stack(track_geometry(self.planes, self.pitch), axis=1))

    @property
    def clusters(self) -> Array:
        """(N, C) number of clusters."""
        return self.geometry[..., 0]

    @property
    def length(self) -> Array:
        """(N, C) track length [cm]."""
        return self.geometry[..., 1]

    @property
    def width(self) -> Array:
        """(N, C) track width [cm]."""
        return self.geometry[..., 2]

    @property
    def angle(self) -> Array:
        """(N, C) track angle [degrees] in [0, 180), NaN where there is no cluster."""
        return self.geometry[..., 3]

    @observable
    def charge(self) -> Array:
        """(N, C) sum of all pixels."""
        return self.pixels.sum(axis=(2, 3), dtype=np.float64)

    @observable
    def occupancy(self) -> Array:
        """(N, C) share of the pixels with charge."""
        return np.mean(self.pixels > 0.0, axis=(2, 3))

    @observable
    def dedx(self) -> Array:
        """(N, C, 5) charge per projected length [1 / cm] in bins of the residual range."""
        return self.by_image(stopping_profile(self.planes, self.pitch))

    @observable
    def shower(self) -> Array:
        """(N, C, 14) longitudinal profile in 8 and transverse profile in 6 bins [1 / cm]."""
        return self.by_image(np.hstack(shower_profiles(self.planes, self.pitch)))

    @property
    def longitudinal(self) -> Array:
        """(N, C, 8) charge per length [1 / cm] in bins of the depth in a shower."""
        return self.shower[..., :8]

    @property
    def transverse(self) -> Array:
        """(N, C, 6) charge per length [1 / cm] in bins of the distance from a shower's axis."""
        return self.shower[..., 8:]

    @observable
    def bands(self) -> Array:
        """(N, C, 13) root of the sum of squared coefficients of each Haar band."""
        return self.by_image(band_norms(self.planes))

    @observable
    def scores(self) -> NDArray[np.float16]:
        """(N, C, 3, H, W) SSNet's probability of each segment; pixels must be in MeV."""
        found = segmentation.segmentation_scores(self.planes)
        return self.by_image(found.astype(np.float16))

    @observable
    def segments(self) -> NDArray[np.int64]:
        """(N, C, 3) pixels with charge that SSNet calls background, track, shower."""
        scores = self.scores.reshape(-1, *self.scores.shape[2:])
        return self.by_image(segmentation.pixels_per_segment(scores, self.planes))

    @property
    def majority(self) -> NDArray[np.int64]:
        """(N,) what most pixels of an image are, all planes together: index into ``SEGMENTS``."""
        return segmentation.majority(self.segments.sum(axis=1))

    @observable
    def features(self) -> Array:
        """(N, 64) features of SSNet, mean over the planes."""
        return self.by_image(segmentation.ssnet_features(self.planes)).mean(axis=1)

    @observable
    def high_level(self) -> Array:
        """(N, D) what the classifier sees: all of the above but the scores of single pixels."""
        angle = np.radians(2.0 * np.nan_to_num(self.angle))
        numbers = (
            self.clusters,
            self.length,
            self.width,
            np.cos(angle),
            np.sin(angle),
            self.charge,
            self.occupancy,
            self.pixels.max(axis=(2, 3)),
        )
        of_planes = np.concatenate(
            [
                np.stack(numbers, axis=2),
                self.dedx,
                self.shower,
                self.bands,
                self.segments[..., TRACK : SHOWER + 1],
            ],
            axis=2,
        )
        return np.concatenate([of_planes.reshape(len(self), -1), self.features], axis=1)
