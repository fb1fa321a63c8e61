"""Stacks of NumPy and folders of PNG: pixels as they are, classes from names."""

import numpy as np
import pytest
from PIL import Image

from driftline.data.formats import numpy_stack, png_folder
from driftline.data.formats.detector_images import blocks, read_images
from driftline.errors import InputError


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(0, 256, (7, 12, 10)).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("larcv_png_64_train_tracks.npy", "tracks"),
        ("larcv_png_64_test_showers.npy", "showers"),
        ("generated.npy", "unknown"),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_stack_of_the_public_data(tmp_path, stack, name, expected, dtype):
    path = tmp_path / name
    np.save(path, stack.astype(dtype))
    images = read_images(path)
    assert np.array_equal(images.pixels[:, 0], stack)
    assert images.pixels.dtype == np.float32
    assert images.present == (expected,)
    assert images.types == ("tracks", "showers", "unknown")
    assert (images.unit, images.threshold) == ("8-bit", 1.0)
    assert images.event.tolist() == list(range(7))


def test_several_stacks_in_one_file(tmp_path, stack):
    path = tmp_path / "both.npz"
    np.savez(path, tracks=stack[:3], showers=stack[3:])
    images = read_images(path)
    assert np.array_equal(images.pixels[:, 0], stack)
    assert images.labels.tolist() == [0] * 3 + [1] * 4
    assert images.event.tolist() == list(range(7))


def test_planes_and_unit(tmp_path):
    path = tmp_path / "planes.npy"
    charge = np.random.default_rng(1).normal(0, 1e4, (4, 3, 8, 8))
    np.save(path, charge)
    with pytest.raises(InputError, match="not 8-bit; tell it with --unit"):
        read_images(path)
    images = read_images(path, unit="electrons")
    np.testing.assert_allclose(images.pixels, charge, rtol=1e-6)
    assert (images.unit, images.threshold) == ("electrons", 0.0)
    assert images.planes.tolist() == [[0, 1, 2]] * 4


def test_blocks_are_parts_of_the_whole(tmp_path, stack):
    path = tmp_path / "tracks.npy"
    np.save(path, stack)
    found = list(numpy_stack.blocks(path, 3))
    assert [len(block) for block in found] == [3, 3, 1]
    assert np.array_equal(np.concatenate([b.pixels[:, 0] for b in found]), stack)
    assert np.concatenate([b.event for b in found]).tolist() == list(range(7))
    assert np.array_equal(read_images(path, 4).pixels[:, 0], stack[:4])
    with pytest.raises(InputError, match="holds 7 images, 8 are asked for"):
        read_images(path, 8)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4)), r"shape \(4, 4\)"),
        (np.zeros((2, 4, 4, 4)), "one to three planes"),
        (np.zeros((2, 4, 4), dtype="U3"), "holds <U3"),
        (np.full((2, 4, 4), 256), "256 is not a whole number from 0 to 255"),
        (np.full((2, 4, 4), 0.5), "0.5 is not a whole number"),
        (np.full((2, 4, 4), np.nan), "nan is not a whole number"),
        (np.array([[[None]]]), "cannot be read as NumPy"),
        (np.zeros((0, 4, 4)), "holds no images"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message):
    path = tmp_path / "tracks.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        read_images(path)


def test_damaged_files_are_refused(tmp_path, stack):
    for name, save in (("a.npy", np.save), ("a.npz", np.savez)):
        path = tmp_path / name
        save(path, stack)
        path.write_bytes(path.read_bytes()[:-300])
        with pytest.raises(InputError, match="cannot be read as NumPy"):
            read_images(path)


def test_unknown_units_are_refused(tmp_path, stack):
    path = tmp_path / "a.npy"
    np.save(path, stack)
    with pytest.raises(InputError, match="unknown unit 'GeV'"):
        read_images(path, unit="GeV")


def folder(path, stack):
    """larcv_256_0.png ... larcv_256_11.png in two folders, grey as colours every other time."""
    for k, plane in enumerate(stack):
        file = path / ("tracks" if k < 3 else "showers") / f"larcv_256_{k + 5}.png"
        file.parent.mkdir(exist_ok=True)
        picture = Image.fromarray(plane)
        (picture.convert("RGB") if k % 2 else picture).save(file)


def test_folder_of_png(tmp_path, stack):
    folder(tmp_path, stack)
    (tmp_path / "notes.txt").write_text("not an image")
    images = read_images(tmp_path)
    # folders by name, files in them by number: 9 before 10
    assert np.array_equal(images.pixels[:, 0], np.concatenate([stack[3:], stack[:3]]))
    assert images.labels.tolist() == [1] * 4 + [0] * 3
    assert images.unit == "8-bit"
    assert [len(block) for block in png_folder.blocks(tmp_path, 4)] == [4, 3]


def test_sixteen_bits_stay(tmp_path):
    levels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    Image.fromarray(levels).save(tmp_path / "0.png")
    images = read_images(tmp_path, unit="ADC")
    assert np.array_equal(images.pixels[0, 0], levels)


def test_bad_folders_are_refused(tmp_path, stack):
    with pytest.raises(InputError, match="no PNG images"):
        read_images(tmp_path)
    folder(tmp_path, stack)
    file = tmp_path / "tracks" / "other.png"
    Image.fromarray(np.zeros((5, 5), dtype=np.uint8)).save(file)
    with pytest.raises(InputError, match=r"other.png: has \(5, 5\) pixels, .* \(12, 10\)"):
        list(blocks(tmp_path))
    for content in (b"not a picture", file.read_bytes()[:40]):
        file.write_bytes(content)
        with pytest.raises(InputError, match="other.png: not a PNG image, or damaged"):
            read_images(tmp_path)
