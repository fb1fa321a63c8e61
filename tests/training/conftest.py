"""A tiny training on toy jets."""

from collections.abc import Callable
from pathlib import Path

import pytest

from driftline.data.clouds import Jets
from driftline.data.formats import jetnet

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory, make_jets: Callable[..., Jets]) -> Path:
    """A directory of class files with 300 toy jets each."""
    path = tmp_path_factory.mktemp("data")
    jetnet.write_directory(path, make_jets(300))
    return path
