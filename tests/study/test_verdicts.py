"""Non-inferiority on samples whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.metrics.kinds import JETS
from driftline.study.resampling import Distances
from driftline.study.results import Floor, Score
from driftline.study.verdicts import best, bounds, decide, holm, judge, outcome, p_values


def distances(rng: np.random.Generator, value: float, spread: float, draws=2000) -> Distances:
    return Distances(
        {m: value for m in JETS.headline},
        {m: rng.normal(value, spread, draws) for m in JETS.headline},
    )


def judge_jets(*samples):
    return judge(*samples, JETS.headline)


def a_floor(spread: float) -> Floor:
    scores = {m: Score(value=0.5, error=spread) for m in JETS.headline}
    return Floor(event_type="t", sizes=(10, 10), splits=(5, 5), scores=scores)


def verdicts(candidate: Distances, baseline: Distances, spread: float = 0.01) -> list[str]:
    return [v.outcome for v in judge_jets(candidate, baseline, a_floor(spread), "dpm:steps=30")]


def test_identical_is_non_inferior(rng):
    baseline = distances(rng, 1.0, 0.3)
    assert verdicts(baseline, baseline) == ["non-inferior"] * 3


def test_clearly_larger_is_worse(rng):
    assert verdicts(distances(rng, 2.0, 0.05), distances(rng, 1.0, 0.05)) == ["worse"] * 3


def test_little_information_is_undecided(rng):
    assert verdicts(distances(rng, 1.0, 0.5), distances(rng, 1.0, 0.5)) == ["undecided"] * 3


def test_margin_is_ten_per_cent_or_the_floors_spread(rng):
    baseline = distances(rng, 1.0, 0.01)
    slightly = distances(rng, 1.2, 0.01)
    (first, *_) = judge_jets(slightly, baseline, a_floor(0.01), "x")
    assert (first.margin, first.outcome) == (pytest.approx(0.10), "worse")
    (first, *_) = judge_jets(slightly, baseline, a_floor(0.4), "x")
    assert (first.margin, first.outcome) == (pytest.approx(0.40), "non-inferior")
    assert first.detectable == pytest.approx(2.487 * first.error)


def test_bounds_cover_as_they_say(rng):
    covered_above = covered_below = 0
    for _ in range(400):
        value = rng.normal(3.0, 1.0)
        lower, upper = bounds(value, rng.normal(value, 1.0, 500))
        covered_above += upper > 3.0
        covered_below += lower < 3.0
    assert 0.92 < covered_above / 400 < 0.98
    assert 0.92 < covered_below / 400 < 0.98


@given(st.floats(0.001, 1), st.floats(0.001, 1))
def test_outcome_is_what_the_p_values_say(below, above):
    found = outcome(below, above)
    assert (found == "non-inferior") == (below <= 0.05)
    assert (found == "worse") == (below > 0.05 and above <= 0.05)


def test_p_values_are_uniform_on_the_edge_of_the_margin(rng):
    """Where the true difference is the margin, each test errs in 5% of cases."""
    values = rng.normal(1.0, 0.2, 1000)
    found = np.array([p_values(v, rng.normal(v, 0.2, 400), 1.0) for v in values])
    assert np.abs(np.mean(found <= 0.05, axis=0) - 0.05).max() < 0.025
    assert np.abs(np.mean(found <= 0.5, axis=0) - 0.5).max() < 0.06
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=0.01)


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.5]), [0.09, 0.04, 0.09, 0.5])
    np.testing.assert_allclose(holm([0.02, 0.04]), [0.04, 0.04])
    assert holm([0.9, 0.8]).tolist() == [1, 1]


def test_many_metrics_need_more_evidence(rng):
    """Each difference is 2.2 errors below the margin: enough for one test, not for fifteen."""
    baseline = Distances({m: 1.0 for m in JETS.headline}, {m: np.ones(2000) for m in JETS.headline})
    candidate = Distances(
        {m: 1.0 for m in JETS.headline},
        {m: rng.normal(1.0, 0.1 / 2.2, 2000) for m in JETS.headline},
    )
    alone = [v for _ in range(5) for v in judge_jets(candidate, baseline, a_floor(0.01), "x")]
    assert {v.outcome for v in alone} == {"non-inferior"}
    assert {v.outcome for v in decide(alone)} == {"undecided"}
    assert decide(alone)[0].p_non_inferior == pytest.approx(
        15 * min(v.p_non_inferior for v in alone), rel=0.5
    )


def test_best_names_those_it_cannot_be_told_from(rng):
    same = distances(rng, 1.0, 0.05)
    close = Distances(
        {m: 1.01 for m in JETS.headline},
        {m: same.draws[m] + rng.normal(0.01, 0.1, 2000) for m in JETS.headline},
    )
    far = distances(rng, 3.0, 0.05)
    found = best({"a": far, "b": same, "c": close}, "t", JETS.headline)
    assert (found.sampler, found.indistinguishable) == ("b", ["c"])
    assert found.average.value == pytest.approx(1.0)


@pytest.fixture
def rng():
    return np.random.default_rng(7)
