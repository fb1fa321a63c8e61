"""The evaluation of jets: what it sees, what its floors are, what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.data.clouds import concatenate
from driftline.errors import InputError
from driftline.metrics.evaluation import choose, evaluate
from driftline.metrics.jet_metrics import METRICS
from driftline.metrics.kinds import JETS
from driftline.metrics.scores import Evaluation

QUICK = (
    "w1m", "w1p", "w1efp", "w1_pt", "w1_mass", "w1_multiplicity", "w1_tau21", "w1_tau32", "w1_d2",
)  # fmt: skip


@pytest.fixture(scope="module")
def samples(make_jets):
    jets = [make_jets(1_200, types=("q", "t"), seed=seed) for seed in (1, 2, 3)]
    return [replace(j, particles=np.clip(j.particles, -0.3, 0.9)) for j in jets]


@pytest.fixture(scope="module")
def evaluation(samples):
    return evaluate(*samples[:2], metrics=choose(JETS, QUICK), seed=7)


def test_every_number_has_error_floor_and_sizes(evaluation):
    assert len(evaluation.scores) == 2 * (2 + 8 + 12 + 6)
    for score in evaluation.scores:
        assert score.error > 0.0
        assert score.floor > 0.0
        assert score.floor_error > 0.0
        assert (score.generated, score.reference, score.floor_sizes) == (1_200, 1_200, (600, 600))


def test_equal_distributions_are_on_the_floor(samples):
    found = evaluate(samples[0], samples[1], floor=samples[2], metrics=choose(JETS, QUICK))
    for score in found.scores:
        assert abs(score.value - score.floor) < 5 * score.floor_error, score
        assert score.floor_sizes == (1_200, 1_200)


def test_jetnets_convention_is_inflated(evaluation):
    ratios = [s.floor / evaluation.score(s.event_type, s.key + "_plain").floor
              for s in evaluation.scores if s.spread is not None]  # fmt: skip
    assert len(ratios) == 2 * (1 + 4 + 6)
    assert 1.0 < np.mean(ratios) < 1.38  # 50,000 are drawn from 600: nearly the plain distance


def test_a_distortion_is_seen(samples):
    wide = replace(
        samples[0], particles=samples[0].particles * np.array([1.1, 1.1, 1.0], np.float32)
    )
    metrics = choose(JETS, ["w1m", "w1p", "classifier"])
    found = evaluate(wide, samples[1], floor=samples[2], metrics=metrics)
    for event_type in ("q", "t"):
        for key in ("w1m", "w1p_etarel", "w1p_phirel", "w1m_plain", "auc"):
            score = found.score(event_type, key)
            assert score.value > score.floor + 3 * score.floor_error, (event_type, key)
        unchanged = found.score(event_type, "w1p_ptrel")
        assert unchanged.value < unchanged.floor + 4 * unchanged.floor_error


def test_the_seed_decides(samples, evaluation):
    again = evaluate(*samples[:2], metrics=choose(JETS, QUICK), seed=7)
    other = evaluate(*samples[:2], metrics=choose(JETS, ["w1m"]), seed=8)
    assert again == evaluation
    assert other.score("t", "w1m").value != evaluation.score("t", "w1m").value
    assert other.score("t", "w1m_plain").value == evaluation.score("t", "w1m_plain").value


def test_json_and_rows(evaluation):
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation
    rows = list(evaluation.rows())
    assert len(rows) == len(evaluation.scores)
    assert rows[0][:2] == ("q", "W1M [1e-3]")
    value, error = (float(part) for part in rows[0][2].split(" ± "))
    first = evaluation.scores[0]
    assert rows[0][4] == "floor of 600 against 600"
    alone = first.model_copy(update={"floor_sizes": (1_200, 1_200)})
    whole = Evaluation(kind="jets", seed=0, scores=[alone])
    assert next(whole.rows())[4] == ""
    assert (value, error) == pytest.approx((first.value * 1e3, first.error * 1e3), rel=0.1)
    with pytest.raises(KeyError, match="w1x"):
        evaluation.score("q", "w1x")


def test_progress_names_every_step(samples):
    steps = []
    evaluate(
        *samples[:2],
        metrics=choose(JETS, ["w1m", "w1_pt"]),
        progress=lambda label, done, total: steps.append((label, done, total)),
    )
    assert steps == [("q: w1m", 0, 4), ("q: w1_pt", 1, 4), ("t: w1m", 2, 4), ("t: w1_pt", 3, 4)]


def test_undefined_metrics_are_explained(make_jets):
    long = make_jets(100, types=("g", "w"), particles=40)
    found = evaluate(long, long, metrics=choose(JETS, ["fpnd", "fpnd_jetnet"]))
    assert found.scores == []
    reasons = {(s.event_type, s.metric): s.reason for s in found.skipped}
    assert "40" in reasons["g", "fpnd"]
    assert "not for w" in reasons["w", "fpnd_jetnet"]


def test_fpnd_to_the_reference_and_to_real_jets(make_jets, monkeypatch):
    directions = np.random.default_rng(0).normal(size=(90, 256))  # a network that costs nothing
    monkeypatch.setattr(
        "driftline.metrics.jet_observables.particlenet_features",
        lambda particles: particles.reshape(-1, 90) @ directions,
    )
    quarks = make_jets(1_000, types=("q",), seed=4)
    reference = make_jets(2_000, types=("q",), seed=5)
    found = evaluate(quarks, reference, metrics=choose(JETS, ["fpnd", "fpnd_jetnet"]))
    own, real = found.score("q", "fpnd"), found.score("q", "fpnd_jetnet")
    assert 0.0 < own.value < real.value
    assert own.value == pytest.approx(own.floor, abs=5 * max(own.error, own.floor_error))
    assert real.value > 10.0
    assert real.value == pytest.approx(real.floor, rel=0.2)
    assert "biased" in own.note


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_too_few_jets_are_refused(metric, samples):
    few = samples[0].of_type("t")[: metric.minimum - 1]
    with pytest.raises(InputError) as error:
        evaluate(few, samples[1], metrics=[metric])
    for word in ("class t", metric.name, f"{metric.minimum:,}", "give more jets"):
        assert word in str(error.value)


def test_nothing_is_computed_before_all_is_checked(samples):
    steps = []
    with pytest.raises(InputError, match="fpd needs"):
        evaluate(
            samples[0][:1_300],
            samples[1],
            metrics=choose(JETS, ["w1m", "fpd"]),
            progress=lambda *step: steps.append(step),
        )
    assert steps == []


@pytest.mark.parametrize("field", ["particles", "features"])
def test_values_that_are_not_finite_are_refused(field, samples):
    values = getattr(samples[0], field).copy()
    values[17] = np.nan
    with pytest.raises(InputError, match=rf"generated jets: 1 jets have {field}.*jet 17"):
        evaluate(replace(samples[0], **{field: values}), samples[1], metrics=[])
    with pytest.raises(InputError, match="reference jets"):
        evaluate(samples[1], replace(samples[0], **{field: values}), metrics=[])


def test_a_class_without_reference_is_refused(samples, make_jets):
    with pytest.raises(InputError, match="none of class q"):
        evaluate(samples[0], make_jets(200, types=("t",)), metrics=[])
    with pytest.raises(InputError, match="there are none"):
        evaluate(samples[0][:0], samples[1], metrics=[])


def test_an_unknown_metric_is_refused():
    with pytest.raises(InputError, match="'w1x' is unknown; choose from w1m, w1p"):
        choose(JETS, ["w1m", "w1x"])


def test_classes_are_judged_apart(samples):
    mixed = concatenate([samples[0].of_type("t"), samples[1].of_type("q")])
    together = evaluate(mixed, samples[2], metrics=choose(JETS, ["w1m"]))
    alone = evaluate(samples[0].of_type("t"), samples[2], metrics=choose(JETS, ["w1m"]))
    assert together.score("t", "w1m") == alone.score("t", "w1m")
