"""The demonstration on a tiny model."""

import json
from dataclasses import replace

import pytest

from driftline.data.formats import jetnet
from driftline.errors import InputError
from driftline.report import demo
from driftline.study import Study
from tiny_models import tiny_generator


@pytest.fixture
def small(make_jets):
    jets = make_jets(200, types=("t", "w"))
    return {
        "show": replace(demo.JETS, samplers=("rk45:tolerance=1e-3", "dpm:steps=4"), compared=20),
        "count": 110,
        "model": tiny_generator(jets),
        "reference": jets,
    }


def test_demo(small, tmp_path):
    told = []
    out = tmp_path / "demo"
    result = demo.run_demo(out=out, **small, progress=lambda what, done, total: told.append(done))
    assert told == pytest.approx(sorted(told))
    assert told[0] == 0
    assert told[-1] <= 1
    assert all(file.stat().st_size > 0 for file in result.files)
    assert result.files[0] == out / "overview.png"
    assert len(jetnet.read_directory(out / "jets")) == 2 * 110
    assert Study.read(out / "samplers" / "study.json") == result.study
    keys = {score["key"] for score in json.loads((out / "evaluation.json").read_text())["scores"]}
    assert {"w1m", "w1p", "w1efp", "w1_mass", "w1_pt"} <= keys
    scores = list(result.scores())
    assert [len(row) for row in scores] == [len(result.head)] * 2
    compared = [row[0] for row in result.comparison()]
    assert compared[1:] == ["RK45(1e-3)", "DPM-Solver++(2M), 4", "DPM-Solver++(2M), 30"]  # its own


def test_demo_can_be_repeated(small, tmp_path, monkeypatch):
    """As ``make demo`` does, which forces: cells of the last time must not be in the way."""
    for figures in ("evaluation_figures", "study_figures", "save"):
        monkeypatch.setattr(demo, figures, lambda *_: [])
    small["show"] = replace(small["show"], samplers=("dpm:steps=2",), overview=lambda *_: None)
    first = demo.run_demo(out=tmp_path, **small)
    again = demo.run_demo(out=tmp_path, **small, force=True)
    assert again.evaluation == first.evaluation
    assert again.study.cells[0].scores == first.study.cells[0].scores
    assert again.study.cells[0].seconds != first.study.cells[0].seconds


def test_demo_does_not_overwrite(small, tmp_path):
    (tmp_path / "precious").touch()
    with pytest.raises(InputError, match=r"exists already.*--force"):
        demo.run_demo(out=tmp_path, **small)
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]
