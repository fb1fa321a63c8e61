"""Distances under resampling: values, pairing, floors."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from driftline.metrics.jet_observables import JetSample
from driftline.metrics.kinds import JETS
from driftline.study.resampling import compare as compare_by
from driftline.study.resampling import floor as floor_by
from driftline.study.resampling import mean

METRICS = JETS.headline_metrics


def compare(generated, reference, **options):
    return compare_by(generated, reference, METRICS, **options)


def floor(truth, sizes):
    return floor_by(truth, sizes, "t", METRICS)


@pytest.fixture(scope="module")
def samples(make_jets):
    return JetSample(make_jets(300, types=("t",), seed=1)), JetSample(
        make_jets(400, types=("t",), seed=2)
    )


def test_values_are_those_of_scipy(samples):
    a, b = samples
    found = compare(a, b, draws=20, label=0, seed=1).values
    assert found["w1m"] == pytest.approx(wasserstein_distance(a.relative_mass, b.relative_mass))
    ptrel = wasserstein_distance(a.particles[a.mask][:, 2], b.particles[b.mask][:, 2])
    assert found["w1p_ptrel"] == pytest.approx(ptrel)
    columns = [found[f"w1p_{name}"] for name in ("etarel", "phirel", "ptrel")]
    assert found["w1p"] == pytest.approx(np.mean(columns))
    polynomials = [
        wasserstein_distance(x, y)
        for x, y in zip(a.w1efp_polynomials.T, b.w1efp_polynomials.T, strict=True)
    ]
    assert found["w1efp"] == pytest.approx(np.mean(polynomials))


def test_replicates_are_paired(samples):
    a, b = samples
    first = compare(a, b, draws=50, label=2, seed=1)
    again = compare(a, b, draws=50, label=2, seed=1)
    other = compare(a, b, draws=50, label=2, seed=3)
    for key in first.values:
        assert np.array_equal(first.draws[key], again.draws[key])
        assert not np.array_equal(first.draws[key], other.draws[key])


def test_seeds_share_the_resampled_reference(samples):
    # With one generated jet only the reference is left to be resampled.
    a, b = samples
    one, two = (compare(a[:1], b, draws=50, label=2, seed=s).draws["w1m"] for s in (1, 2))
    assert np.array_equal(one, two)


def test_errors_are_those_of_repeated_experiments(make_jets):
    reference = JetSample(make_jets(400, types=("w",), seed=5))
    repeated = [
        compare(sample, reference, draws=20, label=0, seed=1)
        for sample in (JetSample(make_jets(400, types=("w",), seed=s)) for s in range(10, 40))
    ]
    spread = np.std([d.values["w1p"] for d in repeated], ddof=1)
    quoted = compare(
        JetSample(make_jets(400, types=("w",), seed=9)), reference, draws=300, label=0, seed=1
    ).score("w1p")
    # The bootstrap also resamples the reference: up to a factor of the root of two above.
    assert 0.6 * spread < quoted.error < 2.5 * spread


def test_mean_over_seeds(samples):
    a, b = samples
    parts = [compare(a, b, draws=30, label=0, seed=s) for s in (1, 2)]
    both = mean(parts)
    assert both.values["w1p"] == pytest.approx(parts[0].values["w1p"])
    expected = (parts[0].draws["w1p"] + parts[1].draws["w1p"]) / 2
    assert both.draws["w1p"] == pytest.approx(expected)


def test_floor_is_what_disjoint_truth_gives(make_jets):
    truth = JetSample(make_jets(4000, types=("t",), seed=3))
    exact = floor(truth, (500, 500))
    assert exact.splits == (500, 500)
    independent = [
        compare(
            JetSample(make_jets(500, types=("t",), seed=20 + s)),
            JetSample(make_jets(500, types=("t",), seed=60 + s)),
            draws=2,
            label=0,
            seed=1,
        ).values["w1p"]
        for s in range(20)
    ]
    error = exact.scores["w1p"].error * np.sqrt(1 / 20 + 1 / 40)
    assert abs(np.mean(independent) - exact.scores["w1p"].value) < 4 * error


def test_floor_of_little_truth_is_scaled(make_jets):
    truth = JetSample(make_jets(4000, types=("t",), seed=3))
    exact = floor(truth, (400, 400)).scores["w1p"]
    scaled = floor(truth[:400], (400, 400))
    assert scaled.splits == (200, 200)
    assert abs(scaled.scores["w1p"].value - exact.value) < 0.15 * exact.value
