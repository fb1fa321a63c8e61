"""Events of either kind from one call."""

import h5py
import numpy as np
import pytest

from driftline.data.formats import image_file, jetnet
from driftline.data.formats.reading import read_events
from driftline.data.images import Images
from driftline.errors import InputError


def made_images(labels, size=8):
    labels = np.array(labels)
    rng = np.random.default_rng(1)
    return Images(
        pixels=rng.random((len(labels), 1, size, size), np.float32),
        labels=labels,
        types=("mu-", "p"),
        planes=np.zeros((len(labels), 1), np.uint8),
        event=np.arange(len(labels)),
    )


def test_each_kind_is_recognised_by_its_content(make_jets, tmp_path):
    jetnet.write_directory(tmp_path / "jets", make_jets(6, types=("g",)))
    image_file.write(tmp_path / "images.hdf5", made_images([0, 1, 0]))
    assert read_events(tmp_path / "jets", particles=10).particles.shape == (6, 10, 3)
    assert read_events(tmp_path / "jets" / "g.hdf5").present == ("g",)
    assert read_events(tmp_path / "images.hdf5").present == ("mu-", "p")


def test_classes_and_first_images_of_each(tmp_path):
    path, images = tmp_path / "images.hdf5", made_images([0, 1, 0, 1, 1])
    image_file.write(path, images)
    assert list(read_events(path, ["p"]).event) == [1, 3, 4]
    assert list(read_events(path, count=2).event) == [0, 1, 2, 3]
    with pytest.raises(InputError, match="no images of class 'e-'; choose from mu-, p"):
        read_events(path, ["e-"])
    with pytest.raises(InputError, match="holds 2 images of class 'mu-', 3 are asked for"):
        read_events(path, count=3)


def test_files_of_something_else_are_refused(tmp_path):
    with h5py.File(tmp_path / "hits.hdf5", "w") as file:
        file["hits"] = np.zeros((3, 4))
    with pytest.raises(InputError, match=r"neither .* nor jets .*there is hits.*driftline crop"):
        read_events(tmp_path / "hits.hdf5")
