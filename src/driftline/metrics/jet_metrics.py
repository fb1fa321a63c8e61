"""The table of metrics on jets. A new metric is a new entry; nothing else knows their names."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from driftline.metrics import wasserstein
from driftline.metrics.classifier import classifier_test
from driftline.metrics.coverage import coverage_and_mmd
from driftline.metrics.fpnd import PARTICLES, RECOMMENDED_JETS, JetType, jetnet_statistics
from driftline.metrics.frechet import (
    FPD_SIZES,
    frechet_distance,
    frechet_error,
    frechet_physics_distance,
    moments,
    normalised,
)
from driftline.metrics.mmd import kernel_physics_distance
from driftline.metrics.observables import Sample, real_particles
from driftline.metrics.scores import Measurement
from driftline.metrics.wasserstein import Pool

Array = NDArray[np.float64]

BOOTSTRAP_DRAWS = 100
FLOOR_SPLITS = 20


@dataclass(frozen=True)
class Truth:
    """Truth samples for the floor.

    Attributes:
        pool: truth jets, of which ``first`` and ``second`` are disjoint parts.
        first: stands for the generated jets.
        second: stands for the reference.
    """

    pool: Sample
    first: Sample
    second: Sample


class Metric(Protocol):
    """A metric: a name, the number of jets it needs on each side, and what it measures."""

    @property
    def name(self) -> str:
        """By which it is chosen."""

    @property
    def minimum(self) -> int:
        """Jets needed on each side."""

    def undefined(self, sample: Sample, jet_type: str) -> str | None:
        """Why the metric has no meaning for such jets, or None."""

    def measure(
        self, generated: Sample, reference: Sample, jet_type: str, seed: int
    ) -> list[Measurement]:
        """The metric's numbers."""

    def floor(self, truth: Truth, jet_type: str, seed: int) -> list[tuple[float, float]]:
        """For each number of ``measure``, what truth against truth gives, and its error."""


@dataclass(frozen=True)
class TwoSample:
    """A metric that is a function of two samples; its floor is the same function of two truths."""

    name: str
    minimum: int
    function: Callable[[Sample, Sample, str, int], list[Measurement]]
    condition: Callable[[Sample, str], str | None] = lambda sample, jet_type: None

    def undefined(self, sample: Sample, jet_type: str) -> str | None:
        """Why the metric has no meaning for such jets, or None."""
        return self.condition(sample, jet_type)

    def measure(
        self, generated: Sample, reference: Sample, jet_type: str, seed: int
    ) -> list[Measurement]:
        """The metric's numbers."""
        return self.function(generated, reference, jet_type, seed)

    def floor(self, truth: Truth, jet_type: str, seed: int) -> list[tuple[float, float]]:
        """The numbers between two truth samples, and their errors."""
        numbers = self.measure(truth.first, truth.second, jet_type, seed)
        return [(number.value, number.error) for number in numbers]


Values = tuple[Array, NDArray[np.int64]]
"""(n, K) values of K observables, and the jet (n,) that each row belongs to."""


def _per_jet(observable: Callable[[Sample], Array]) -> Callable[[Sample], Values]:
    def values(sample: Sample) -> Values:
        return observable(sample).reshape(len(sample), -1), np.arange(len(sample))

    return values


def _per_particle(sample: Sample) -> Values:
    return real_particles(sample.particles, sample.mask)


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
    truth jets into two samples.

    Attributes:
        name: of the metric, and of its mean over observables.
        label: of the mean.
        columns: key and label of each observable; empty if there is one only.
        values: the observables of a sample.
        unit: of all of them.
        jetnet: whether JetNet defines it. Then the number called ``name`` follows JetNet's
            convention (5 draws of 50,000 with replacement) and the one called ``name_plain``
            counts every jet once; otherwise the only number is the plain one. The error, by the
            bootstrap over jets, is that of the plain distance in either case: on the floor it is
            about 1.2 times the true spread of both numbers, and right away from it.
        minimum: jets needed on each side.
    """

    name: str
    label: str
    values: Callable[[Sample], Values]
    columns: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    jetnet: bool = False
    minimum: int = 100

    def undefined(self, sample: Sample, jet_type: str) -> str | None:
        """Why the metric has no meaning for such jets, or None."""
        return None

    def measure(
        self, generated: Sample, reference: Sample, jet_type: str, seed: int
    ) -> list[Measurement]:
        """W1 in one or both conventions, with bootstrap errors."""
        a, b = len(generated), len(reference)
        values_a, owner_a = self.values(generated)
        values_b, owner_b = self.values(reference)
        pools = _pools(
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

    def _number(
        self, key: str, label: str, value: float, error: float, spread: float | None
    ) -> Measurement:
        return Measurement(
            key=key, label=label, unit=self.unit, value=value, error=error, spread=spread
        )

    def floor(self, truth: Truth, jet_type: str, seed: int) -> list[tuple[float, float]]:
        """Mean and standard deviation over random splits of the truth."""
        events = len(truth.pool)
        pools = _pools(*self.values(truth.pool), events)
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


def _pools(values: Array, owner: NDArray[np.int64], events: int) -> list[Pool]:
    return [Pool(column, owner, events) for column in values.T]


def _distances(pools: list[Pool], counts: wasserstein.Counts) -> Array:
    """(draws, K) distances of K observables, and (draws, K + 1) with their mean if K > 1."""
    distances = np.stack([pool.distances(counts) for pool in pools], axis=1)
    if len(pools) == 1:
        return distances
    return np.concatenate([distances, distances.mean(axis=1, keepdims=True)], axis=1)


def _fpd(generated: Sample, reference: Sample, jet_type: str, seed: int) -> list[Measurement]:
    x, y = reference.polynomials, generated.polynomials
    fpd = frechet_physics_distance(x, y)
    over_jets = frechet_error(*normalised(x, y), np.random.default_rng(seed))
    notes = []
    if fpd.sizes[0] < FPD_SIZES[0]:
        notes.append(f"sizes reduced to {fpd.sizes[0]:,}-{fpd.sizes[-1]:,} jets")
    if fpd.bounded:
        notes.append(f"bounded at 0, intercept {fpd.intercept:.2g}")
    return [
        Measurement(
            key="fpd",
            label="FPD",
            unit="1e-3",
            value=fpd.value,
            error=float(np.hypot(fpd.error, over_jets)),
            note="; ".join(notes),
        )
    ]


def _kpd(generated: Sample, reference: Sample, jet_type: str, seed: int) -> list[Measurement]:
    kpd = kernel_physics_distance(reference.polynomials, generated.polynomials)
    return [Measurement(key="kpd", label="KPD", unit="1e-6", value=kpd.value, error=kpd.error)]


def _coverage(generated: Sample, reference: Sample, jet_type: str, seed: int) -> list[Measurement]:
    rng = np.random.default_rng(seed)
    c = coverage_and_mmd(reference.particles, generated.particles, rng)
    return [
        Measurement(key="cov", label="Cov", value=c.coverage, error=c.coverage_error),
        Measurement(key="mmd", label="MMD", value=c.mmd, error=c.mmd_error),
    ]


def _few(*samples: Sample) -> str:
    """How far FPND is above its value for infinitely many jets: each finite sample adds 270 / N."""
    sizes = [len(sample) for sample in samples]
    if min(sizes) >= RECOMMENDED_JETS:
        return ""
    return f"biased up by about {sum(270 / n for n in sizes):.2g} at {min(sizes):,} jets"


def _fpnd(generated: Sample, reference: Sample, jet_type: str, seed: int) -> list[Measurement]:
    a, b = generated.particlenet, reference.particlenet
    return [
        Measurement(
            key="fpnd",
            label="FPND to the reference",
            value=frechet_distance(*moments(a), *moments(b)),
            error=frechet_error(a, b, np.random.default_rng(seed)),
            note=_few(generated, reference),
        )
    ]


def _fpnd_jetnet(
    generated: Sample, reference: Sample, jet_type: str, seed: int
) -> list[Measurement]:
    features = generated.particlenet[:RECOMMENDED_JETS]
    real = jetnet_statistics(cast(JetType, jet_type))
    return [
        Measurement(
            key="fpnd_jetnet",
            label="FPND to real JetNet",
            value=frechet_distance(*moments(features), *real),
            error=frechet_error(features, real, np.random.default_rng(seed)),
            note=_few(generated),
        )
    ]


def _not_thirty(sample: Sample, jet_type: str) -> str | None:
    slots = sample.particles.shape[1]
    return None if slots == PARTICLES else f"FPND's network takes 30 particles, not {slots}"


def _no_statistics(sample: Sample, jet_type: str) -> str | None:
    if jet_type not in ("g", "q", "t"):
        return f"the real JetNet statistics are published for g, q and t, not for {jet_type}"
    return _not_thirty(sample, jet_type)


def _auc(generated: Sample, reference: Sample, jet_type: str, seed: int) -> list[Measurement]:
    area = classifier_test(generated.high_level, reference.high_level, seed=seed)
    return [Measurement(key="auc", label="Classifier AUC", value=area.value, error=area.error)]


METRICS: tuple[Metric, ...] = (
    Wasserstein("w1m", "W1M", _per_jet(lambda s: s.relative_mass), unit="1e-3", jetnet=True),
    Wasserstein(
        "w1p",
        "W1P",
        _per_particle,
        (("w1p_etarel", "W1P etarel"), ("w1p_phirel", "W1P phirel"), ("w1p_ptrel", "W1P ptrel")),
        unit="1e-3",
        jetnet=True,
    ),
    Wasserstein(
        "w1efp",
        "W1EFP",
        _per_jet(lambda s: s.w1efp_polynomials),
        tuple((f"w1efp_{k}", f"W1EFP {k}") for k in range(1, 6)),
        unit="1e-5",
        jetnet=True,
    ),
    Wasserstein("w1_pt", "W1 jet pT", _per_jet(lambda s: s.pt), unit="GeV"),
    Wasserstein("w1_mass", "W1 jet mass", _per_jet(lambda s: s.mass), unit="GeV"),
    Wasserstein("w1_multiplicity", "W1 multiplicity", _per_jet(lambda s: s.multiplicity)),
    Wasserstein("w1_tau21", "W1 tau21", _per_jet(lambda s: s.tau21), unit="1e-3"),
    Wasserstein("w1_tau32", "W1 tau32", _per_jet(lambda s: s.tau32), unit="1e-3"),
    Wasserstein("w1_d2", "W1 D2", _per_jet(lambda s: s.d2), unit="1e-3"),
    TwoSample("fpd", 2_000, _fpd),
    TwoSample("kpd", 2_000, _kpd),
    TwoSample("coverage", 100, _coverage),
    TwoSample("fpnd", 1_000, _fpnd, _not_thirty),
    TwoSample("fpnd_jetnet", 1_000, _fpnd_jetnet, _no_statistics),
    TwoSample("classifier", 1_000, _auc),
)
"""All metrics on jets, by default in this order."""
