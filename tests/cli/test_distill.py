"""``driftline distill``: from a model to a student that samples."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from driftline.data.clouds import Jets
from driftline.data.formats import jetnet
from driftline.training.recipe import read_recipe
from tiny_models import tiny_generator

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny.toml"
SHORT = "{steps=2, batch=16, warmup=1}"


def test_distil_and_sample(
    run: Callable[..., Any], toy_jets: Jets, make_jets: Callable[..., Jets], tmp_path: Path
) -> None:
    teacher = tiny_generator(toy_jets)
    teacher.card["recipe"] = read_recipe(RECIPE).model_dump(mode="json")
    teacher.save(tmp_path / "teacher.safetensors")
    jetnet.write_directory(tmp_path / "data", make_jets(30, types=("t",)))
    order = ["distill", tmp_path / "teacher.safetensors", "--data", tmp_path / "data"]
    order += ["--out", tmp_path / "run", "--method", "consistency", "--steps", 1]
    order += [f"training.{key}={SHORT}" for key in ("jet_level", "particle_level")]
    result = run(*order)
    assert result.code == 0, result.err
    model = result.out.strip()
    assert "jets/s" in result.err
    assert "cm:steps=1" in run("info", model).out
    made = run("sample", model, "--type", "t", "--count", 5, "--out", tmp_path / "t.hdf5")
    assert made.code == 0, made.err
    assert len(jetnet.read(tmp_path / "t.hdf5")) == 5

    again = run(*order)
    assert again.code == 2
    assert "--resume" in again.err
    assert run(*order, "--resume").out.strip() == model
