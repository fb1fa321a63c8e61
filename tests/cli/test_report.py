"""``driftline report``: one page of a study or an evaluation; bad input in one line."""

import json

import pytest

from driftline.report import study_page
from made_study import SAMPLERS, made_study


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(study_page, "draw_study", lambda study: {})
    made_study(("t",), SAMPLERS[:3]).write(tmp_path / "study" / "study.json")
    return tmp_path / "study"


def test_report_of_a_study(run, study, model, tmp_path):
    done = run("report", study)
    assert done.code == 0, done.err
    assert done.out == f"{study / 'report.html'}\n"
    text = (study / "report.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "Who passed" in text
    assert "Model card" not in text
    again = run("report", study)
    assert again.code == 2
    assert "exists already" in again.err
    done = run("report", study / "study.json", "--force", "--model", model)
    assert done.code == 0, done.err
    assert "Model card" in (study / "report.html").read_text()
    elsewhere = tmp_path / "new" / "page.html"
    assert run("report", study, "--out", elsewhere).code == 0
    assert elsewhere.read_text() == text


def test_report_of_an_evaluation(run, data, tmp_path):
    out = tmp_path / "evaluation"
    done = run("evaluate", data, data, "--types", "g", "--metrics", "w1m", "--out", out)
    assert done.code == 0, done.err
    assert "W1M" in done.out
    assert "Asked against obtained" in done.out
    names = {"jets.png", "jets.pdf", "average_jets.png", "average_jets.pdf"}
    names |= {f"calibration_{key}.png" for key in ("pt", "mass", "multiplicity")}
    assert names <= {path.name for path in (out / "figures").iterdir()}
    scores = json.loads((out / "scores.json").read_text())
    assert set(scores["sources"]) == {"generated", "reference"}
    refused = run("evaluate", data, data, "--types", "g", "--metrics", "w1m", "--out", out)
    assert refused.code == 2
    done = run("report", out)
    assert done.code == 0, done.err
    text = (out / "report.html").read_text()
    assert "All 1 metrics are within" in text
    assert text.count("<img") == 4 + 3  # asked against obtained pT, mass and multiplicity
    assert "Asked against obtained" in text
    # the JSON alone, as --json wrote it before there was --out
    alone = tmp_path / "alone.json"
    del scores["sources"]
    alone.write_text(json.dumps(scores))
    assert run("report", alone, "--out", tmp_path / "alone.html").code == 0
    assert (tmp_path / "alone.html").read_text().count("<img") == 1 + 3


def test_bad_runs(run, study, tmp_path):
    scores = tmp_path / "scores.json"
    cases = {
        tmp_path / "none": ["no such file or directory", "check the path"],
        tmp_path: ["neither study.json nor scores.json", "--out of driftline study"],
        study / "study.json": ["format"],
    }
    damaged = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps(damaged | {"format": 1}))
    for path, words in cases.items():
        refused(run("report", path), path, *words)
    for content, words in (
        (b'{"cells": ', ["damaged JSON", "make it again"]),
        (b"\xff\xfe\x00", ["damaged JSON"]),
        (b"[" * 100_000, ["damaged JSON"]),
        (b"[1, 2]", ["neither a study nor an evaluation", "or (--out) driftline likelihood"]),
        (b'{"kind": "jets", "scores": [], "seed": 1}', ["field scores", "holds none"]),
        (
            b'{"kind": "jets", "scores": [{"key": 3}], "seed": 1}',
            ["field scores.0.key", "evaluate again"],
        ),
        (b'{"cells": []}', ["field", "run the study again"]),
    ):
        scores.write_bytes(content)
        refused(run("report", scores), scores, *words)
    assert not list(tmp_path.rglob("*.html"))


def test_bad_output_is_refused(run, study, tmp_path):
    refused(run("report", study, "--out", tmp_path), "is a directory")
    refused(run("report", study, "--model", tmp_path / "x.safetensors"), "no such model file")
    (tmp_path / "file").touch()
    refused(run("report", study, "--out", tmp_path / "file" / "x.html"), "not a directory")


def refused(done, *words):
    assert done.code == 2, done.err
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert str(word) in line
