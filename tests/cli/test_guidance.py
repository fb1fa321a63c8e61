"""Guidance from the command line: images completed, overlaid, measured; particles of jets fixed."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.cli.completion import missing_pixels
from driftline.data.formats import image_file, jetnet
from driftline.diffusion.samplers import parse
from driftline.errors import InputError
from driftline.image_generator import ImageGenerator
from driftline.image_guidance import MeasuredImage
from driftline.observables.images import total_charge

ALIKE = {"rtol": 1e-3, "atol": 1e-3}


@pytest.fixture(scope="module")
def seen(images):
    """Images of two classes, in no order."""
    return images[np.isin(images.labels, [2, 5])][:8]


@pytest.fixture(scope="module")
def seen_file(seen, tmp_path_factory):
    path = tmp_path_factory.mktemp("seen") / "seen.hdf5"
    image_file.write(path, seen)
    return path


@pytest.fixture
def sample(run, image_model, tmp_path):
    """``sample(option, ...)``: the images that a command line makes."""

    def sample(*options: object):
        out = tmp_path / "made.hdf5"
        done = run(
            "sample", image_model, "--sampler", "dpm:steps=5", *options, "--out", out, "--force"
        )
        assert done.code == 0, done.err
        return image_file.read(out)

    return sample


def test_images_are_completed_in_the_order_of_their_file(sample, seen, seen_file):
    options = ("--complete", seen_file, "--missing", "columns=4:9,rows=0:2", "--seed", 3)
    made = sample(*options)
    missing = np.zeros((16, 16), dtype=bool)
    missing[:, 4:9] = missing[:2] = True
    np.testing.assert_array_equal(made.pixels[..., ~missing], seen.pixels[..., ~missing])
    free = sample("--conditions", seen_file, "--seed", 3)  # independent pixels tell nothing more
    assert free.pixels[..., missing].any()
    np.testing.assert_allclose(made.pixels[..., missing], free.pixels[..., missing], **ALIKE)
    assert [made.types[k] for k in made.labels] == [seen.types[k] for k in seen.labels]
    np.testing.assert_array_equal(made.planes, seen.planes)
    np.testing.assert_array_equal(made.momentum, seen.momentum)
    for name in made.present:
        of_class = made.of_type(name)
        assert of_class.event.tolist() == list(range(len(of_class)))
    assert made.attributes["guided_by"] == {
        "complete": str(seen_file),
        "missing": "columns=4:9,rows=0:2",
    }
    assert made.attributes["asked"] == ["momentum", "plane", "start"]

    batches = sample(*options, "--batch", 2)
    np.testing.assert_allclose(batches.pixels, made.pixels, **ALIKE)
    shard = sample(*options, "--first", 1, "--count", 2)
    here = np.isin(made.event, [1, 2])
    np.testing.assert_array_equal(shard.event, made.event[here])
    np.testing.assert_allclose(shard.pixels, made.pixels[here], **ALIKE)
    assert sample(*options, "--types", "p").present == ("p",)


def test_each_image_has_missing_pixels_of_its_own(sample, seen, seen_file, tmp_path):
    missing = np.random.default_rng(0).random(seen.pixels.shape) < 0.3
    np.save(tmp_path / "missing.npy", missing)
    options = ("--complete", seen_file, "--missing", tmp_path / "missing.npy")
    made = sample(*options, "--batch", 3)
    np.testing.assert_array_equal(made.pixels[~missing], seen.pixels[~missing])
    uncertain = sample(*options, "--error", 0.5)
    assert (uncertain.pixels[~missing] != seen.pixels[~missing]).any()
    assert uncertain.attributes["guided_by"]["error"] == "0.5"


def test_images_of_unknown_class_are_completed_as_what_they_are_called(
    run, sample, image_model, seen, tmp_path
):
    path, out = tmp_path / "data.hdf5", tmp_path / "out.hdf5"
    nothing = {"segmentation": None, "momentum": None, "start": None}
    labels = np.zeros_like(seen.labels)
    image_file.write(path, replace(seen, labels=labels, types=("unknown",), **nothing))
    options = ("--complete", path, "--missing", "columns=4:9")
    done = run("sample", image_model, *options, "--out", out)
    assert done.code == 2 and "say with --types" in done.err and not out.exists()
    made = sample(*options, "--types", "gamma")
    assert made.present == ("gamma",) and made.momentum is None
    np.testing.assert_array_equal(made.pixels[..., 9:], seen.pixels[..., 9:])


def test_regions_and_masks():
    shape = (3, 2, 4, 6)
    expected = np.zeros(shape, dtype=bool)
    expected[..., 5] = expected[:, :, :2] = True
    np.testing.assert_array_equal(missing_pixels("columns=5:6, rows=0:2", shape), expected)


@pytest.mark.parametrize("axes", [2, 3, 4])
def test_masks_are_for_all_planes_or_images_or_for_each(tmp_path, axes):
    shape = (3, 2, 4, 6)
    mask = np.random.default_rng(0).random(shape[4 - axes :]) < 0.5
    np.save(tmp_path / "mask.npy", mask)
    found = missing_pixels(str(tmp_path / "mask.npy"), shape)
    np.testing.assert_array_equal(found, np.broadcast_to(mask, shape))


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((4, 6)), "holds float64; save bool"),
        (np.zeros((6, 4), bool), r"has shape \(6, 4\) where the images have \(3, 2, 4, 6\)"),
        (np.zeros(6, bool), "has shape"),
        (np.zeros((1, 3, 2, 4, 6), bool), "has shape"),
    ],
)
def test_masks_that_do_not_fit_are_refused(tmp_path, mask, words):
    np.save(tmp_path / "mask.npy", mask)
    with pytest.raises(InputError, match=words):
        missing_pixels(str(tmp_path / "mask.npy"), (3, 2, 4, 6))


def test_what_is_no_mask_is_named(tmp_path):
    (tmp_path / "mask.npy").write_text("columns")
    with pytest.raises(InputError, match=r"mask\.npy: is no array of NumPy"):
        missing_pixels(str(tmp_path / "mask.npy"), (3, 2, 4, 6))
    with pytest.raises(InputError, match=r"absent\.npy: cannot be read"):
        missing_pixels(str(tmp_path / "absent.npy"), (3, 2, 4, 6))


def test_images_lie_on_backgrounds_by_their_numbers(sample, seen, seen_file):
    options = ("--types", "p,mu-", "--count", 5, "--first", 6)
    alone = sample(*options)
    both = sample(*options, "--background", seen_file)
    assert both.event.tolist() == [6, 7, 8, 9, 10] * 2
    assert alone.pixels.any()
    np.testing.assert_array_equal(both.pixels, alone.pixels + seen.pixels[both.event % 8])
    assert both.attributes["background"] == {"file": str(seen_file), **seen.attributes}


def test_a_charge_is_measured(sample, image_model):
    asked = ("--types", "p", "--count", 5, "--seed", 4)
    made = sample(*asked, "--measured", "charge=40,0.5", "--batch", 2)
    same = ImageGenerator.load(image_model).generate(
        *(5, "p"),
        sampler=parse("dpm:steps=5"),
        seed=4,
        guidance=MeasuredImage(total_charge, [40.0], 0.5),
    )
    np.testing.assert_allclose(made.pixels, same.images.pixels, rtol=1e-2, atol=1e-2)
    assert made.pixels.any()
    assert made.attributes["guided_by"] == {"measured": "charge=40,0.5"}


def test_guided_events_beyond_all_bounds_are_bad_input(run, image_model, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise FloatingPointError("event 0 is not finite")

    monkeypatch.setattr(ImageGenerator, "generate", fail)
    done = run(
        *("sample", image_model, "--types", "p", "--count", 2),
        *("--measured", "charge=1e9,1", "--out", tmp_path / "p.hdf5"),
    )
    assert done.code == 2
    assert "guidance: event 0 is not finite; ask for what the model can make" in done.err


def test_fixed_particles_are_in_every_jet(run, model, tmp_path):
    fixed = tmp_path / "lead.csv"
    fixed.write_text("etarel,phirel,ptrel\n0.05,-0.02,0.3\n-0.1,0.03,0.2\n")
    common = ("sample", model, "--steps", 2, "--type", "t", "--num-particles", 12, "--fixed", fixed)
    done = run(*common, "--count", 6, "--out", tmp_path / "t.hdf5")
    assert done.code == 0, done.err
    jets = jetnet.read(tmp_path / "t.hdf5")
    for row in np.float32([[0.05, -0.02, 0.3], [-0.1, 0.03, 0.2]]):
        assert ((jets.particles == row).all(axis=2).sum(axis=1) == 1).all()
    assert jets.attributes["guided_by"] == {"fixed": str(fixed)}
    run(*common, "--count", 3, "--first", 2, "--batch", 2, "--out", tmp_path / "part.hdf5")
    part = jetnet.read(tmp_path / "part.hdf5")
    np.testing.assert_allclose(part.particles, jets.particles[2:5], **ALIKE)


def test_a_shard_of_conditions_is_that_of_their_lines(run, model, tmp_path):
    asked = tmp_path / "asked.csv"
    asked.write_text("type,num_particles\nt,20\ng,5\nt,21\nt,22\n")
    common = ("sample", model, "--conditions", asked, "--steps", 2)
    done = run(*common, "--first", 1, "--count", 1, "--out", tmp_path / "part")
    assert done.code == 0, done.err
    (file,) = (tmp_path / "part").iterdir()  # there is no second gluon jet
    part = jetnet.read(file)
    assert part.num_particles.tolist() == [21]
    run(*common, "--types", "t", "--out", tmp_path / "t.hdf5")
    whole = jetnet.read(tmp_path / "t.hdf5")
    np.testing.assert_allclose(part.particles[0], whole.particles[1], **ALIKE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--complete", "SEEN"], ["--complete", "--missing"]),
        (["--missing", "rows=0:2"], ["--missing", "--complete"]),
        (["--error", "1"], ["--error", "--complete"]),
        (["--complete", "SEEN", "--missing", "row=1"], ["--missing row=1", "columns=20:24"]),
        (["--complete", "SEEN", "--missing", "rows=2:2"], ["--missing rows=2:2", "0:16"]),
        (["--complete", "SEEN", "--missing", "rows=0:17"], ["--missing rows=0:17", "16 rows"]),
        (["--complete", "OTHER", "--missing", "rows=0:2"], ["OTHER", "shape is (1, 8, 8)"]),
        (["--complete", "SEEN", "--missing", "rows=0:2", "--plane", "1"], ["--plane", "SEEN"]),
        (
            ["--complete", "SEEN", "--missing", "rows=0:2", "--conditions", "SEEN"],
            ["--conditions", "--complete"],
        ),
        (["--complete", "SEEN", "--missing", "rows=0:2", "--types", "e-"], ["--types", "e-"]),
        (["--complete", "SEEN", "--missing", "rows=0:2", "--first", "8"], ["--first 8"]),
        (
            ["--complete", "SEEN", "--missing", "rows=0:2", "--measured", "charge=3,1"],
            ["--measured", "--complete"],
        ),
        (["--guidance", "2", "--measured", "charge=3,1"], ["--guidance", "--measured"]),
        (["--measured", "mass=80,1"], ["--measured mass=80,1", "charge, wavelets"]),
        (["--measured", "charge=80"], ["--measured charge=80", "charge=VALUE,ERROR"]),
        (["--measured", "charge=1,x"], ["--measured charge=1,x", "charge=VALUE,ERROR"]),
        (["--measured", "charge=80,0"], ["--measured charge=80,0", "positive"]),
        (["--measured", "charge=nan,1"], ["--measured charge=nan,1", "finite"]),
        (["--measured", "charge=1e39,1"], ["--measured charge=1e39,1", "finite"]),
        (
            ["--measured", "charge=-3,1"],
            ["--measured charge=-3,1", "of these images", "not negative"],
        ),
        (["--guidance", "nan"], ["--guidance nan", "finite"]),
        (["--guidance", "-3"], ["--guidance -3", "from 0 up"]),
        (["--guidance", "1e30"], ["--guidance 1e+30", "up to 100"]),
        (["--measured", "wavelets=3,1"], ["--measured wavelets=3,1", "numbers"]),
        (["--background", "OTHER"], ["OTHER", "(1, 8, 8)"]),
        (["--background", "absent.hdf5"], ["absent.hdf5"]),
        (["--fixed", "lead.csv"], ["--fixed", "models of jets"]),
    ],
)
def test_guidance_that_does_not_fit_is_refused(
    run, image_model, seen, seen_file, tmp_path_factory, tmp_path, options, words
):
    other = tmp_path_factory.mktemp("other") / "other.hdf5"
    nothing = {"segmentation": None, "momentum": None, "start": None, "corner": None}
    image_file.write(other, replace(seen, pixels=seen.pixels[..., :8, :8], **nothing))
    names = {"SEEN": str(seen_file), "OTHER": str(other)}
    options = [names.get(option, option) for option in options]
    done = run("sample", image_model, *options, "--out", tmp_path / "made.hdf5")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert all(names.get(word, word) in done.err for word in words), done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--complete", "seen.hdf5"], "--complete: is for models of images"),
        (["--missing", "rows=0:2"], "--missing: is for models of images"),
        (["--error", "1"], "--error: is for models of images"),
        (["--background", "seen.hdf5"], "--background: is for models of images"),
        (["--measured", "mass=80,1"], "ask for a mass with --mass"),
        (["--fixed", "absent.csv"], "absent.csv: cannot be read"),
    ],
)
def test_guidance_that_does_not_fit_jets_is_refused(run, model, tmp_path, options, words):
    done = run("sample", model, "--type", "t", *options, "--out", tmp_path / "t.hdf5")
    assert done.code == 2
    assert words in done.err and done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_more_fixed_particles_than_jets_have_are_refused_before_work(run, model, tmp_path):
    fixed = tmp_path / "many.csv"
    fixed.write_text("etarel,phirel,ptrel\n" + 31 * "0.01,0.02,0.03\n")
    done = run("sample", model, "--fixed", fixed, "--out", tmp_path / "jets")
    assert done.code == 2
    assert "many.csv: has 31 particles, jets of this model up to" in done.err
    assert not (tmp_path / "jets").exists()
