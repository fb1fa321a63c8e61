"""The whole path on tiny numbers: simulate, train, sample, evaluate, study, through main()."""

import json
from pathlib import Path

import numpy as np
import pytest

from driftline.cli import main
from driftline.data.formats import jetnet
from driftline.study import Study

pytest.importorskip("pythia8mc")

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny.toml"


def run(*arguments: object) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert not stop.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where a simulation, a training and a sampling have been done, one after the other."""
    folder = tmp_path_factory.mktemp("path")
    common = ("simulate", "jets", "--types", "g,t", "--count", 240, "--seed", 3)
    run(*common, "--out", folder / "truth", "--workers", 2)
    run("train", RECIPE, "--data", folder / "truth", "--out", folder / "run")
    model = folder / "run" / "model.safetensors"
    run("sample", model, "--count", 220, "--steps", 8, "--seed", 4, "--out", folder / "generated")
    return folder


def test_jets_are_physical(folder):
    for name in ("truth", "generated"):
        jets = jetnet.read_directory(folder / name)
        assert jets.present == ("g", "t")
        assert jets.mask.shape[1] == 30
        ptrel = jets.particles[..., 2]
        assert (ptrel[jets.mask] > 0).all()
        assert (np.diff(ptrel, axis=1) <= 0).all()
        np.testing.assert_array_equal(jets.features[:, 3], jets.num_particles)
    assert (ptrel < 1).all()
    phi = jets.particles[..., 1]
    total = np.hypot((ptrel * np.cos(phi)).sum(axis=1), (ptrel * np.sin(phi)).sum(axis=1))
    assert (total <= 1 + 1.1e-4).all()


def test_training_data_is_in_the_model(folder, capsys):
    run("info", folder / "run" / "model.safetensors", "--json", "-")
    found = json.loads(capsys.readouterr().out)
    assert found["training jets"] == {"g": 216, "q": 0, "t": 216, "w": 0, "z": 0}


def test_evaluate(folder):
    generated, truth = folder / "generated", folder / "truth"
    out = folder / "scores.json"
    run("evaluate", generated, truth, "--metrics", "w1m,w1p,w1efp", "--json", out)
    scores = {(s["event_type"], s["key"]): s for s in json.loads(out.read_text())["scores"]}
    for jet_type in ("g", "t"):
        for key in ("w1m", "w1p", "w1efp"):
            score = scores[jet_type, key]
            assert score["floor"] > 0
            assert score["error"] > 0
        score = scores[jet_type, "w1p"]
        assert score["floor"] < score["value"]  # seconds of training are not enough


def test_study_goes_on_where_it_was(folder):
    common = ("study", folder / "run" / "model.safetensors", folder / "truth")
    common += ("--out", folder / "study", "--count", 60, "--types", "t")
    run(*common, "--sampler", "dpm:steps=6")
    first = Study.read(folder / "study" / "study.json")
    run(*common, "--sampler", "dpm:steps=6", "--sampler", "em:steps=10")
    second = Study.read(folder / "study" / "study.json")
    assert second.cells[0] == first.cells[0]  # wall time included: it was not computed again
    assert [row.by_network["particle level"] for row in second.rows] == [6, 10]
    for name in ("study.md", "study.csv", "quality_w1p.png", "quality_w1p.pdf"):
        assert (folder / "study" / name).stat().st_size > 0
