"""W1 against scipy and closed forms; JetNet's convention and its inflated floor."""

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import wasserstein_distance

from driftline.metrics import wasserstein as w1

finite = st.floats(-1e3, 1e3, width=32)


def transport_on_a_circle(a, b, period):
    """W1 by its definition: the cheapest plan, at the shorter way round (POT's linear program)."""
    apart = np.abs(np.subtract.outer(a % period, b % period))
    weights = [np.full(len(side), 1.0 / len(side)) for side in (a, b)]
    return ot.emd2(*weights, np.minimum(apart, period - apart))


@settings(deadline=None)
@given(arrays(np.float32, st.integers(1, 30), elements=finite), st.data())
def test_each_once_is_scipy(a, data):
    b = data.draw(arrays(np.float32, st.integers(1, 30), elements=finite))
    expected = wasserstein_distance(a.astype(float), b.astype(float))
    pooled = w1.Pool(np.concatenate([a, b])).distances(w1.each_once(len(a), len(b)))[0]
    assert w1.wasserstein(a, b) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert pooled == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(finite, st.integers(1, 20))
def test_a_shift_is_the_distance(shift, size):
    values = np.linspace(-1.0, 1.0, size)
    assert w1.wasserstein(values, values + shift) == pytest.approx(abs(shift), abs=1e-12)


@settings(deadline=None)
@given(arrays(np.float32, st.integers(1, 30), elements=finite), st.data())
def test_the_distance_on_a_circle_is_the_cheapest_plan_wherever_it_is_cut(a, data):
    b = data.draw(arrays(np.float32, st.integers(1, 30), elements=finite))
    cut = data.draw(finite)
    a, b = a.astype(float), b.astype(float)
    distance = w1.wasserstein(a, b, 180.0)
    assert distance == pytest.approx(transport_on_a_circle(a, b, 180.0), abs=1e-9)
    assert w1.wasserstein(a + cut, b + cut, 180.0) == pytest.approx(distance, abs=1e-9)


@pytest.mark.parametrize("shift", [-3.0, 2.0, 180.0 + 2.0])
def test_a_small_turn_is_a_small_distance_across_the_cut_too(shift):
    angles = np.random.default_rng(0).normal(0.0, 4.0, 500) % 180.0
    turned = (angles + shift) % 180.0
    expected = abs((shift + 90.0) % 180.0 - 90.0)
    assert w1.wasserstein(angles, turned, 180.0) == pytest.approx(expected, abs=1e-9)
    assert w1.wasserstein(angles, turned) > 2.0 * expected  # on a line some go all the way round


@pytest.mark.parametrize("period", [None, 180.0])
@pytest.mark.parametrize(("a", "b"), [([], [1.0]), ([1.0], []), ([], [])])
def test_a_side_without_values_is_refused(a, b, period):
    with pytest.raises(ValueError, match="each side needs one"):
        w1.wasserstein(a, b, period)
    pool = w1.Pool(np.array([*a, *b]), owner=np.arange(len(a) + len(b)), events=2, period=period)
    with pytest.raises(ValueError, match="each side needs a value"):
        pool.distances(np.array([[1, 1]], np.int32))


@pytest.mark.parametrize("period", [0.0, -180.0, np.nan])
def test_a_circle_has_a_positive_period(period):
    with pytest.raises(ValueError, match="not positive"):
        w1.wasserstein([1.0, 2.0], [3.0, 4.0], period)


def test_events_drawn_on_a_circle_are_counted_as_often_as_drawn():
    rng = np.random.default_rng(4)
    values, owner = rng.uniform(0.0, 180.0, 90), np.repeat(np.arange(45), 2)
    counts = w1.drawn(20, 25, 3, (30, 20), rng)
    pool = w1.Pool(values, owner, 45, period=180.0)
    for row, distance in zip(counts, pool.distances(counts), strict=True):
        times = row[owner]
        sides = np.repeat(values, np.maximum(times, 0)), np.repeat(values, np.maximum(-times, 0))
        assert distance == pytest.approx(transport_on_a_circle(*sides, 180.0), rel=1e-9)


def test_events_with_several_values_are_counted_whole():
    rng = np.random.default_rng(0)
    owner_a, owner_b = np.repeat(np.arange(40), 3), np.repeat(np.arange(50), 3)[4:]
    a, b = rng.normal(size=120), rng.normal(0.3, 1.0, size=146)
    counts = w1.drawn(40, 50, 3, (70, 60), np.random.default_rng(1))
    pool = w1.Pool(np.concatenate([a, b]), np.concatenate([owner_a, owner_b + 40]), 90)
    for row, distance in zip(counts, pool.distances(counts), strict=True):
        drawn_a, drawn_b = np.repeat(a, row[owner_a]), np.repeat(b, -row[owner_b + 40])
        assert distance == pytest.approx(wasserstein_distance(drawn_a, drawn_b), rel=1e-12)


def test_draws_count_what_the_generator_chose():
    counts = w1.drawn(4, 6, 2, (10, 20), np.random.default_rng(3))
    rng = np.random.default_rng(3)
    for row in counts:
        assert np.array_equal(row[:4], np.bincount(rng.choice(4, size=10), minlength=4))
        assert np.array_equal(-row[4:], np.bincount(rng.choice(6, size=20), minlength=6))


def test_splits_are_disjoint_and_of_the_sizes_asked_for():
    sides = w1.random_splits(50, 20, 25, 8, np.random.default_rng(0))
    assert np.all((sides > 0).sum(axis=1) == 20)
    assert np.all((sides < 0).sum(axis=1) == 25)
    drawn = w1.jetnet_draws_within(sides, np.random.default_rng(0))
    assert np.all(drawn[sides == 0] == 0)
    assert np.all(np.where(drawn > 0, drawn, 0).sum(axis=1) == w1.JETNET_SIZE)
    assert np.all(np.sign(drawn[drawn != 0]) == sides[drawn != 0])


def test_bootstrap_error_is_the_spread_over_samples():
    rng = np.random.default_rng(5)
    distances, errors = [], []
    for _ in range(60):
        a, b = rng.normal(size=400), rng.normal(0.4, 1.0, size=600)
        pool = w1.Pool(np.concatenate([a, b]))
        distances.append(pool.distances(w1.each_once(400, 600))[0])
        errors.append(pool.distances(w1.bootstrap(400, 600, 100, rng)).std())
    assert np.mean(errors) == pytest.approx(np.std(distances), rel=0.3)
    assert np.std(distances) == pytest.approx(np.sqrt(1 / 400 + 1 / 600), rel=0.3)


def mean_floors(size, repetitions):
    """Mean floor of normal samples of one size: each event once, and drawn with replacement."""
    rng = np.random.default_rng(size)
    once, drawn = [], []
    for _ in range(repetitions):
        pool = w1.Pool(rng.normal(size=2 * size))
        once.append(pool.distances(w1.each_once(size, size))[0])
        drawn.append(pool.distances(w1.drawn(size, size, 1, (size, size), rng))[0])
    return np.mean(once), np.mean(drawn)


def test_floor_falls_with_the_root_of_the_sample_and_replacement_inflates_it():
    small, small_drawn = mean_floors(2_000, 200)
    large, large_drawn = mean_floors(10_000, 200)
    assert small / large == pytest.approx(np.sqrt(5), rel=0.12)  # as 10,000 to 50,000 jets
    assert small_drawn / small == pytest.approx(1.38, abs=0.12)
    assert large_drawn / large == pytest.approx(1.38, abs=0.12)
