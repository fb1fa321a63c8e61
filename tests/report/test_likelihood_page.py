"""The page of log-likelihoods."""

import numpy as np
import pytest

from driftline.report.likelihood import likelihood_figure, roc_figure
from driftline.report.likelihood_page import likelihood_page
from driftline.report.page import render
from test_likelihood_table import made


def test_verdict_says_what_is_found_and_how_well():
    table = made()
    page = likelihood_page(table, "likelihood.csv")
    assert page.verdict.startswith("Found by how unlikely they are as light quark, AUC: top quark")
    assert page.pictures[0].title.startswith("Found")
    (areas,) = page.tables
    by_name = {row[0].text: float(row[1].text.split()[0]) for row in areas.rows}
    # tops are the likelier ones here: 8 nats at a spread of 9
    assert by_name["particle level"] == pytest.approx(1 - 0.735, abs=0.1)
    assert by_name["jet level"] == pytest.approx(0.5, abs=0.15)
    text = render(page)
    assert "likelihood.csv" in text and "Compare events under one" in text


def test_without_a_background_there_is_nothing_to_find():
    page = likelihood_page(made(judged_as=None), "likelihood.csv")
    assert page.verdict.startswith("Bits per dimension, each class judged as what it is: light")
    assert len(page.pictures) == 1 and not page.tables
    assert roc_figure(made(judged_as=None)) is None
    single = likelihood_page(made(types=("p",), judged_as=None, networks=False, count=1), "p.csv")
    assert "±" not in single.judged.rows[0][2].text
    one_each = likelihood_page(made(count=1), "two.csv")
    assert "± nan" not in render(one_each)
    assert render(single)


def test_a_curve_for_each_score_through_both_corners():
    table = made(types=("q", "t", "w"))
    panels = roc_figure(table).axes
    assert [axes.get_ylabel() for axes in panels] == ["Top quark found", "W boson found"]
    for axes in panels:
        *curves, _ = axes.get_lines()
        assert len(curves) == len(table.scores)
        for line in curves:
            x, y = line.get_data()
            assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
            assert (np.diff(x) >= 0).all() and (np.diff(y) >= 0).all()
    assert len(likelihood_figure(table).axes) == len(table.scores)
