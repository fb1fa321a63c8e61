"""``driftline likelihood``, and ``driftline sample --guidance``."""

import csv
import json
import math

import numpy as np
import pytest

from driftline.data.formats import image_file
from made_images import made_images
from tiny_models import tiny_image_generator

FEW = ("--steps", 3, "--count", 4)


@pytest.fixture(scope="module")
def image_model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    tiny_image_generator(made_images(60, planes=1, size=8)).save(path)
    return path


@pytest.fixture(scope="module")
def image_data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.hdf5"
    image_file.write(path, made_images(80, planes=1, size=8, seed=1))
    return path


def test_jets(run, model, data, tmp_path):
    out, summary = tmp_path / "likelihood.csv", tmp_path / "likelihood.json"
    done = run("likelihood", model, data, "--types", "t,q", *FEW, "--out", out, "--json", summary)
    assert done.code == 0, done.err
    assert "bits/dimension" in done.out and "particle level" in done.out
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert sorted({row["type"] for row in rows}) == ["q", "t"] and len(rows) == 8
    for row in rows:
        total, dimensions = float(row["log_likelihood"]), int(row["dimensions"])
        assert total == pytest.approx(float(row["jet_level"]) + float(row["particle_level"]), 1e-5)
        bits = -total / dimensions / math.log(2)
        assert float(row["bits_per_dimension"]) == pytest.approx(bits, rel=1e-4)
    said = json.loads(summary.read_text())
    assert said["command"].startswith("driftline") and len(said["model"]) == 16
    found = {line["type"]: line for line in said["classes"]}
    mine = [float(row["log_likelihood"]) for row in rows if row["type"] == "t"]
    assert found["t"]["nats"] == pytest.approx(np.mean(mine), rel=1e-5)
    assert found["t"]["nats_error"] == pytest.approx(np.std(mine, ddof=1) / 2, rel=1e-4)
    assert found["t"]["products"] == {"jet level": 21 * 12, "particle level": 4 * 12}
    assert run("likelihood", model, data, *FEW, "--out", out).code == 2
    told = json.loads(run("info", out, "--json", "-").out)
    assert told["kind"] == "likelihood of events" and told["judged as"] == ["q", "t"]
    assert told["bits per dimension, mean and standard deviation"]["t"]["events"] == 4
    assert json.loads(run("info", summary, "--json", "-").out)["model"] == said["model"]
    page = run("report", out)
    assert page.code == 0, page.err
    assert "How likely 8 events are" in (tmp_path / "report.html").read_text()
    out.write_text("event,type\n0,t\n")
    bad = run("report", out, "--force")
    assert bad.code == 2 and "column judged_as is missing" in bad.err


def test_images_with_an_exact_trace_and_blur(run, image_model, image_data):
    common = ("likelihood", image_model, image_data, "--type", "p", "--steps", 1, "--count", 1)
    done = run(*common, "--exact", "--json", "-")
    assert done.code == 0, done.err
    (line,) = json.loads(done.out)["classes"]
    assert line["nats_error"] is line["bits_per_dimension_error"] is None  # of one image
    assert line["trace_error"] == 0 and line["products"] == {"image": 64 * 4}
    blurred = run(*common, "--blur", 0.1, "--json", "-")
    assert abs(json.loads(blurred.out)["classes"][0]["nats"] - line["nats"]) > 0.1
    judged = run(*common, "--as", "e-", "--probes", 2)
    assert judged.code == 0, judged.err
    assert " ± " not in judged.out
    one = run(*common, "--probes", 1, "--json", "-")
    assert json.loads(one.out)["classes"][0]["trace_error"] is None


def test_one_file_for_two_things_is_refused(run, model, tmp_path):
    out = tmp_path / "same.csv"
    done = run("likelihood", model, "jets30", *FEW, "--out", out, "--json", out, "--force")
    assert done.code == 2 and "is the file of --out too" in done.err
    done = run("sample", model, "--count", 2, "--out", out, "--json", out, "--force")
    assert done.code == 2 and "is the file of --out too" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--exact", "--probes", "2"], ["--exact", "--probes"]),
        (["--blur", "-1"], ["--blur", "positive"]),
        (["--blur", "1e9"], ["--blur", "no such noise"]),
        (["--as", "tau-"], ["unknown class 'tau-'"]),
        (["--types", "tau-"], ["tau-"]),
    ],
)
def test_bad_options_are_one_line(run, image_model, image_data, options, words):
    done = run("likelihood", image_model, image_data, *FEW, *options)
    assert done.code == 2
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    for word in words:
        assert word in done.err


def test_guidance_of_samples(run, image_model, model, tmp_path):
    common = ("sample", image_model, "--type", "p", "--count", 2, "--steps", 2, "--json", "-")
    made = run(*common, "--guidance", 1.5, "--out", tmp_path / "guided.hdf5")
    assert made.code == 0, made.err
    assert json.loads(made.out)[0]["evaluations"] == {"image": 4}
    bad = run(*common, "--guidance", -1, "--out", tmp_path / "bad.hdf5")
    assert bad.code == 2 and "from 0 up" in bad.err
    jets = run("sample", model, "--count", 2, "--guidance", 2, "--out", tmp_path / "jets")
    assert jets.code == 2 and "--guidance" in jets.err
