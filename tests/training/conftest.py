"""A tiny training on toy jets."""

from collections.abc import Callable
from pathlib import Path

import pytest

from driftline.data.clouds import Jets
from driftline.data.formats import jetnet
from driftline.generator import Generator
from small_distillations import with_recipe
from tiny_models import tiny_generator


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory, make_jets: Callable[..., Jets]) -> Path:
    """A directory of class files with 300 toy jets each."""
    path = tmp_path_factory.mktemp("data")
    jetnet.write_directory(path, make_jets(300))
    return path


@pytest.fixture(scope="module")
def jets(tmp_path_factory: pytest.TempPathFactory, make_jets: Callable[..., Jets]) -> Path:
    path = tmp_path_factory.mktemp("jets")
    jetnet.write_directory(path, make_jets(40, types=("g", "t")))
    return path


@pytest.fixture
def teacher(toy_jets: Jets) -> Generator:
    return with_recipe(tiny_generator(toy_jets), "tiny.toml")
