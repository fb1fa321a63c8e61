"""Bad input: one line that names file, field and remedy; exit code 2; nothing left behind."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from driftline.data.formats import jetnet
from driftline.generator import Generator
from driftline.modelfile import FORMAT


def refused(done, *words):
    """Exit code 2 and one line on stderr, besides progress, that holds these words."""
    assert done.code == 2, done.err
    assert done.out == ""
    line = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(line) == 1, done.err
    assert done.err.endswith(f"{line[0]}\n")
    for word in words:
        assert str(word) in line[0]


def damage(path: Path, name: str, index, value) -> None:
    with h5py.File(path, "r+") as file:
        file[name][index] = value


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def reshape(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        values = file["jet_features"][:, :3]
        del file["jet_features"]
        file["jet_features"] = values


BAD_DATA = {
    "missing": (lambda p: p.unlink(), ["no file of g"]),
    "truncated": (truncate, ["truncated", "again"]),
    "shape": (reshape, ["jet_features", "shape", "convert"]),
    "NaN": (lambda p: damage(p, "jet_features", (1, 1), np.nan), ["jet_features eta of jet 1"]),
    "infinite": (
        lambda p: damage(p, "particle_features", (1, 0, 2), np.inf),
        ["particle_features ptrel of jet 1", "remove"],
    ),
    "negative pT": (lambda p: damage(p, "jet_features", (1, 0), -1), ["pt of jet 1", "remove"]),
    "mask": (
        lambda p: damage(p, "particle_features", (1, 0, 3), 0),
        ["mask of jet 1", "padding", "mask to 1"],
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
@pytest.mark.parametrize("command", ["train", "evaluate", "study"])
def test_bad_jets(run, model, make_jets, tmp_path, case, command):
    edit, words = BAD_DATA[case]
    data, out = tmp_path / "data", tmp_path / "out"
    jetnet.write_directory(data, make_jets(30, types=("g",)))
    edit(data / "g.hdf5")
    recipe = Path(__file__).parents[2] / "recipes" / "tiny.toml"
    arguments = {
        "train": ["train", recipe, "--data", data, "--out", out],
        "evaluate": ["evaluate", data, data, "--types", "g", "--json", out / "scores.json"],
        "study": ["study", model, data, "--types", "g", "--out", out],
    }[command]
    if case == "missing" and command == "train":
        words = ["no file of any class"]
    refused(run(*arguments), data, *words)
    assert not any(path.is_file() for path in out.rglob("*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "jets", "--types", "g,b", "--out", "OUT"],
        ["sample", "MODEL", "--type", "b", "--out", "OUT"],
        ["evaluate", "DATA", "DATA", "--types", "b"],
        ["study", "MODEL", "DATA", "--types", "b", "--out", "OUT"],
    ],
    ids=lambda a: a[0],
)
def test_unknown_class(run, model, data, tmp_path, arguments):
    names = {"MODEL": model, "DATA": data, "OUT": tmp_path / "out"}
    refused(run(*(names.get(a, a) for a in arguments)), "unknown", "'b'", "g, q, t")
    assert list(tmp_path.iterdir()) == []


def test_too_few_jets_for_a_metric(run, make_jets, tmp_path):
    jetnet.write_directory(tmp_path / "few", make_jets(3, types=("g",)))
    done = run("evaluate", tmp_path / "few", tmp_path / "few", "--json", tmp_path / "scores.json")
    refused(done, "class g", "needs at least", "3", "give more jets")
    assert not (tmp_path / "scores.json").exists()


def bad_model(model: Path, path: Path, case: str) -> None:
    whole = model.read_bytes()
    if case == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif case == "text":
        path.write_text("not a model")
    elif case == "version":
        path.write_bytes(whole.replace(b'\\"format\\": %d' % FORMAT, b'\\"format\\": 9'))
    elif case == "foreign":
        save_file(load_file(model), path)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("absent", ["no such model", "shipped models"]),
        ("truncated", ["damaged model file", "again"]),
        ("text", ["damaged model file", "again"]),
        ("version", ["format is 9", f"reads {FORMAT}", "train again"]),
        ("foreign", ["not a Driftline model", "metadata"]),
    ],
)
def test_bad_model(run, model, tmp_path, case, words):
    path = tmp_path / "model.safetensors"
    bad_model(model, path, case)
    refused(run("sample", path, "--out", tmp_path / "out"), path, *words)
    assert not (tmp_path / "out").exists()


def outputs(model, data, out):
    """Commands that write ``out``; with the file whose presence stops them."""
    recipe = Path(__file__).parents[2] / "recipes" / "tiny.toml"
    return {
        "simulate": (["simulate", "jets", "--types", "g", "--out", out], out / "g.hdf5"),
        "sample": (["sample", model, "--type", "g", "--out", out], out / "g.hdf5"),
        "evaluate": (["evaluate", data, data, "--json", out / "s.json"], out / "s.json"),
        "figures": (["evaluate", data, data, "--figures", out], out / "jets.png"),
        "train": (["train", recipe, "--data", data, "--out", out], out / "recipe.json"),
    }


@pytest.mark.parametrize("command", ["simulate", "sample", "evaluate", "figures", "train"])
def test_output_that_exists(run, model, data, tmp_path, command):
    out = tmp_path / "out"
    arguments, file = outputs(model, data, out)[command]
    out.mkdir()
    file.write_text("old")
    refused(run(*arguments), out, "already", "--")
    assert file.read_text() == "old"
    assert list(out.iterdir()) == [file]


@pytest.mark.parametrize("command", ["simulate", "sample", "evaluate", "figures", "train"])
def test_output_that_cannot_be_written(run, model, data, tmp_path, command):
    """A file stands where a directory would have to be made."""
    (tmp_path / "file").write_text("old")
    out = tmp_path / "file" / "out"
    arguments, _ = outputs(model, data, out)[command]
    refused(run(*arguments), out, "cannot be written", "choose another")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sampler", "magic"], ["--sampler", "unknown sampler 'magic'", "rk45"]),
        (["--sampler", "em:order=2"], ["--sampler", "no setting 'order=2'", "steps"]),
        (["--sampler", "rk45", "--steps", "5"], ["--steps", "leave it out"]),
        (["--sampler", "bespoke:steps=8"], ["jet level", "not fitted", "driftline tune"]),
        (["--sampler", "dpm:steps=2,grid=tuned;levels=-99"], ["jet level", "schedule's range"]),
        (["--sampler", "dpm:steps=2 + bespoke:steps=8"], ["particle level", "not fitted"]),
        (["--num-particles", "31"], ["--num-particles is 31", "1 to 30"]),
        (["--num-particles", "25:50"], ["--num-particles is 50", "1 to 30"]),
        (["--num-particles", "0:5"], ["--num-particles is 0", "1 to 30"]),
        (["--num-particles", "2.5"], ["--num-particles is 2.5", "whole number"]),
        (["--pt", "-3"], ["--pt is -3", "positive"]),
        (["--pt", "-100:100"], ["--pt is -100", "positive"]),
        (["--pt", "1e300"], ["--pt is 1e300", "finite"]),
        (["--mass", "nan"], ["--mass is nan", "finite"]),
        (["--device", "abacus"], ["--device abacus", "use cpu"]),
        (["--conditions", "absent.csv"], ["absent.csv", "cannot be read"]),
        (["--conditions", "absent.csv", "--pt", "1000"], ["--pt", "--conditions"]),
    ],
    ids=lambda o: " ".join(o),
)
def test_bad_options_of_sample(run, model, tmp_path, options, words):
    refused(run("sample", model, "--type", "g", "--out", tmp_path / "g.hdf5", *options), *words)
    assert list(tmp_path.iterdir()) == []


def test_conditions_that_the_model_cannot_meet_name_the_line(run, model, tmp_path):
    asked = tmp_path / "asked.csv"
    for text, words in (
        ("num_particles\n30\n31\n", ["line 3", "'31'", "1 to 30"]),
        ("pt\n1e39\n", ["line 2", "'1e39'", "finite"]),
    ):
        asked.write_text(text)
        refused(run("sample", model, "--conditions", asked, "--out", tmp_path / "out"), *words)
    assert list(tmp_path.iterdir()) == [asked]


@pytest.mark.parametrize("command", ["study", "tune"])
def test_unfitted_samplers_are_refused_before_events_are_drawn(
    run, model, data, tmp_path, monkeypatch, command
):
    def never(*arguments, **options):
        raise AssertionError("events were drawn")

    monkeypatch.setattr(Generator, "generate", never)
    monkeypatch.setattr(Generator, "problems", never)
    arguments = {
        "study": ["study", model, data, "--out", tmp_path],
        "tune": ["tune", model, data, "--out", tmp_path / "m.safetensors", "--study", tmp_path],
    }[command]
    samplers = ["--sampler", "rk45:tolerance=1e-3", "--sampler", "bespoke:steps=8"]
    refused(run(*arguments, "--count", 30, *samplers), "not fitted", "driftline tune")
    assert list(tmp_path.iterdir()) == []


def test_several_classes_to_one_file(run, model, tmp_path):
    done = run("sample", model, "--types", "g,q", "--out", tmp_path / "jets.hdf5")
    refused(done, "jets.hdf5", "one class", "directory")


def test_bad_recipe(run, data, tmp_path):
    recipe = tmp_path / "recipe.toml"
    for text, words in (
        ("kind = ", ["not valid TOML"]),
        ('kind = "jets"\nparticels = 30\n', ["particels", "did you mean particles"]),
    ):
        recipe.write_text(text)
        refused(run("train", recipe, "--data", data, "--out", tmp_path / "out"), recipe, *words)
        assert not (tmp_path / "out").exists()


def test_unknown_metric(run, data):
    refused(run("evaluate", data, data, "--metrics", "w1x"), "'w1x' is unknown", "w1m")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample"], ["Missing argument 'MODEL'", "driftline sample -h"]),
        (["sample", "jets30", "--count", "0"], ["--count", "greater than or equal to 1"]),
        (["sample", "jets30", "--batch", "many"], ["--batch", "valid integer"]),
        (["sample", "jets30", "--boosted"], ["No such option: --boosted"]),
        (["simulate", "photons"], ["No such command 'photons'", "driftline simulate -h"]),
    ],
)
def test_usage_errors_are_one_line_too(run, arguments, words):
    done = run(*arguments)
    assert done.code == 2
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    assert all(word in done.err for word in words), done.err


@pytest.mark.parametrize("arguments", [[], ["simulate"]])
def test_nothing_asked_for_shows_the_help(run, arguments):
    done = run(*arguments)
    assert done.code == 2
    assert "Usage:" in done.out + done.err and "error" not in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--candidate", "em:steps=5"], ["candidate em:steps=5", "grid"]),
        (["--candidate", "nothing"], ["'nothing'", "choose from"]),
        (["--sampler", "nothing"], ["'nothing'", "choose from"]),
        (["--types", "x"], ["'x'"]),
    ],
)
def test_bad_options_of_tune(run, model, data, tmp_path, options, words):
    out, study = tmp_path / "tuned.safetensors", tmp_path / "study"
    candidate = [] if "--candidate" in options else ["--candidate", "dpm:steps=3"]
    arguments = ("--out", out, "--study", study, "--count", 100)
    done = run("tune", model, data, *arguments, *candidate, *options)
    refused(done, *words)
    assert not out.exists()
    assert not (study / "study.json").exists()


def test_tune_refuses_samplers_before_it_fits_grids(run, model, data, tmp_path):
    arguments = ("--out", tmp_path / "tuned.safetensors", "--study", tmp_path / "study")
    refused(run("tune", model, data, *arguments, "--sampler", "nothing"), "'nothing'")
    assert not (tmp_path / "study").exists()


def test_tune_refuses_students_before_it_reads_data(run, tmp_path):
    arguments = ("--out", tmp_path / "tuned.safetensors", "--study", tmp_path / "study")
    refused(run("tune", "jets30-fast", "absent", *arguments), "tune: a distilled model")
    assert not (tmp_path / "study").exists()


def test_tune_refuses_a_study_of_other_settings_before_it_fits(run, model, data, tmp_path):
    study = tmp_path / "study"
    sampler = ("--sampler", "dpm:steps=2", "--batch", 30)
    assert run("study", model, data, "--out", study, "--count", 30, *sampler).code == 0
    arguments = ("--out", tmp_path / "tuned.safetensors", "--study", study, "--count", 40)
    done = run("tune", model, data, *arguments, *sampler)
    refused(done, "computed with count 30, now it is 40", "--force")
    assert not (study / "cells" / "fitted.json").exists()


def test_illustrate_refuses_unknown_pictures_and_existing_files(run, tmp_path):
    refused(run("illustrate", "--out", tmp_path, "--only", "nothing"), "nothing", "choose from")
    (tmp_path / "langevin.pdf").touch()
    done = run("illustrate", "--out", tmp_path, "--only", "score_field,langevin")
    refused(done, tmp_path / "langevin.pdf", "--force")
    assert [path.name for path in tmp_path.iterdir()] == ["langevin.pdf"]
