"""The commands on images: one file in, one file out, one line for what cannot be done."""

import json
from dataclasses import replace

import numpy as np
import pytest

from driftline.data.formats import image_file
from driftline.data.image_conditions import start_pixels
from driftline.metrics.calibration import calibrate
from driftline.metrics.kinds import IMAGES
from made_images import made_images
from tiny_models import tiny_image_generator


def test_sample(run, image_model, tmp_path):
    out = tmp_path / "made.hdf5"
    common = ("sample", image_model, "--steps", 2, "--seed", 3)
    start = ("--start", "3,5:9", "--out", out)
    done = run(*common, "--types", "p,mu-", "--count", 5, "--momentum", "1,-200,3", *start)
    assert done.code == 0, done.err
    assert "images/s" in done.out
    made = image_file.read(out)
    assert made.present == ("mu-", "p")
    assert np.array_equal(made.momentum, np.tile(np.float32([1, -200, 3]), (10, 1)))
    row, column = start_pixels(made)[:, 0].T
    np.testing.assert_allclose(row, 3)
    assert 5 <= column.min() < column.max() <= 9
    assert made.attributes["model"] == str(image_model)
    first = run(*common, "--type", "p", "--count", 2, "--first", 3, "--out", tmp_path / "part.hdf5")
    assert first.code == 0, first.err
    assert (image_file.read(tmp_path / "part.hdf5").planes[:, 0] == [0, 1]).all()
    assert json.loads(run("info", out, "--json", "-").out)["unit"] == "MeV"


def test_sample_gives_the_images_of_a_file(run, image_model, reference, images, tmp_path):
    asked, out = tmp_path / "asked.csv", tmp_path / "made.hdf5"
    asked.write_text("type,px,py,pz,plane\np,1,2,3,2\nmu-,,,,\np,,,,1\np,4,5,6,\n")
    done = run("sample", image_model, "--conditions", asked, "--steps", 2, "--out", out)
    assert done.code == 0, done.err
    made = image_file.read(out)
    assert [made.types[k] for k in made.labels] == ["p", "mu-", "p", "p"]
    assert made.event.tolist() == [0, 0, 1, 2]
    np.testing.assert_array_equal(made.momentum, [[1, 2, 3], [np.nan] * 3, [np.nan] * 3, [4, 5, 6]])
    protons = made.of_type("p")
    np.testing.assert_array_equal(protons.momentum, [[1, 2, 3], [np.nan] * 3, [4, 5, 6]])
    assert protons.planes[:, 0].tolist() == [2, 1, 2]
    assert made.of_type("mu-").planes[:, 0].tolist() == [0]
    assert made.attributes["asked"] == ["momentum", "plane"]
    assert made.start is None
    again = run(
        *("sample", image_model, "--conditions", reference, "--types", "p", "--steps", 1),
        *("--out", tmp_path / "like.hdf5"),
    )
    assert again.code == 0, again.err
    like, true = image_file.read(tmp_path / "like.hdf5"), images.of_type("p")
    np.testing.assert_array_equal(like.momentum, true.momentum)
    np.testing.assert_array_equal(like.planes, true.planes)
    np.testing.assert_allclose(start_pixels(like), start_pixels(true), rtol=1e-5, atol=1e-4)
    quantity = IMAGES.calibrated[0]
    found = calibrate(quantity, like, true, "p")
    assert found.bins[0].generated.asked == found.bins[0].simulated.asked


def test_evaluate_and_study(run, image_model, reference, tmp_path):
    out = tmp_path / "study"
    done = run(
        *("study", image_model, reference, "--out", out, "--types", "p", "--count", 20),
        *("--sampler", "dpm:steps=3", "--sampler", "dpm:steps=2"),
    )
    assert done.code == 0, done.err
    assert "W1 track length" in done.out
    assert (out / "study.json").exists() and (out / "pareto.png").exists()
    scores = tmp_path / "scores.json"
    done = run(
        *("evaluate", reference, reference, "--types", "mu-", "--metrics", "w1_charge,track_share"),
        *("--json", scores),
    )
    assert done.code == 2
    assert "needs at least 100" in done.err
    assert run("report", out).code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--type", "tau-"], ["unknown class 'tau-'", "gamma"]),
        (["--pt", "3"], ["--pt", "models of jets"]),
        (["--momentum", "1,2"], ["--momentum 1,2", "three numbers"]),
        (["--momentum", "1,2,inf"], ["--momentum is inf", "finite"]),
        (["--momentum", "1e39,0,0"], ["--momentum is 1e39", "finite"]),
        (["--momentum", "800:100"], ["--momentum 800:100", "lower one first"]),
        (["--start", "1"], ["--start 1", "two numbers"]),
        (["--conditions", "absent.csv", "--start", "1,2"], ["--start", "--conditions"]),
        (["--conditions", "absent.csv", "--plane", "1"], ["--plane", "--conditions"]),
        (["--sampler", "dpm:steps=2 + dpm:steps=3"], ["2 samplers", "1 network"]),
    ],
)
def test_bad_options_of_sample(run, image_model, tmp_path, options, words):
    done = run("sample", image_model, "--count", 3, *options, "--out", tmp_path / "made.hdf5")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert all(word in done.err for word in words), done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("option", "value"), [("--momentum", "1,2,3"), ("--start", "1,2")])
def test_jets_know_nothing_of_momenta_and_starts(run, model, tmp_path, option, value):
    done = run("sample", model, option, value, "--out", tmp_path / "t.hdf5")
    assert done.code == 2
    assert f"{option}: is for models of images" in done.err


def test_models_of_several_planes_take_no_row_and_column(run, tmp_path):
    tiny_image_generator(made_images(40, planes=3, size=16)).save(tmp_path / "three.safetensors")
    asked = tmp_path / "asked.csv"
    asked.write_text("type,row,column\n" + "p,1,2\n" * 3)
    for option, value in (("--start", "1,2"), ("--conditions", asked)):
        done = run(
            *("sample", tmp_path / "three.safetensors", option, value, "--types", "p"),
            *("--out", tmp_path / "made.hdf5"),
        )
        assert done.code == 2 and "for models of one plane" in done.err
    assert not (tmp_path / "made.hdf5").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unit": "electrons"}, "unit: MeV and electrons"),
        ({"threshold": 0.1}, "threshold: 0.05 and 0.1"),
    ],
)
def test_unlike_images_are_not_compared(run, images, reference, tmp_path, change, words):
    other = tmp_path / "other.hdf5"
    image_file.write(other, replace(images, **change))
    done = run("evaluate", reference, other, "--metrics", "w1_charge")
    assert done.code == 2
    assert words in done.err


def test_images_and_jets_are_not_compared(run, reference, data):
    done = run("evaluate", data, reference, "--metrics", "w1m")
    assert done.code == 2
    assert done.err.count("\n") == 1
