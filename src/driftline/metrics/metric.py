"""What a metric is, and the two sorts of them: W1 of observables, and functions of two samples."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from driftline.metrics import wasserstein
from driftline.metrics.sample import Sample
from driftline.metrics.scores import Measurement
from driftline.metrics.wasserstein import Pool

Array = NDArray[np.float64]

BOOTSTRAP_DRAWS = 100
FLOOR_SPLITS = 20


@dataclass(frozen=True)
class Truth:
    """Truth samples for the floor.

    Attributes:
        pool: truth events, of which ``first`` and ``second`` are disjoint parts.
        first: stands for the generated events.
        second: stands for the reference.
    """

    pool: Sample
    first: Sample
    second: Sample


class Metric(Protocol):
    """A metric: a name, the number of events it needs on each side, and what it measures."""

    @property
    def name(self) -> str:
        """By which it is chosen."""

    @property
    def minimum(self) -> int:
        """Events needed on each side."""

    def undefined(self, sample: Sample, event_type: str) -> str | None:
        """Why the metric has no meaning for such events, or None."""

    def measure(
        self, generated: Sample, reference: Sample, event_type: str, seed: int
    ) -> list[Measurement]:
        """The metric's numbers."""

    def floor(self, truth: Truth, event_type: str, seed: int) -> list[tuple[float, float]]:
        """For each number of ``measure``, what truth against truth gives, and its error."""


@dataclass(frozen=True)
class TwoSample:
    """A metric that is a function of two samples; its floor is the same function of two truths."""

    name: str
    minimum: int
    function: Callable[[Any, Any, str, int], list[Measurement]]
    condition: Callable[[Any, str], str | None] = lambda sample, event_type: None

    def undefined(self, sample: Sample, event_type: str) -> str | None:
        """Why the metric has no meaning for such events, or None."""
        return self.condition(sample, event_type)

    def measure(
        self, generated: Sample, reference: Sample, event_type: str, seed: int
    ) -> list[Measurement]:
        """The metric's numbers."""
        return self.function(generated, reference, event_type, seed)

    def floor(self, truth: Truth, event_type: str, seed: int) -> list[tuple[float, float]]:
        """The numbers between two truth samples, and their errors."""
        numbers = self.measure(truth.first, truth.second, event_type, seed)
        return [(number.value, number.error) for number in numbers]


Values = tuple[Array, NDArray[np.int64]]
"""(n, K) values of K observables, and the event (n,) that each row belongs to."""


def per_event(observable: Callable[[Any], Array]) -> Callable[[Any], Values]:
    """Observables (N,) or (N, K) of whole events, as ``Wasserstein`` takes them."""

    def values(sample: Sample) -> Values:
        return observable(sample).reshape(len(sample), -1), np.arange(len(sample))

    return values


@lru_cache(maxsize=4)
def _bootstrap(a: int, b: int, seed: int) -> wasserstein.Counts:
    return wasserstein.bootstrap(a, b, BOOTSTRAP_DRAWS, np.random.default_rng([seed, 1]))


@lru_cache(maxsize=4)
def _splits(events: int, a: int, b: int, seed: int) -> tuple[wasserstein.Counts, ...]:
    """Random splits of the truth: each event once, and JetNet's draws from the two sides."""
    rng = np.random.default_rng([seed, 2])
    sides = wasserstein.random_splits(events, a, b, FLOOR_SPLITS, rng)
    repeated = np.repeat(sides, wasserstein.JETNET_DRAWS, axis=0)
    return sides.astype(np.int32), wasserstein.jetnet_draws_within(repeated, rng)


@dataclass(frozen=True)
class Wasserstein:
    """W1 of one or several observables; of several also the mean.

    The floor is that of a permutation test: mean and standard deviation over random splits of all
    truth events into two samples.

    Attributes:
        name: of the metric, and of its mean over observables.
        label: of the mean.
        columns: key and label of each observable; empty if there is one only.
        values: the observables of a sample.
        unit: of all of them.
        jetnet: whether JetNet defines it. Then the number called ``name`` follows JetNet's
            convention (5 draws of 50,000 with replacement) and the one called ``name_plain``
            counts every event once; otherwise the only number is the plain one. The error, by the
            bootstrap over events, is that of the plain distance in either case: on the floor it is
            about 1.2 times the true spread of both numbers, and right away from it.
        minimum: events needed on each side.
        period: of observables on a circle, in their unit; None on a line.
    """

    name: str
    label: str
    values: Callable[[Any], Values]
    columns: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    jetnet: bool = False
    minimum: int = 100
    period: float | None = None

    def undefined(self, sample: Sample, event_type: str) -> str | None:
        """Why the metric has no meaning for such events, or None."""
        return None

    def measure(
        self, generated: Sample, reference: Sample, event_type: str, seed: int
    ) -> list[Measurement]:
        """W1 in one or both conventions, with bootstrap errors."""
        a, b = len(generated), len(reference)
        values_a, owner_a = self.values(generated)
        values_b, owner_b = self.values(reference)
        pools = self.pools(
            np.concatenate([values_a, values_b]), np.concatenate([owner_a, owner_b + a]), a + b
        )
        plain = _distances(pools, wasserstein.each_once(a, b))[0]
        error = _distances(pools, _bootstrap(a, b, seed)).std(axis=0, ddof=1)
        names = [*self.columns, (self.name, self.label)]
        numbers = []
        if self.jetnet:
            draws = _distances(pools, wasserstein.jetnet_draws(a, b, np.random.default_rng(seed)))
            numbers = [
                self._number(key, label, draws[:, k].mean(), error[k], draws[:, k].std())
                for k, (key, label) in enumerate(names)
            ]
            names = [(f"{key}_plain", f"{label}, each jet once") for key, label in names]
        return numbers + [
            self._number(key, label, plain[k], error[k], None)
            for k, (key, label) in enumerate(names)
        ]

    def pools(self, values: Array, owner: NDArray[np.int64], events: int) -> list[Pool]:
        """One for each observable, of values (n, K) and the events (n,) that they belong to."""
        return [Pool(column, owner, events, self.period) for column in values.T]

    def _number(
        self, key: str, label: str, value: float, error: float, spread: float | None
    ) -> Measurement:
        return Measurement(
            key=key, label=label, unit=self.unit, value=value, error=error, spread=spread
        )

    def floor(self, truth: Truth, event_type: str, seed: int) -> list[tuple[float, float]]:
        """Mean and standard deviation over random splits of the truth."""
        events = len(truth.pool)
        pools = self.pools(*self.values(truth.pool), events)
        plain, drawn = _splits(events, len(truth.first), len(truth.second), seed)
        per_split = [_distances(pools, plain)]
        if self.jetnet:
            draws = _distances(pools, drawn)
            per_split.insert(0, draws.reshape(FLOOR_SPLITS, -1, draws.shape[1]).mean(axis=1))
        return [
            (float(column.mean()), float(column.std(ddof=1)))
            for convention in per_split
            for column in convention.T
        ]


def _distances(pools: list[Pool], counts: wasserstein.Counts) -> Array:
    """(draws, K) distances of K observables, and (draws, K + 1) with their mean if K > 1."""
    distances = np.stack([pool.distances(counts) for pool in pools], axis=1)
    if len(pools) == 1:
        return distances
    return np.concatenate([distances, distances.mean(axis=1, keepdims=True)], axis=1)
