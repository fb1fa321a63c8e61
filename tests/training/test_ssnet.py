"""Training of the segmentation network on toy images, its file, and bad input."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from driftline import modelfile
from driftline.errors import InputError
from driftline.metrics.images.segmentation import read_ssnet, segmentation_scores
from driftline.training import ssnet
from driftline.training.ssnet import Quality, quality, train_ssnet
from toy_images import toy_images


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    monkeypatch.setattr(ssnet, "NETWORK", {"widths": [8, 16], "classes": 3, "scale": 0.2})


@pytest.fixture(scope="module")
def images():
    return toy_images(150, size=32)


def test_training_learns_and_writes_what_it_learnt(images, tmp_path):
    path = tmp_path / "ssnet.safetensors"
    found = train_ssnet(images, path, steps=60, seed=3)
    network, card = read_ssnet(path)
    assert found.accuracy > 0.85  # a guess is right for about half of the pixels
    assert card["test"]["accuracy"] == pytest.approx(found.accuracy, abs=1e-4)
    assert card["training"]["steps"] == 60
    assert modelfile.read_header(path)["network"]["widths"] == [8, 16]
    planes = images.pixels[:, 0]
    labels = segmentation_scores(planes, network).argmax(axis=1)
    share = np.mean(labels[planes > 0] == images.segmentation[:, 0][planes > 0])
    assert share == pytest.approx(quality(network, images).accuracy)


def test_equal_seeds_give_equal_networks_whatever_the_global_state(images, tmp_path):
    weights = []
    for seed, name in ((1, "a"), (1, "b"), (2, "c")):
        torch.manual_seed(ord(name))
        path = tmp_path / f"{name}.safetensors"
        train_ssnet(images[::10], path, steps=2, seed=seed)
        weights.append(modelfile.read_tensors(path))
    first, same, other = weights
    assert all(torch.equal(first[k], same[k]) for k in first)
    assert not all(torch.equal(first[k], other[k]) for k in first)


def test_quality_counts_pixels_with_charge_only():
    confusion = np.array([[0, 0, 0], [1, 6, 1], [0, 2, 10]])
    found = Quality(confusion)
    assert found.accuracy == 16 / 20
    assert found.to_dict()["confusion"]["shower"] == {"background": 0, "track": 2, "shower": 10}
    images = toy_images(3, size=32)
    counted = quality(ssnet.SSNet(**ssnet.NETWORK), images).confusion
    assert counted.sum(axis=1).tolist() == [
        0,
        (images.segmentation == 1).sum(),
        (images.segmentation == 2).sum(),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"segmentation": None}, "segmentation"), ({"unit": "8-bit"}, "unit is '8-bit'")],
)
def test_images_that_cannot_be_trained_on(images, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        train_ssnet(replace(images, **change), tmp_path / "x.safetensors")


def test_too_few_images_and_existing_files(images, tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(InputError, match="give more events"):
        train_ssnet(images[:2], path)
    assert not path.exists()
    path.write_text("")
    with pytest.raises(InputError, match="--force"):
        train_ssnet(images, path)


def test_other_model_files_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    modelfile.write(path, {"a": torch.zeros(1)}, {"kind": "jets"}, force=False)
    with pytest.raises(InputError, match="kind is 'jets'"):
        read_ssnet(path)
