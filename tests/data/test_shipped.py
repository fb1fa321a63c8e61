"""Reference jets that come with the package."""

from pathlib import Path

import numpy as np

from driftline.data.clouds import JET_TYPES
from driftline.data.formats import jetnet
from driftline.data.shipped import read_reference, reference_path, shipped_references


def test_reference_of_every_class():
    jets = read_reference(Path("jets30"))
    assert jets.present == JET_TYPES
    assert (np.bincount(jets.labels) == 10_000).all()
    assert jets.mask.shape[1] == 30
    assert jets.attributes["seed"] is not None
    assert len(read_reference(Path("jets30"), ["t"], count=50)) == 50


def test_paths_come_before_names(tmp_path, make_jets, monkeypatch):
    """A directory of the user's that has a shipped name is the user's."""
    assert reference_path(Path("jets30")) == shipped_references()["jets30"]
    monkeypatch.chdir(tmp_path)
    jetnet.write_directory(tmp_path / "jets30", make_jets(5, types=("g",)))
    assert len(read_reference(Path("jets30"))) == 5
    assert reference_path(Path("elsewhere")) == Path("elsewhere")
