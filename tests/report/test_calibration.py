"""Pictures and table of what was asked against what came out."""

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from driftline.metrics.calibration import Quantity, calibrate
from driftline.report.calibration import by_quantity, calibration_figure
from driftline.report.evaluation_page import Judgement, evaluation_page
from driftline.report.page import render
from made_study import made_score


def calibrations():
    rng = np.random.default_rng(1)
    found = []
    for key in ("mass", "pt"):
        quantity = Quantity(key, key.upper(), "GeV", "obtained / asked", lambda pair: pair)
        for event_type in ("g", "t"):
            asked = rng.uniform(1, 2, 400)
            made, true = (asked, 0.9 * asked), (asked[asked < 1.6], asked[asked < 1.6])
            found.append(calibrate(quantity, made, true, event_type))
    return found


def test_points_are_generated_and_the_band_is_simulated():
    mass = by_quantity(calibrations())["mass"]
    assert [found.event_type for found in mass] == ["g", "t"]
    figure = calibration_figure(mass)
    linearity, resolution = figure.axes[0], figure.axes[2]
    assert linearity.get_title(loc="left") == "gluon"
    band, points = linearity.lines[0].get_ydata(), linearity.lines[1].get_ydata()
    np.testing.assert_allclose(points, 0.9)
    np.testing.assert_allclose(band, 1.0)
    assert len(band) < len(points)  # no simulated events at high values
    np.testing.assert_allclose(resolution.lines[1].get_ydata(), 0, atol=1e-12)
    assert figure.get_supxlabel() == "Asked: MASS [GeV]"


def test_the_simulation_of_a_single_bin_has_a_band():
    asked = np.full(200, 5.0)
    rng = np.random.default_rng(2)
    true = rng.uniform(4, 6, 4000)
    quantity = Quantity("mass", "MASS", "GeV", "obtained / asked", lambda pair: pair)
    found = calibrate(quantity, (asked, asked), (true, true * rng.normal(1, 0.3, 4000)), "t")
    figure = calibration_figure([found])
    for axes, number in zip(figure.axes, ("linearity", "resolution"), strict=True):
        (band,) = (c for c in axes.collections if isinstance(c, FillBetweenPolyCollection))
        extent = band.get_paths()[0].get_extents()
        assert (extent.x0, extent.x1) == (4.75, 5.25)
        error = getattr(found.bins[0].simulated, f"{number}_error")
        assert error > 0
        assert extent.height == pytest.approx(2 * error)


def test_the_page_has_a_picture_a_quantity_and_a_table():
    scores = [made_score("w1m", event_type=t) for t in ("g", "t")]
    judged = Judgement(kind="jets", seed=1, scores=scores, calibration=calibrations())
    page = evaluation_page(Judgement.model_validate_json(judged.model_dump_json()))
    titles = [picture.title for picture in page.pictures]
    assert titles[1:] == ["Asked against obtained: MASS", "Asked against obtained: PT"]
    table = page.tables[0]
    assert [row[0].text for row in table.rows] == ["gluon", "top quark"] * 2
    assert table.rows[0][4].text.startswith("-0.1000")
    assert "Asked against obtained" in render(page)


def test_what_was_not_asked_is_told_by_kind():
    words = {}
    for kind in ("jets", "images"):
        judged = Judgement(
            kind=kind, seed=1, scores=[made_score("w1m")], calibration=calibrations()
        )
        words[kind] = evaluation_page(judged).tables[0].note
    assert "the model drew first" in words["jets"]
    assert "the model drew first" not in words["images"]
    assert "left out" in words["images"]
