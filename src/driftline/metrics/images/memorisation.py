"""Memorisation: are generated images nearer to the training images than to others?

For each generated image, the distance to the nearest training image over that to the nearest of
equally many held-out images. If the generator learnt the distribution and not its sample, the two
sets are exchangeable: the ratio is below one as often as above. All images are used, not a few.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.images import Images
from driftline.metrics.metric import Truth
from driftline.metrics.sample import Sample
from driftline.metrics.scores import Measurement

Array = NDArray[np.float64]

_ROWS = 512  # of the matrix of distances at a time
_DRAWS = 100


@dataclass(frozen=True)
class NearerTo:
    """What ``memorisation`` finds.

    Attributes:
        share: of the generated images, those nearer to a training image; equal distances count
            half. 0.5 is the goal, 1 is a copy of the training sample.
        share_error: binomial standard error.
        ratio: median over generated images of the ratio of the two distances. 1 is the goal.
        ratio_error: bootstrap over generated images.
    """

    share: float
    share_error: float
    ratio: float
    ratio_error: float


def nearest_distances(a: NDArray[np.floating], b: NDArray[np.floating]) -> Array:
    """(N,) Euclidean distance of each image (N, ...) to the nearest of the images (M, ...).

    Matrix products in single precision find the nearest; its distance is then computed from the
    difference, so that an image is at distance zero from its copy.
    """
    first, second = (x.reshape(len(x), -1).astype(np.float32) for x in (a, b))
    squares = np.einsum("md,md->m", second, second)
    result = np.empty(len(first))
    for start in range(0, len(first), _ROWS):
        rows = first[start : start + _ROWS]
        nearest = np.argmin(squares - 2.0 * (rows @ second.T), axis=1)
        difference = rows.astype(np.float64) - second[nearest]
        result[start : start + _ROWS] = np.sqrt((difference**2).sum(axis=1))
    return result


def memorisation(
    generated: NDArray[np.floating],
    training: NDArray[np.floating],
    held_out: NDArray[np.floating],
    rng: np.random.Generator,
) -> NearerTo:
    """Compare the distances of generated images to training and to held-out images.

    Args:
        generated: (N, ...) images.
        training: (M, ...) images that the generator was trained on.
        held_out: (K, ...) images of the same distribution that it was not trained on.
        rng: draws as many of the larger set as there are in the smaller, and the bootstrap.
    """
    count = min(len(training), len(held_out))
    to_training, to_others = (
        nearest_distances(generated, side[np.sort(rng.permutation(len(side))[:count])])
        for side in (training, held_out)
    )
    nearer = np.where(to_training == to_others, 0.5, to_training < to_others)
    n = len(generated)
    ratio = _ratio(to_training, to_others)
    draws = np.median(ratio[rng.integers(n, size=(_DRAWS, n))], axis=1)
    return NearerTo(
        share=float(nearer.mean()),
        share_error=float(nearer.std() / np.sqrt(n)),
        ratio=float(np.median(ratio)),
        ratio_error=float(draws.std(ddof=1)),
    )


def _ratio(above: Array, below: Array) -> Array:
    """Ratio of distances: 1 where both are zero, a large finite number where only ``below`` is."""
    ratio = above / np.where(below > 0.0, below, np.finfo(np.float32).tiny)
    return np.where(above == below, 1.0, ratio)


@dataclass(frozen=True)
class Memorisation:
    """Whether generated images are nearer to the training images than to the reference.

    It needs the training images, and so is not in the table: it is added to it where they are
    given. The reference must be independent of them. The floor takes one half of the truth for the
    generated and the other for the held-out images.

    Attributes:
        training: images that the generator was trained on, of all classes.
    """

    training: Images
    name: str = "memorisation"
    minimum: int = 100

    def undefined(self, sample: Sample, event_type: str) -> str | None:
        """Why the metric has no meaning for such images, or None."""
        if event_type in self.training.present:
            return None
        return f"there are no training images of class {event_type}"

    def measure(
        self, generated: Any, reference: Any, event_type: str, seed: int
    ) -> list[Measurement]:
        """Share of images nearer to a training image, and median ratio of the distances."""
        training = self.training.of_type(event_type).pixels
        rng = np.random.default_rng(seed)
        found = memorisation(generated.pixels, training, reference.pixels, rng)
        note = f"{min(len(training), len(reference)):,} images of either set"
        return [
            Measurement(
                key="nearer_to_training",
                label="Share nearer to training",
                value=found.share,
                error=found.share_error,
                note=note,
            ),
            Measurement(
                key="distance_ratio",
                label="Distance to training / to held-out",
                value=found.ratio,
                error=found.ratio_error,
                note=note,
            ),
        ]

    def floor(self, truth: Truth, event_type: str, seed: int) -> list[tuple[float, float]]:
        """The same of one half of the held-out truth against the other."""
        half = len(truth.second) // 2
        numbers = self.measure(truth.second[:half], truth.second[half:], event_type, seed)
        return [(number.value, number.error) for number in numbers]
