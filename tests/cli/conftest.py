"""A model file, jets on disk, and a way to run the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from driftline.cli import main
from driftline.data.clouds import Jets
from driftline.data.formats import jetnet
from tiny_models import tiny_generator


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
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    tiny_generator(toy_jets).save(path)
    return path


@pytest.fixture(scope="session")
def data(tmp_path_factory, toy_jets: Jets) -> Path:
    """A directory with 200 toy jets of each class."""
    path = tmp_path_factory.mktemp("data")
    jetnet.write_directory(path, toy_jets)
    return path
