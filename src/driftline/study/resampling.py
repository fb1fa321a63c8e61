r"""W1 of generated against reference events under resampling, to compare samplers in pairs.

Which events a bootstrap draw takes depends only on the class, the seed of the noise and the number
of events: event i of one sampler and event i of another, made from the same noise, come and go
together, and the reference events, drawn on their own, are the same ones for both. Differences
between samplers are then free of most of the fluctuation that either distance has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftline.metrics.metric import Metric, Wasserstein
from driftline.metrics.sample import Sample
from driftline.metrics.scores import Measurement
from driftline.metrics.wasserstein import Counts, each_once, random_splits
from driftline.study.results import Floor, Score

Array = NDArray[np.float64]

FLOOR_SPLITS = 40
_GENERATED, _REFERENCE, _FLOOR = range(3)
"""Streams of random numbers: one for each independent use."""


@dataclass(frozen=True)
class Distances:
    """Distances of one sample to the reference, by key, each counted and resampled.

    Attributes:
        values: every jet once.
        draws: (draws,) bootstrap replicates.
    """

    values: dict[str, float]
    draws: dict[str, Array]

    def score(self, key: str) -> Score:
        """The value and its bootstrap standard error."""
        return Score(value=self.values[key], error=float(self.draws[key].std(ddof=1)))

    @property
    def scores(self) -> dict[str, Score]:
        """All of them."""
        return {key: self.score(key) for key in self.values}


def mean(parts: Sequence[Distances]) -> Distances:
    """The mean over seeds; draw by draw, so that the shared reference is counted once."""
    keys = parts[0].values
    return Distances(
        {key: float(np.mean([p.values[key] for p in parts])) for key in keys},
        {key: np.mean([p.draws[key] for p in parts], axis=0) for key in keys},
    )


def _distances(
    metrics: Sequence[Wasserstein], samples: Sequence[Sample], counts: Counts
) -> dict[str, Array]:
    """By key the (draws,) distances, with the events of all samples in turn counted as told."""
    first = np.cumsum([0, *map(len, samples)])
    found: dict[str, Array] = {}
    for metric in metrics:
        parts = [metric.values(sample) for sample in samples]
        values = np.concatenate([v for v, _ in parts])
        owner = np.concatenate([o + k for (_, o), k in zip(parts, first, strict=False)])
        pools = metric.pools(values, owner, int(first[-1]))
        columns = [pool.distances(counts) for pool in pools]
        for (key, _), column in zip(metric.columns, columns, strict=False):
            found[key] = column
        found[metric.name] = np.mean(columns, axis=0)
    return found


def _event_counts(events: int, draws: int, key: tuple[int, ...]) -> NDArray[np.int32]:
    """(draws, events) how often each event is drawn, with replacement."""
    rng = np.random.default_rng(key)
    counts = np.empty((draws, events), np.int32)
    for row in counts:
        row[:] = np.bincount(rng.integers(events, size=events), minlength=events)
    return counts


def compare(
    generated: Sample,
    reference: Sample,
    metrics: Sequence[Wasserstein],
    *,
    draws: int,
    label: int,
    seed: int,
) -> Distances:
    """Distances of generated to reference events of one class, with bootstrap replicates.

    Args:
        generated: events made from the noise of ``seed``, in their order.
        reference: true events.
        metrics: which distances.
        draws: bootstrap draws.
        label: number of the class.
        seed: of the noise.
    """
    counts = np.concatenate(
        [
            _event_counts(len(generated), draws, (_GENERATED, label, seed)),
            -_event_counts(len(reference), draws, (_REFERENCE, label)),
        ],
        axis=1,
    )
    once = each_once(len(generated), len(reference))
    found = _distances(metrics, [generated, reference], np.concatenate([once, counts]))
    return Distances(
        {key: float(column[0]) for key, column in found.items()},
        {key: column[1:] for key, column in found.items()},
    )


def measured(
    metrics: Sequence[Metric], a: Sample, b: Sample, event_type: str, seed: int
) -> list[Measurement]:
    """The numbers of the metrics that both samples are large enough for, and have."""
    return [
        number
        for metric in metrics
        if metric.minimum <= min(len(a), len(b))
        and all(metric.undefined(side, event_type) is None for side in (a, b))
        for number in metric.measure(a, b, event_type, seed)
    ]


def floor(
    truth: Sample,
    sizes: tuple[int, int],
    event_type: str,
    metrics: Sequence[Wasserstein],
    reported: Sequence[Metric] = (),
) -> Floor:
    r"""What W1 gives between two truth samples of the given sizes, by random splits of ``truth``.

    Where there is less truth than both sizes together, the splits are smaller in proportion, and
    the distances are scaled by :math:`\sqrt{(1/n + 1/m) / (1/n' + 1/m')}`: between equal
    distributions W1 is, for large samples, a functional of a Brownian bridge times
    :math:`\sqrt{1/n + 1/m}`.

    Args:
        truth: true events of one class.
        sizes: events on the two sides of the comparison that the floor is for.
        event_type: the class.
        metrics: which distances.
        reported: other numbers; of one split, not scaled.
    """
    n, m = sizes
    share = min(1.0, len(truth) / (n + m))
    first = max(1, int(share * n))
    second = max(1, min(int(share * m), len(truth) - first))
    rng = np.random.default_rng((_FLOOR,))
    sides = random_splits(len(truth), first, second, FLOOR_SPLITS, rng).astype(np.int32)
    scale = np.sqrt((1 / n + 1 / m) / (1 / first + 1 / second))
    return Floor(
        event_type=event_type,
        sizes=sizes,
        splits=(first, second),
        scores={
            key: Score(value=scale * column.mean(), error=scale * column.std(ddof=1))
            for key, column in _distances(metrics, [truth], sides).items()
        },
        reported={
            number.key: Score(value=number.value, error=number.error)
            for number in measured(
                reported,
                truth[np.flatnonzero(sides[0] > 0)],
                truth[np.flatnonzero(sides[0] < 0)],
                event_type,
                _FLOOR,
            )
        },
    )
