"""A model file, jets on disk, and a way to run the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from driftline.cli import main
from driftline.data.clouds import Jets
from driftline.data.formats import jetnet
from driftline.data.preprocessing import JetPreprocessing
from driftline.generator import Generator
from driftline.training.jets import denoiser_of, network_spec
from driftline.training.recipe import read_recipe

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny.toml"


class Finished(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys) -> Callable[..., Finished]:
    """``run("sample", path, ...)``: exit code, stdout and stderr of a command line."""

    def run(*arguments: object) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return Finished(int(stop.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory, toy_jets) -> Path:
    """An untrained model of all five classes."""
    recipe = read_recipe(RECIPE)
    networks = {
        "jet_level": network_spec(recipe.jet_level, 4, 13),
        "particle_level": network_spec(recipe.particle_level, 3, 9),
    }
    denoisers = {level: denoiser_of(recipe, spec).eval() for level, spec in networks.items()}
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    preprocessing = JetPreprocessing.fit(toy_jets)
    Generator(**denoisers, networks=networks, preprocessing=preprocessing).save(path)
    return path


@pytest.fixture(scope="session")
def data(tmp_path_factory, toy_jets: Jets) -> Path:
    """A directory with 200 toy jets of each class."""
    path = tmp_path_factory.mktemp("data")
    jetnet.write_directory(path, toy_jets)
    return path
