"""``driftline crop``: any source to crops, split by event; bad input leaves nothing behind."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import uproot

from driftline.data.crops import crop, split_by_event
from driftline.data.formats import image_file
from driftline.data.formats.detector_images import read_images
from driftline.data.image_preprocessing import eight_bit
from driftline.data.liquid_argon import in_mev
from made_frames import protodune
from made_images import made_images


@pytest.fixture(scope="module")
def images():
    return made_images(30)


@pytest.fixture
def source(tmp_path, images):
    path = tmp_path / "source" / "images.hdf5"
    image_file.write(path, images)
    return path


def test_crops_are_written(run, tmp_path, source, images):
    out = tmp_path / "crops.hdf5"
    done = run("crop", source, "--out", out)
    expected = crop(images)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{out}: {len(expected)} images\n"
    made = image_file.read(out)
    for name, column in expected.columns.items():
        assert np.array_equal(made.columns[name], column)
    assert made.attributes["crop"] == {"size": 64, "margin": 32, "occupancy": 0.01}
    assert made.attributes["seed"] == 0  # what the source says of itself


def test_options(run, tmp_path, source, images):
    out = tmp_path / "crops.hdf5"
    options = ("--size", 32, "--margin", 50, "--occupancy", 0.05, "--8bit")
    assert run("crop", source, "--out", out, *options).code == 0
    made = image_file.read(out)
    expected = crop(eight_bit(images), size=32, margin=50, occupancy=0.05)
    assert np.array_equal(made.pixels, expected.pixels)
    assert (made.unit, made.pixels.max()) == ("8-bit", 255)


def test_samples_share_no_event(run, tmp_path, source, images):
    done = run("crop", source, "--out", tmp_path / "a.hdf5", "--split", "0.6,0.2,0.2", "--seed", 3)
    assert done.code == 0
    expected = split_by_event(crop(images), (0.6, 0.2, 0.2), seed=3)
    seen = []
    for name, sample in zip(("train", "validation", "test"), expected):
        path = tmp_path / f"a_{name}.hdf5"
        made = image_file.read(path)
        assert f"{path}: {len(sample)} images" in done.out
        assert np.array_equal(made.pixels, sample.pixels)
        seen += set(made.event.tolist())
    assert len(seen) == len(set(seen))


def test_other_formats(run, tmp_path, images):
    charge = crop(images).pixels[:, 0]
    np.save(tmp_path / "tracks.npy", charge)
    out = tmp_path / "crops.hdf5"
    assert run("crop", tmp_path / "tracks.npy", "--out", out, "--unit", "MeV").code == 0
    made = image_file.read(out)
    assert np.array_equal(made.pixels[:, 0], charge)
    assert (made.present, made.unit) == (("tracks",), "MeV")


def test_frames_in_energy_and_square_pixels(run, tmp_path):
    frames, out = protodune(tmp_path / "frames.tar"), tmp_path / "frames.hdf5"
    done = run("crop", frames, "--pitch", 0.5, "--unit", "MeV", "--out", out)
    assert (done.code, done.out) == (0, f"{out}: 1 images\n"), done.err
    made, expected = image_file.read(out), read_images(frames, unit="MeV", pitch=0.5)
    assert np.array_equal(made.pixels, expected.pixels)
    assert (made.unit, made.threshold, made.pitch) == ("MeV", expected.threshold, 0.5)


def test_a_unit_that_the_file_tells(run, tmp_path, images):
    """Electrons turn into MeV; asking for what is there changes nothing."""
    source, out = tmp_path / "source.hdf5", tmp_path / "crops.hdf5"
    electrons = replace(images, pixels=images.pixels * 3e4, unit="electrons", threshold=400.0)
    image_file.write(source, electrons)
    assert run("crop", source, "--out", out, "--unit", "electrons").code == 0
    assert np.array_equal(image_file.read(out).pixels, crop(electrons).pixels)
    assert run("crop", source, "--out", out, "--unit", "MeV", "--force").code == 0
    made = image_file.read(out)
    assert np.array_equal(made.pixels, in_mev(crop(electrons)).pixels)
    assert made.unit == "MeV"


def other_root(path):
    with uproot.recreate(path) as file:
        file["events"] = {"x": np.arange(3)}


def other_hdf5(path):
    with h5py.File(path, "w") as file:
        file["particle_features"] = np.zeros((3, 30, 4))


def small_images(path):
    image_file.write(path, made_images(2, size=48))


def empty_images(path):
    images = made_images(2)
    images.pixels[:] = 0
    image_file.write(path, images)


def halves(path):
    with path.open("wb") as file:
        np.save(file, np.full((3, 64, 64), 0.5))


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (other_root, (), ["tree image2d_data_tree is missing", "events"]),
        (other_hdf5, (), ["HDF5 of another schema", "particle_features"]),
        (small_images, (), ["64", "48 x 48", "--margin", "--size"]),
        (empty_images, (), ["none of 2 images", "margin or occupancy"]),
        (lambda path: path.write_text("?"), (), ["of no known format", "LArCV2 ROOT"]),
        (lambda path: path.mkdir(), (), ["no PNG images"]),
        (lambda path: None, (), ["no such file"]),
        (
            lambda path: image_file.write(path, made_images(9)),
            ("--unit", "ADC"),
            ["in MeV", "--unit"],
        ),
        (protodune, ("--unit", "ADC"), ["in electrons", "only turns electrons into MeV"]),
        (lambda path: protodune(path, tick=0), ("--pitch", 0.5), ["tickinfo", "leave the pitch"]),
        (protodune, ("--pitch", 0.05), ["a pitch of 0.05 cm", "from 0.08 cm up"]),
        (halves, ("--pitch", 0.5), ["only frames of Wire-Cell", "leave --pitch out"]),
        (halves, (), ["0.5 is not a whole number", "--unit"]),
    ],
)
def test_bad_input_is_refused(run, tmp_path, make, options, words):
    source, out = tmp_path / "source", tmp_path / "made" / "crops.hdf5"
    make(source)
    refused(run("crop", source, "--out", out, *options), *words)
    assert not out.parent.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--split", "0.5,0.4"), ["sum 1"]),
        (("--split", "a,b"), ["--split a,b", "not numbers"]),
        (("--split", "1"), ["two or three fractions"]),
        (("--split", "0.99999,0.00001"), ["_validation.hdf5", "no event fell into"]),
    ],
)
def test_bad_splits_leave_nothing(run, tmp_path, source, options, words):
    refused(run("crop", source, "--out", tmp_path / "made" / "a.hdf5", *options), *words)
    assert not (tmp_path / "made").exists()


def test_existing_files_are_kept(run, tmp_path, source):
    out = tmp_path / "a.hdf5"
    (tmp_path / "a_test.hdf5").write_text("mine")
    refused(run("crop", source, "--out", out, "--split", "0.6,0.2,0.2"), "exists already")
    assert [path.name for path in tmp_path.glob("a*")] == ["a_test.hdf5"]
    assert run("crop", source, "--out", out, "--split", "0.6,0.2,0.2", "--force").code == 0


def refused(done, *words):
    """Exit code 2 and one line on stderr that holds these words."""
    assert (done.code, done.out) == (2, ""), done.err
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    for word in words:
        assert word in done.err
