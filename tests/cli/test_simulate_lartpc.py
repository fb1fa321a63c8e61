"""``driftline simulate lartpc``."""

import numpy as np
import pytest

from driftline.data.crops import crop
from driftline.data.formats import image_file


def test_images(run, tmp_path):
    out = tmp_path / "new" / "images.h5"
    common = ("simulate", "lartpc", "--particles", "p,e-", "--seed", 3, "--out", out)
    done = run(*common, "--count", 2, "--workers", 2)
    assert done.code == 0, done.err
    assert done.out == f"{out}: 4 images\n"
    images = image_file.read(out)
    assert images.pixels.shape == (4, 3, 256, 256)
    assert [images.types[label] for label in images.labels] == ["p", "e-", "p", "e-"]
    assert images.attributes["seed"] == 3
    again = run(*common, "--count", 1)
    assert again.code == 2
    assert "--force" in again.err
    assert run(*common, "--count", 1, "--force").code == 0
    np.testing.assert_array_equal(image_file.read(out).pixels, images.pixels[:2])


def test_crops_are_those_of_the_images(run, tmp_path):
    common = ("simulate", "lartpc", "--particles", "mu-", "--count", 6, "--seed", 1)
    whole, cut = tmp_path / "whole.h5", tmp_path / "cut.h5"
    assert run(*common, "--out", whole).code == 0
    assert run(*common, "--out", cut, "--crop").code == 0
    expected, found = crop(image_file.read(whole)), image_file.read(cut)
    assert found.pixels.shape[1:] == (1, 64, 64)
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    np.testing.assert_array_equal(found.event, expected.event)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--particles", "K+"), "unknown class 'K+'"),
        (("--momentum", "30"), "--momentum 30: expected two numbers"),
        (("--momentum", "30,20"), "give the lower number first"),
        (("--unit", "GeV"), "choose from MeV, electrons"),
        (("--particles", "p", "--momentum", "30,40", "--crop"), "crop: none of 1 images"),
    ],
)
def test_bad_input_leaves_nothing(run, tmp_path, arguments, message):
    done = run("simulate", "lartpc", "--count", 1, "--out", tmp_path / "x.h5", *arguments)
    assert done.code == 2
    assert message in done.err
    assert not list(tmp_path.iterdir())
