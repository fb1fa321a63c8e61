"""``driftline train`` on images, and refusals."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import driftline
from driftline.data.formats import image_file
from driftline.image_generator import ImageGenerator
from made_images import made_images

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny-images.toml"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "images.hdf5"
    image_file.write(path, made_images(60, planes=1, size=16))
    return path


def test_train_makes_a_model_of_images(run: Callable[..., Any], data: Path, tmp_path: Path) -> None:
    result = run("train", RECIPE, "--data", data, "--out", tmp_path / "run", "training.steps=2")
    assert result.code == 0, result.err
    model = driftline.load(result.out.strip())
    assert isinstance(model, ImageGenerator)
    assert model.card["recipe"]["training"]["steps"] == 2
    assert "images/s" in result.err
    info = run("info", tmp_path / "run" / "model.safetensors")
    assert "model of images" in info.out


@pytest.mark.parametrize(
    ("overrides", "pixels", "words"),
    [
        (["network.packing=4"], 1.0, "cannot be halved"),
        (["preprocessing.transform=log"], -1.0, "negative charge"),
        (["mirrored=['w']"], 1.0, "mirrored"),
    ],
)
def test_refusals_name_the_reason_and_leave_nothing(
    run: Callable[..., Any],
    tmp_path: Path,
    overrides: list[str],
    pixels: float,
    words: str,
) -> None:
    file, images = tmp_path / "bad.hdf5", made_images(60, planes=1, size=16)
    image_file.write(file, replace(images, pixels=images.pixels * np.float32(pixels)))
    result = run("train", RECIPE, "--data", file, "--out", tmp_path / "run", *overrides)
    assert result.code == 2
    assert words in result.err
    assert not (tmp_path / "run").exists()
