"""Judging samplers in pairs: non-inferiority to a baseline, and the poster's best method."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from driftline.study.resampling import Distances
from driftline.study.results import Best, Floor, Outcome, Score, Verdict

Array = NDArray[np.float64]

LEVEL = 0.95
RELATIVE_MARGIN = 0.10

_DETECTABLE = 1.645 + 0.842
"""Standard errors from zero of a difference that a one-sided 95% test sees in 80% of cases."""


def bounds(value: float, draws: Array) -> tuple[float, float]:
    """One-sided lower and upper bounds of level ``LEVEL`` by the reflected bootstrap.

    Near the floor resampling adds to both distances and draws a difference towards zero; the
    reflection of the replicates about the value undoes that bias, where percentiles would double
    it.
    """
    low, high = np.quantile(draws, [1 - LEVEL, LEVEL])
    return float(2 * value - high), float(2 * value - low)


def p_values(value: float, draws: Array, margin: float) -> tuple[float, float]:
    """Of the tests that the true difference is below, and that it is above the margin.

    The shares of the reflected replicates on the other side, never zero.
    """
    reflected = 2 * value - draws
    above, below = np.sum(reflected >= margin), np.sum(reflected <= margin)
    return float(1 + above) / (1 + len(draws)), float(1 + below) / (1 + len(draws))


def holm(p: Sequence[float]) -> Array:
    """p-values adjusted for their number, so that all errors together are bounded (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.asarray(p)[order] * factors))
    return adjusted


def decide(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on one sampler in all classes and metrics, with p-values corrected by Holm."""
    below = holm([v.p_non_inferior for v in verdicts])
    above = holm([v.p_worse for v in verdicts])
    return [
        v.model_copy(
            update={
                "p_non_inferior": float(b),
                "p_worse": float(a),
                "outcome": outcome(float(b), float(a)),
            }
        )
        for v, b, a in zip(verdicts, below, above, strict=True)
    ]


def outcome(p_non_inferior: float, p_worse: float) -> Outcome:
    """What two p-values say."""
    if p_non_inferior <= 1 - LEVEL:
        return "non-inferior"
    return "worse" if p_worse <= 1 - LEVEL else "undecided"


def judge(
    candidate: Distances,
    baseline: Distances,
    floor: Floor,
    sampler: str,
    metrics: Iterable[str],
) -> list[Verdict]:
    """Non-inferiority of a sampler to the baseline in each headline metric of a class.

    Each test on its own: see ``decide`` for all classes and metrics together. The margin is the
    larger of 10% of the baseline's distance and one standard deviation of the floor.
    """
    verdicts = []
    for metric in metrics:
        difference = candidate.values[metric] - baseline.values[metric]
        draws = candidate.draws[metric] - baseline.draws[metric]
        lower, upper = bounds(difference, draws)
        margin = max(RELATIVE_MARGIN * baseline.values[metric], floor.scores[metric].error)
        error = float(draws.std(ddof=1))
        p_non_inferior, p_worse = p_values(difference, draws, margin)
        verdicts.append(
            Verdict(
                sampler=sampler,
                event_type=floor.event_type,
                metric=metric,
                difference=difference,
                error=error,
                lower=lower,
                upper=upper,
                margin=margin,
                detectable=_DETECTABLE * error,
                p_non_inferior=p_non_inferior,
                p_worse=p_worse,
                outcome=outcome(p_non_inferior, p_worse),
            )
        )
    return verdicts


def best(by_sampler: Mapping[str, Distances], event_type: str, metrics: Sequence[str]) -> Best:
    """The smallest mean of several metrics, and the samplers it cannot be told from."""
    values = {s: float(np.mean([d.values[m] for m in metrics])) for s, d in by_sampler.items()}
    draws = {s: np.mean([d.draws[m] for m in metrics], axis=0) for s, d in by_sampler.items()}
    first = min(values, key=values.__getitem__)
    close = [
        s
        for s in values
        if s != first and bounds(values[s] - values[first], draws[s] - draws[first])[0] <= 0
    ]
    error = float(draws[first].std(ddof=1))
    return Best(
        event_type=event_type,
        sampler=first,
        average=Score(value=values[first], error=error),
        indistinguishable=close,
    )
