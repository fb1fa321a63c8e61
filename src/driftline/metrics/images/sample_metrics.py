"""Metrics on images that compare two samples as a whole."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from driftline.metrics.classifier import classifier_test
from driftline.metrics.images import distances
from driftline.metrics.images.frechet_limit import frechet_limit
from driftline.metrics.images.goodness import GoodnessOfFit, chi_square, kolmogorov_smirnov
from driftline.metrics.images.observable_metrics import needs_mev
from driftline.metrics.images.observables import ImageSample
from driftline.metrics.images.segmentation import TRACK
from driftline.metrics.metric import TwoSample
from driftline.metrics.scores import Measurement

Array = NDArray[np.float64]

Function = Callable[[ImageSample, ImageSample, str, int], list[Measurement]]
"""Of generated images, the reference, their class and a seed."""


def _track_share(
    generated: ImageSample, reference: ImageSample, event_type: str, seed: int
) -> list[Measurement]:
    shares = [np.mean(side.majority == TRACK) for side in (generated, reference)]
    variance = sum(
        _variance(share, len(side)) for share, side in zip(shares, (generated, reference))
    )
    return [
        Measurement(
            key="track_share",
            label="Share of track images, difference",
            unit="1e-2",
            value=float(shares[0] - shares[1]),
            error=float(np.sqrt(variance)),
            note=f"{shares[0]:.3f} generated, {shares[1]:.3f} reference",
        )
    ]


def _variance(share: float, count: int) -> float:
    """Of a share of ``count`` images; not zero for a share of zero or one (Laplace's rule)."""
    expected = (share * count + 1.0) / (count + 2.0)
    return expected * (1.0 - expected) / count


def _fid(
    generated: ImageSample, reference: ImageSample, event_type: str, seed: int
) -> list[Measurement]:
    found = frechet_limit(reference.features, generated.features, np.random.default_rng(seed))
    return [
        Measurement(
            key="ssnet_fid",
            label="SSNet-FID",
            unit="1e-3",
            value=found.value,
            error=found.error,
            note=f"{1e3 * found.plain:.3g} of {found.size:,} images",
        )
    ]


def _mmd(
    generated: ImageSample, reference: ImageSample, event_type: str, seed: int
) -> list[Measurement]:
    scale = distances.median_distance(reference.pixels)
    return _of_images(
        "mmd", "MMD² of pixels", lambda a, b: distances.gaussian_mmd(a, b, scale), "1e-3"
    )(generated, reference, event_type, seed)


def _sinkhorn(
    generated: ImageSample, reference: ImageSample, event_type: str, seed: int
) -> list[Measurement]:
    scale = distances.median_distance(reference.pixels)
    return _of_images(
        "sinkhorn", "Sinkhorn divergence", lambda a, b: distances.sinkhorn_divergence(a, b, scale)
    )(generated, reference, event_type, seed)


def _of_images(
    key: str, label: str, distance: Callable[[Array, Array], float], unit: str = ""
) -> Function:
    """A distance between blocks of images."""

    def measure(
        generated: ImageSample, reference: ImageSample, event_type: str, seed: int
    ) -> list[Measurement]:
        rng = np.random.default_rng(seed)
        found = distances.over_blocks(distance, generated.pixels, reference.pixels, rng)
        return [Measurement(key=key, label=label, unit=unit, value=found.value, error=found.error)]

    return measure


def _auc(
    generated: ImageSample, reference: ImageSample, event_type: str, seed: int
) -> list[Measurement]:
    area = classifier_test(generated.high_level, reference.high_level, seed=seed)
    return [Measurement(key="auc", label="Classifier AUC", value=area.value, error=area.error)]


TESTED: dict[str, Callable[[ImageSample], Array]] = {
    "length": lambda s: s.length,
    "width": lambda s: s.width,
    "angle": lambda s: s.angle,
    "clusters": lambda s: s.clusters,
    "charge": lambda s: s.charge,
    "occupancy": lambda s: s.occupancy,
}
"""Numbers of an image that are tested; of images of several planes, those of the first."""


def _tests(
    key: str, label: str, test: Callable[[Array, Array, np.random.Generator], GoodnessOfFit]
) -> Function:
    """A test of each of the numbers of an image."""

    def measure(
        generated: ImageSample, reference: ImageSample, event_type: str, seed: int
    ) -> list[Measurement]:
        rng = np.random.default_rng(seed)
        numbers = []
        for name, values in TESTED.items():
            a, b = (_defined(values(side)[:, 0]) for side in (generated, reference))
            found = test(a, b, rng)
            numbers.append(
                Measurement(
                    key=f"{key}_{name}",
                    label=f"{label} {name}",
                    value=found.value,
                    error=found.error,
                    note=f"p = {found.p:.2g}",
                )
            )
        return numbers

    return measure


def _defined(values: Array) -> Array:
    """The values that are not NaN; a sample that has none is one zero."""
    found = values[np.isfinite(values)]
    return found if len(found) else np.zeros(1)


def sample_metrics(unit: str) -> tuple[TwoSample, ...]:
    """Metrics on images whose charge is in ``unit``, by default in this order."""
    return (
        TwoSample("track_share", 100, _track_share, needs_mev(unit)),
        TwoSample("ssnet_fid", 1_000, _fid, needs_mev(unit)),
        TwoSample("mmd", 2 * distances.BLOCK, _mmd),
        TwoSample("sinkhorn", 2 * distances.BLOCK, _sinkhorn),
        TwoSample(
            "w1_images",
            2 * distances.BLOCK,
            _of_images("w1_images", "W1 between images", distances.image_wasserstein, unit),
        ),
        TwoSample("classifier", 1_000, _auc),
        TwoSample("ks", 100, _tests("ks", "KS", kolmogorov_smirnov)),
        TwoSample("chi2", 100, _tests("chi2", "χ²/ndf", lambda a, b, rng: chi_square(a, b))),
    )
