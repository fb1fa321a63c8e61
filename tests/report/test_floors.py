"""Scores in units of their floors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.metrics.scores import Evaluation
from driftline.report.floors import floors_figure, in_floors, main_keys
from made_study import made_score as score


def test_distances_are_counted_in_floors():
    ratio = in_floors(score())
    assert ratio.value == pytest.approx(3)
    assert ratio.error == pytest.approx(0.1)
    # (3 - 2) over the error of 3 - 2 x floor
    assert ratio.significance == pytest.approx(1 / (0.1**2 + 0.2**2) ** 0.5)
    assert ratio.beyond
    assert not in_floors(score(value=2.3)).beyond
    assert not in_floors(score(value=2.3)).within
    assert in_floors(score(value=1.9)).within


def test_a_floor_about_zero_counts_by_its_error():
    assert in_floors(score("kpd", value=-0.5, floor=-0.01)).value == pytest.approx(5)
    assert in_floors(score("kpd", value=0.05, floor=-0.01)).within


def test_the_goal_of_the_classifier_is_one_half():
    for value in (0.6, 0.4):
        ratio = in_floors(score("auc", value=value, floor=0.48, floor_error=0.01))
        assert ratio.value == pytest.approx(5)
    # as a plain ratio nothing would ever be beyond two floors
    assert in_floors(score("auc", value=1.0, error=0.001, floor=0.5, floor_error=0.01)).beyond


def test_coverage_is_to_be_large():
    few, many = (score("cov", value=v, floor=0.5, floor_error=0.01) for v in (0.2, 0.6))
    assert in_floors(few).value == pytest.approx(2.5)
    assert in_floors(many).value < 1


def test_exact_numbers_do_not_divide_by_zero():
    assert in_floors(score(value=0.0, error=0.0, floor=0.0, floor_error=0.0)).within
    assert in_floors(score(value=1.0, error=0.0, floor=0.0, floor_error=0.0)).beyond
    assert in_floors(score("cov", value=0.0, error=0.0, floor=0.5, floor_error=0.0)).beyond


@given(st.floats(0.01, 100), st.floats(0.01, 5))
def test_units_do_not_matter(unit, value):
    one = in_floors(score(value=value))
    other = in_floors(
        score(value=value * unit, error=0.1 * unit, floor=unit, floor_error=0.1 * unit)
    )
    assert other.value == pytest.approx(one.value)
    assert other.error == pytest.approx(one.error)
    assert other.significance == pytest.approx(one.significance, abs=1e-9)


def test_metrics_stand_without_components_and_worst_first():
    keys = ["w1m", "w1m_plain", "w1p_etarel", "w1p", "fpnd", "fpnd_jetnet", "w1_pt", "cov"]
    values = {"w1p": 9.0, "fpnd_jetnet": 5.0, "w1_pt": 4.0}
    scores = [score(key, values.get(key, 1.0), event_type=t) for t in "tg" for key in keys]
    found = main_keys(Evaluation(kind="jets", seed=0, scores=scores))
    assert found[:3] == ["w1p", "fpnd_jetnet", "w1_pt"]
    assert set(found) == {"w1m", "w1p", "fpnd", "fpnd_jetnet", "w1_pt", "cov"}


def test_figure_has_a_point_of_each_class():
    scores = [score(key, v, event_type=t) for t in "tg" for key, v in (("w1m", 3.0), ("w1p", 1.5))]
    figure = floors_figure(Evaluation(kind="jets", seed=0, scores=scores), ["w1m", "w1p"])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["W1M", "W1P"]
    points = [(c.lines[0].get_xdata()[0]) for c in axes.containers if len(c.lines[0].get_xdata())]
    assert points == pytest.approx([3.0, 3.0, 1.5, 1.5])


def test_zeros_have_a_place_in_the_figure():
    """A score of zero is at the left edge; a floor of zero throughout is counted in errors."""
    exact, bare = score(value=0.0, error=0.0), score(value=0.3, error=0.1, floor=0, floor_error=0)
    assert in_floors(exact).value == 0 and in_floors(exact).within
    assert in_floors(bare).value == pytest.approx(3)
    assert in_floors(bare).beyond is False and not in_floors(bare).within
    nothing = score(value=0.0, error=0.0, floor=0.0, floor_error=0.0)
    assert in_floors(nothing).within
    evaluation = Evaluation(kind="jets", scores=[exact], seed=1)
    (axes,) = floors_figure(evaluation, ["w1m"]).axes
    low, high = axes.get_xlim()
    assert 0 < low < 0.02 and high < 100
