"""A model file, jets on disk, and a way to run the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from driftline.cli import main
from driftline.data.clouds import Jets
from driftline.data.formats import image_file, jetnet
from driftline.data.images import Images
from made_images import made_images
from tiny_models import tiny_generator, tiny_image_generator


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


@pytest.fixture(scope="session")
def images() -> Images:
    """300 small images of one plane and all classes."""
    return made_images(300, planes=1, size=16)


@pytest.fixture(scope="session")
def image_model(images, tmp_path_factory) -> Path:
    """An untrained model of them."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    tiny_image_generator(images).save(path)
    return path


@pytest.fixture(scope="session")
def reference(images, tmp_path_factory) -> Path:
    """Their file."""
    path = tmp_path_factory.mktemp("data") / "reference.hdf5"
    image_file.write(path, images)
    return path
