"""The demonstration and the picture of images, on a tiny model."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.data.formats import image_file
from driftline.report import demo
from made_images import made_images
from tiny_models import tiny_image_generator


@pytest.fixture(scope="module")
def images():
    made = made_images(1500, planes=1, size=16)
    return made[np.isin(made.labels, [0, 2, 5])]  # e-, mu- and p


def test_demo(images, tmp_path):
    show = replace(demo.LARTPC, samplers=("dpm:steps=3", "dpm:steps=2"), studied="p", compared=20)
    result = demo.run_demo(
        show, tmp_path / "demo", count=100, model=tiny_image_generator(images), reference=images
    )
    assert result.files[0] == tmp_path / "demo" / "overview.png"
    assert all(file.stat().st_size > 0 for file in result.files)
    assert len(image_file.read(tmp_path / "demo" / "images" / "images.hdf5")) == 3 * 100
    names = {path.stem for path in (tmp_path / "demo" / "figures").glob("*.png")}
    spectra = {f"spectra_{name}" for name in images.present}
    assert names == {"images", "segmentation", "profiles"} | spectra
    assert result.head[:2] == ["class", "W1 track length [cm]"]
    assert [len(row) for row in result.scores()] == [len(result.head)] * 3
