"""Driftline's HDF5 of images: what is written comes back bit by bit, and bad files are refused."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.data.formats import image_file
from driftline.data.images import PDG_CODES, Images
from driftline.errors import InputError
from made_images import made_images

OPTIONAL = ("segmentation", "momentum", "start", "corner")


def same(a: Images, b: Images) -> bool:
    scalars = ("types", "unit", "threshold", "pitch", "attributes")
    return (
        list(a.columns) == list(b.columns)
        and all(np.array_equal(a.columns[name], b.columns[name]) for name in a.columns)
        and all(getattr(a, name) == getattr(b, name) for name in scalars)
    )


@pytest.fixture
def images() -> Images:
    return made_images(6, planes=2, size=16)


@settings(deadline=None, max_examples=30)
@given(
    known=st.sets(st.sampled_from(OPTIONAL)),
    planes=st.integers(1, 3),
    height=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    scale=st.integers(-30, 30),
)
def test_round_trip_keeps_every_bit(tmp_path_factory, known, planes, height, seed, scale):
    images = made_images(4, planes=planes, size=9, seed=seed)
    images = replace(
        images,
        pixels=(images.pixels * np.float32(10.0) ** scale)[:, :, :height],
        segmentation=images.segmentation[:, :, :height],
        unit="electrons",
    )
    images = replace(images, **{name: None for name in OPTIONAL if name not in known})
    path = tmp_path_factory.mktemp("images") / "any.hdf5"
    image_file.write(path, images)
    back = image_file.read(path)
    assert same(images, back)
    assert back.pixels.dtype == np.float32
    assert back.labels.dtype == np.int64


def test_blocks_and_counts_are_parts_of_the_whole(tmp_path, images):
    path = tmp_path / "images.hdf5"
    with image_file.Writer(path) as out:
        out.append(images[:2])
        out.append(images[2:2])
        out.append(images[2:])
        assert out.count == 6
    assert same(image_file.read(path), images)
    assert same(image_file.read(path, 4), images[:4])
    found = list(image_file.blocks(path, 4))
    assert [len(block) for block in found] == [4, 2]
    assert same(found[1], images[4:])


def test_particles_have_their_monte_carlo_numbers(tmp_path, images):
    path = tmp_path / "images.hdf5"
    image_file.write(path, images)
    with h5py.File(path) as file:
        names = np.array(images.types)[images.labels]
        assert file["truth/pdg"][:].tolist() == [PDG_CODES[name] for name in names]
    tracks = replace(images, types=("tracks",), labels=np.zeros(6, int))
    image_file.write(path, tracks, force=True)
    with h5py.File(path) as file:
        assert "pdg" not in file["truth"]


def test_charge_is_compressed(tmp_path):
    images = made_images(8)
    path = tmp_path / "images.hdf5"
    image_file.write(path, images)
    assert path.stat().st_size < images.pixels.nbytes / 20


def test_nothing_is_left_of_a_write_that_fails(tmp_path, images):
    path = tmp_path / "made" / "images.hdf5"
    with pytest.raises(ZeroDivisionError):
        with image_file.Writer(path) as out:
            out.append(images)
            1 / 0  # noqa: B018
    with pytest.raises(InputError, match="no images to write"):
        image_file.write(path, images[:0])
    assert not path.parent.exists()


def test_an_existing_file_is_kept(tmp_path, images):
    path = tmp_path / "images.hdf5"
    image_file.write(path, images)
    with pytest.raises(InputError, match="exists already"):
        image_file.write(path, images[:1])
    assert len(image_file.read(path)) == 6


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda i: replace(i, unit="ADC"), "different unit"),
        (lambda i: replace(i, threshold=0.1), "different threshold"),
        (lambda i: replace(i, momentum=None), "different columns"),
        (lambda i: replace(i, types=i.types[::-1]), "different classes"),
        (
            lambda i: replace(i, pixels=i.pixels[:, :1], planes=i.planes[:, :1]),
            "segmentation|label",
        ),
    ],
)
def test_unlike_images_do_not_go_into_one_file(tmp_path, images, other, message):
    path = tmp_path / "images.hdf5"
    with pytest.raises(InputError, match=message):
        with image_file.Writer(path) as out:
            out.append(images)
            out.append(other(images))
    assert not path.exists()


def put(name, value):
    def change(file: h5py.File) -> None:
        attributes = dict(file[name].attrs)
        del file[name]
        file[name] = value(file) if callable(value) else value
        file[name].attrs.update(attributes)

    return change


def damage(name, index, value):
    def change(file: h5py.File) -> None:
        file[name][index] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.attrs.pop("format"), ["attribute format"]),
        (lambda f: f.attrs.update(version=99), ["version is 99"]),
        (lambda f: f.attrs.pop("threshold"), ["attribute threshold"]),
        (lambda f: f.attrs.update(provenance="{"), ["provenance is not JSON"]),
        (lambda f: f.pop("images"), ["data set images is missing"]),
        (lambda f: f.pop("class"), ["data set class is missing"]),
        (lambda f: f["class"].attrs.pop("types"), ["attribute types of class"]),
        (lambda f: f["images"].attrs.update(unit="kg"), ["unit is 'kg'"]),
        (put("images", np.zeros((6, 16, 16), "f4")), ["images has shape (6, 16, 16)"]),
        (put("images", np.zeros((0, 2, 16, 16), "f4")), ["images holds nothing"]),
        (put("images", np.zeros((6, 2, 16, 16), "c8")), ["images holds complex64"]),
        (put("event", np.arange(5)), ["event has 5 rows"]),
        (put("corner", np.zeros((6, 2, 3), "i4")), ["corner has shape (6, 2, 3)"]),
        (damage("images", (3, 0, 0, 0), np.nan), ["images of image 3 is NaN"]),
        (damage("class", 2, 6), ["class holds values", "expected 0 to 5"]),
        (damage("planes", (0, 0), 3), ["planes holds values"]),
        (damage("labels", (0, 0, 0, 0), 3), ["labels holds values"]),
        (damage("truth/pdg", 0, 321), ["truth/pdg disagrees with class"]),
        (damage("truth/momentum", (1, 0), np.inf), ["truth/momentum of image 1"]),
    ],
)
def test_bad_files_are_refused_by_field(tmp_path, images, change, words):
    path = tmp_path / "images.hdf5"
    image_file.write(path, images)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(InputError) as refused:
        image_file.read(path)
    for word in [str(path), *words]:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)


def test_truncated_and_missing_files_are_refused(tmp_path, images):
    path = tmp_path / "images.hdf5"
    with pytest.raises(InputError, match="no such file"):
        image_file.read(path)
    image_file.write(path, images)
    whole = path.read_bytes()
    for keep in (0, 100, 2000, len(whole) - 500):
        path.write_bytes(whole[:keep])
        with pytest.raises(InputError, match="damaged|not an HDF5"):
            image_file.read(path)


def test_more_images_than_there_are(tmp_path, images):
    path = tmp_path / "images.hdf5"
    image_file.write(path, images)
    with pytest.raises(InputError, match="holds 6 images, 7 are asked for"):
        image_file.read(path, 7)
