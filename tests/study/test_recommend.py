"""Endpoint errors by hand, and the recommendation on made-up verdicts."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.data.clouds import distances
from driftline.study.endpoints import endpoint
from driftline.study.recommend import recommend
from driftline.study.results import Row, Verdict


def test_distance_is_in_standard_deviations(toy_jets):
    jets = toy_jets[:200]
    moved = jets.particles.copy()
    scale = jets.particles[jets.mask].std(axis=0)
    # So little that every particle stays nearest to itself.
    moved[0] += 5e-4 * scale * jets.mask[0, :, None]
    moved[1, :, 2] += 2e-4 * scale[2] * jets.mask[1]
    apart = distances(replace(jets, particles=moved), jets)
    np.testing.assert_allclose(apart[:2], [5e-4, 2e-4 / np.sqrt(3)], rtol=1e-2)
    assert not apart[2:].any()


def test_distance_does_not_know_the_order_of_particles(toy_jets):
    jets = toy_jets[:20]
    others = toy_jets[20:40]
    turned = replace(jets, particles=jets.particles[:, ::-1], mask=jets.mask[:, ::-1])
    assert not distances(turned, jets).any()
    assert distances(jets, others).all()
    np.testing.assert_allclose(distances(turned, others), distances(jets, others), rtol=1e-6)


def test_few_far_jets_dominate_the_rms_and_not_the_median(toy_jets):
    jets = toy_jets[:200]
    moved = jets.particles.copy()
    moved[:10] += jets.mask[:10, :, None]
    found = endpoint("dpm:steps=9", "t", [replace(jets, particles=moved)], [jets])
    assert found.median == 0
    assert found.rms > 1


def row(sampler: str, evaluations: float) -> Row:
    return Row(
        sampler=sampler,
        label=sampler.upper(),
        event_type="t",
        seeds=1,
        by_network={"jet level": 1, "particle level": evaluations - 1},
        seconds_per_1000=1,
        fewer_evaluations=1,
        scores={},
    )


def verdict(sampler: str, outcome: str, event_type: str = "t") -> Verdict:
    numbers = dict.fromkeys(("difference", "error", "lower", "upper"), 0.0)
    return Verdict(
        sampler=sampler,
        event_type=event_type,
        metric="w1m",
        margin=2.0,
        detectable=1.0,
        p_non_inferior=0.0,
        p_worse=0.0,
        outcome=outcome,  # type: ignore[arg-type]
        **numbers,
    )


def test_the_cheapest_that_passes_everywhere_is_recommended():
    rows = [row("base", 200), row("a", 10), row("b", 20), row("c", 40)]
    verdicts = [
        verdict("a", "non-inferior"),
        verdict("a", "undecided", "g"),
        verdict("b", "non-inferior"),
        verdict("c", "non-inferior"),
    ]
    found = recommend(rows, verdicts, "base")
    assert (found.sampler, found.label, found.evaluations) == ("b", "B", 20)
    assert found.baseline_evaluations == 200
    assert found.detectable == pytest.approx(0.5)


def test_nothing_is_recommended_if_nothing_passes():
    found = recommend([row("base", 200), row("a", 10)], [verdict("a", "worse")], "base")
    assert found.sampler is None
