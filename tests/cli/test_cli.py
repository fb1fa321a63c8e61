"""Commands do what they say: results on stdout, progress on stderr, files where asked for."""

import json
import subprocess
import sys

import numpy as np
import pytest

import driftline
from driftline.data.formats import jetnet


def test_help_and_version_are_light():
    """No command's library is imported before the command runs."""
    code = (
        "import sys; from driftline.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'scipy', 'matplotlib', 'numba'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("demo", "simulate", "train", "sample", "evaluate", "study", "info"):
        assert command in done.stdout


def test_version(run):
    assert run("--version").out == f"driftline {driftline.__version__}\n"


def test_installed_command():
    done = subprocess.run(
        [sys.executable, "-c", "from driftline.cli import main; main()", "info", "absent.hdf5"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: absent.hdf5: no such file; check the path\n"


def test_sample_one_class_to_a_file(run, model, tmp_path):
    out = tmp_path / "new" / "jets.hdf5"
    done = run("sample", model, "--count", 12, "--type", "t", "--steps", 3, "--out", out)
    assert done.code == 0, done.err
    assert "repaired" in done.out
    jets = jetnet.read(out)
    assert len(jets) == 12
    assert jets.present == ("t",)
    assert jets.attributes["seed"] == 0
    assert jets.attributes["sampler"].startswith("dpm:steps=3")
    assert jets.attributes["model"] == str(model)


def test_sample_several_classes_and_batches(run, model, tmp_path):
    common = ("sample", model, "--steps", 3, "--seed", 5)
    run(*common, "--count", 10, "--types", "g,w", "--out", tmp_path / "a", "--batch", 4)
    run(*common, "--count", 6, "--types", "w", "--out", tmp_path / "b")
    a, b = jetnet.read_directory(tmp_path / "a"), jetnet.read_directory(tmp_path / "b")
    assert a.present == ("g", "w")
    assert len(a) == 20
    # Jet i of a seed and class is the same whatever count, batch and other classes.
    np.testing.assert_allclose(a.of_type("w").particles[:6], b.particles, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(a.of_type("w").features[:6], b.features, rtol=1e-4)


def test_sample_gives_what_is_asked_for(run, model, tmp_path):
    out = tmp_path / "g.hdf5"
    given = ("--pt", 1234.5, "--num-particles", 7, "--mass", 50.25)
    done = run("sample", model, "--count", 5, "--type", "g", "--steps", 2, "--out", out, *given)
    assert done.code == 0, done.err
    jets = jetnet.read(out)
    assert (jets.features[:, 0] == np.float32(1234.5)).all()
    assert (jets.features[:, 2] == np.float32(50.25)).all()
    assert (jets.num_particles == 7).all()


def test_sample_gives_the_jets_of_a_file(run, model, tmp_path):
    asked = tmp_path / "asked.csv"
    asked.write_text("type,num_particles,mass\nt,20,\ng,5,100\nt,21,150\n")
    done = run("sample", model, "--conditions", asked, "--steps", 2, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    jets = jetnet.read_directory(tmp_path / "out")
    assert list(jets.of_type("t").num_particles) == [20, 21]
    assert list(jets.of_type("g").num_particles) == [5]
    assert jets.of_type("t").features[1, 2] == 150


def test_sample_counts_evaluations_in_json(run, model, tmp_path):
    common = ("sample", model, "--count", 4, "--type", "g", "--sampler", "pc:steps=3")
    done = run(*common, "--out", tmp_path / "g.hdf5", "--json", "-")
    (row,) = json.loads(done.out)
    assert row["jets"] == 4
    assert row["evaluations"] == {"jet level": 6, "particle level": 6}
    assert "repaired" in row
    run(*common, "--out", tmp_path / "h" / "g.hdf5", "--json", tmp_path / "cost.json")
    again = json.loads((tmp_path / "cost.json").read_text())[0]
    assert again["evaluations"] == row["evaluations"]


def test_evaluate(run, data, tmp_path):
    common = ("evaluate", data, data, "--types", "g", "--metrics", "w1m")
    done = run(*common, "--json", tmp_path / "scores.json")
    assert done.code == 0, done.err
    assert "W1M" in done.out
    scores = json.loads((tmp_path / "scores.json").read_text())["scores"]
    assert {s["event_type"] for s in scores} == {"g"}
    assert scores[0]["generated"] == 200
    assert json.loads(run(*common, "--json", "-").out)["scores"] == scores


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model", ["model of jets", "particle_level", "edm"]),
        ("data", ["kind: jets", "particles: 30", "mass [GeV]", "jets: 200"]),
    ],
)
def test_info(run, request, name, words):
    path = request.getfixturevalue(name)
    done = run("info", path)
    assert done.code == 0, done.err
    for word in [str(path), *words]:
        assert word in done.out
    assert json.loads(run("info", path, "--json", "-").out)["file"] == str(path)


def test_info_replaces_its_json_only_by_force(run, model, tmp_path):
    arguments = ("info", model, "--json", tmp_path / "info.json")
    assert [run(*arguments).code for _ in range(2)] == [0, 2]
    assert run(*arguments, "--force").code == 0


def test_unexpected_errors_fail_with_one_line(run, model, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise FloatingPointError("jet 3 is not finite")

    monkeypatch.setattr("driftline.generator.Generator.generate", fail)
    monkeypatch.delenv("DRIFTLINE_DEBUG", raising=False)
    done = run("sample", model, "--type", "g", "--out", tmp_path / "g.hdf5")
    assert done.code == 1
    assert done.err.endswith(
        "error: FloatingPointError: jet 3 is not finite (set DRIFTLINE_DEBUG=1 for the traceback)\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_info_of_results(run, data, model, tmp_path):
    scores = tmp_path / "scores.json"
    run("evaluate", data, data, "--types", "g", "--metrics", "w1m", "--json", scores)
    done = run("info", scores)
    assert done.code == 0, done.err
    for words in ("evaluation of jets", "classes: ['g']", "w1m", "numpy: ", "command: driftline"):
        assert words in done.out
    common = ("study", model, data, "--types", "g", "--count", 30)
    assert run(*common, "--sampler", "dpm:steps=3", "--out", tmp_path / "study").code == 0
    found = json.loads(run("info", tmp_path / "study" / "study.json", "--json", "-").out)
    assert found["kind"] == "study of samplers"
    assert found["classes"] == ["g"]
    scores.write_text('{"scores": ')
    assert run("info", scores).code == 2


def test_illustrate(run, tmp_path):
    done = run("illustrate", "--out", tmp_path, "--only", "score_field")
    assert done.code == 0, done.err
    written = [tmp_path / "score_field.png", tmp_path / "score_field.pdf"]
    assert done.out.split() == [str(path) for path in written]
    assert all(path.stat().st_size > 1000 for path in written)


def test_a_study_against_an_absent_simulation(run, data, model, tmp_path, monkeypatch):
    monkeypatch.setattr("driftline.simulation.pythia.find_spec", lambda name: None)
    common = ("study", model, data, "--types", "g", "--count", 30, "--sampler", "dpm:steps=3")
    done = run(*common, "--out", tmp_path / "study", "--against-simulation")
    assert done.code == 2
    assert 'pip install "driftline[simulation]"' in done.err
    assert not (tmp_path / "study").exists()
