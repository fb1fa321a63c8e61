"""The generator of images: what it makes, conditions, reproducibility, and its file."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import driftline
from driftline.data.image_conditions import start_pixels
from driftline.data.image_symmetries import transformed_images, transformed_points
from driftline.data.images import IMAGE_TYPES, Images
from driftline.data.momenta import Momenta
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.samplers import DPMSolver, EulerMaruyama
from driftline.errors import InputError
from driftline.fingerprint import fingerprint
from driftline.image_generator import NETWORK, ImageGenerator
from driftline.image_guidance import Emphasis, KnownPixels
from driftline.network_samplers import NetworkSamplers
from driftline.networks import build
from made_images import made_images
from tiny_models import tiny_image_generator

FAST = DPMSolver(3)


@pytest.fixture(scope="module")
def generator() -> ImageGenerator:
    return tiny_image_generator(made_images(40, planes=1, size=16))


def with_random_weights(generator: ImageGenerator) -> ImageGenerator:
    """Its network no longer starts at zero, so that it sees its condition."""
    again = deepcopy(generator)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in again.denoiser.parameters():
            p += 0.2 * torch.randn(p.shape, generator=draw)
    return again


def test_images_are_physical_and_say_where_they_come_from(generator: ImageGenerator) -> None:
    told: list[int] = []
    made = generator.generate(30, sampler=FAST, seed=1, batch=12, progress=told.append)
    images = made.images
    assert images.pixels.shape == (30, 1, 16, 16)
    assert images.pixels.dtype == np.float32
    assert np.isfinite(images.pixels).all()
    assert ((images.pixels == 0) | (images.pixels >= np.float32(0.05))).all()
    assert 0.1 < (images.pixels == 0).mean() < 0.9
    assert (images.unit, images.threshold, images.pitch) == ("MeV", 0.05, 0.5)
    assert images.momentum is None
    assert images.event.tolist() == list(range(30))
    assert images.attributes["seed"] == 1
    assert images.attributes["model"] == "tiny"
    assert NetworkSamplers.parse(images.attributes["sampler"]) == NetworkSamplers((FAST,))
    assert told == [12, 12, 6]
    assert made.evaluations == made.costs.evaluations == 3
    assert made.cost.calls == 9
    assert made.seconds == made.costs.seconds > 0
    assert made.events is images
    assert made.repaired == {}


def test_an_untrained_network_samples_encoded_images_as_a_unit_normal(
    generator: ImageGenerator,
) -> None:
    """Its denoiser is exactly that of a unit normal, which the threshold cuts."""
    p = generator.preprocessing
    images = generator.generate(200, sampler=DPMSolver(20), seed=2).images
    z = torch.special.ndtri(torch.linspace(0.5, 0.99, 5, dtype=torch.float64)).numpy()
    expected = p.decode(z.astype(np.float32))
    found = np.quantile(images.pixels, np.linspace(0.5, 0.99, 5))
    np.testing.assert_allclose(found, expected, rtol=0.05)


@pytest.mark.parametrize("sampler", [FAST, EulerMaruyama(6)])
def test_an_image_depends_on_its_seed_and_number_alone(
    generator: ImageGenerator, sampler: DPMSolver | EulerMaruyama
) -> None:
    model = with_random_weights(generator)
    whole = model.generate(20, sampler=sampler, seed=3).images
    split = model.generate(20, sampler=sampler, seed=3, batch=7).images
    np.testing.assert_allclose(split.pixels, whole.pixels, rtol=1e-3, atol=1e-3)
    shard = model.generate(5, sampler=sampler, seed=3, first=10).images
    np.testing.assert_allclose(shard.pixels, whole.pixels[10:15], rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(shard.labels, whole.labels[10:15])
    np.testing.assert_array_equal(shard.planes, whole.planes[10:15])
    np.testing.assert_array_equal(shard.event, whole.event[10:15])
    other = model.generate(20, sampler=sampler, seed=4).images
    assert not np.allclose(other.pixels, whole.pixels)


def test_classes_and_planes_are_in_equal_shares_unless_asked_for(
    generator: ImageGenerator,
) -> None:
    images = generator.generate(36, sampler=FAST).images
    pairs = list(zip(images.labels.tolist(), images.planes[:, 0].tolist()))
    assert sorted(set(pairs)) == [(k, p) for k in range(6) for p in range(3)]
    assert max(map(pairs.count, pairs)) == 2
    protons = generator.generate(6, "p", sampler=FAST).images
    assert protons.present == ("p",)
    assert protons.planes[:, 0].tolist() == [0, 1, 2, 0, 1, 2]
    chosen = generator.generate(2, ["mu-", "p"], sampler=FAST, plane=[2, 0]).images
    assert [chosen.types[k] for k in chosen.labels] == ["mu-", "p"]
    assert chosen.planes[:, 0].tolist() == [2, 0]
    assert (generator.generate(3, sampler=FAST, plane=1).images.planes == 1).all()


def test_conditions_reach_the_network(generator: ImageGenerator) -> None:
    model = with_random_weights(generator)

    def pixels(**asked: object) -> np.ndarray:
        return model.generate(4, "p", sampler=FAST, seed=5, **asked).images.pixels  # type: ignore[arg-type]

    plain = pixels(plane=0)
    assert not np.array_equal(pixels(plane=1), plain)
    forward, backward = (
        pixels(plane=0, momentum=[0, 0, 300.0]),
        pixels(plane=0, momentum=[0, 0, -300.0]),
    )
    assert not np.array_equal(forward, plain)
    assert not np.array_equal(forward, backward)
    np.testing.assert_array_equal(pixels(plane=0, momentum=[np.nan] * 3), plain)
    some = np.full((4, 3), np.nan)
    some[1] = [0, 0, 300.0]
    mixed = model.generate(4, "p", sampler=FAST, seed=5, plane=0, momentum=some).images
    np.testing.assert_allclose(mixed.pixels[1], forward[1], rtol=1e-5)
    np.testing.assert_allclose(mixed.pixels[[0, 2, 3]], plain[[0, 2, 3]], rtol=1e-5)
    np.testing.assert_array_equal(mixed.momentum, some.astype(np.float32))


def with_momenta(generator: ImageGenerator) -> ImageGenerator:
    """Random weights, and six momenta for each class and plane."""
    rng = np.random.default_rng(3)
    labels, planes = (a.ravel().astype(np.uint8) for a in np.mgrid[:6, :18])
    momenta = Momenta(rng.normal(0, 300, (108, 3)).astype(np.float32), labels, planes[:, None] % 3)
    return replace(with_random_weights(generator), momenta=momenta)


def test_a_momentum_that_is_not_asked_for_is_drawn_and_told(generator: ImageGenerator) -> None:
    model = with_momenta(generator)
    drawn = model.generate(9, "p", sampler=FAST, seed=5).images
    assert drawn.momentum is not None and model.momenta is not None
    known = {tuple(row) for row in model.momenta.momentum[-18:].tolist()}
    assert all(tuple(row) in known for row in drawn.momentum.tolist())
    assert drawn.attributes["asked"] == []
    told = model.generate(9, "p", sampler=FAST, seed=5, momentum=drawn.momentum).images
    np.testing.assert_array_equal(told.pixels, drawn.pixels)
    # the same in any shard, and another for another seed
    part = model.generate(2, "p", sampler=FAST, seed=5, first=4).images
    np.testing.assert_array_equal(part.momentum, drawn.momentum[4:6])
    other = model.generate(9, "p", sampler=FAST, seed=6).images
    assert not np.array_equal(other.momentum, drawn.momentum)
    # only of those that are not asked
    some = np.full((9, 3), np.nan)
    some[1] = [0, 0, 300.0]
    mixed = model.generate(9, "p", sampler=FAST, seed=5, momentum=some).images
    np.testing.assert_array_equal(mixed.momentum[1], some[1])
    np.testing.assert_array_equal(np.delete(mixed.momentum, 1, 0), np.delete(drawn.momentum, 1, 0))


def mirroring(model: ImageGenerator, *axes: str) -> ImageGenerator:
    """The same model, of a training that mirrored these axes at random."""
    return replace(model, card=model.card | {"recipe": {"mirrored": list(axes)}})


def signs_of(model: ImageGenerator, count: int) -> np.ndarray:
    """Which axes of each event are turned."""
    plain = replace(model, card={"name": "tiny"})
    made, own = (m.generate(count, "p", sampler=FAST, seed=5).images for m in (model, plain))
    np.testing.assert_array_equal(np.abs(made.momentum), np.abs(own.momentum))
    return np.sign(made.momentum * own.momentum).astype(np.int64)


def test_of_mirrored_axes_half_of_the_events_are_turned(generator: ImageGenerator) -> None:
    model = with_momenta(generator)
    along_x = signs_of(mirroring(model, "x"), 60)
    assert 15 < (along_x[:, 0] < 0).sum() < 45
    assert (along_x[:, 1:] > 0).all()
    turned = mirroring(model, "x", "y", "z")
    signs = signs_of(turned, 60)
    assert len(np.unique(signs, axis=0)) == 8
    np.testing.assert_array_equal(signs[:, 0], along_x[:, 0])
    made, own = (m.generate(60, "p", sampler=FAST, seed=5).images for m in (turned, model))
    axes = np.tile(np.arange(3), (60, 1))
    expected, planes = transformed_images(own.pixels, own.planes, axes, signs)
    np.testing.assert_array_equal(made.pixels, expected)
    np.testing.assert_array_equal(made.planes, planes)
    part = turned.generate(3, "p", sampler=FAST, seed=5, first=7).images
    np.testing.assert_allclose(part.pixels, made.pixels[7:10], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("planes", [1, 3])
def test_a_turned_event_has_the_momentum_and_start_that_it_is_asked_for(
    generator: ImageGenerator, planes: int
) -> None:
    plain = with_random_weights(tiny_image_generator(made_images(40, planes=planes, size=16)))
    turned = mirroring(plain, "x", "y", "z")
    momenta = np.random.default_rng(1).normal(0, 300, (8, 3)).astype(np.float32)
    x, y, z = 3.0, 5.5, 11.0
    place = np.array([[x, y]] if planes == 1 else [[x, y], [y, z], [z, x]])
    starts = np.tile(place, (8, 1, 1))
    shown = {} if planes == 3 else {"plane": 0}

    def images(model: ImageGenerator, asked: np.ndarray, begins: np.ndarray) -> Images:
        begins = begins[:, 0] if planes == 1 else begins
        return model.generate(
            8, "p", sampler=FAST, seed=5, momentum=asked, start=begins, **shown
        ).images

    made = images(turned, momenta, starts)
    np.testing.assert_array_equal(made.momentum, momenta)
    np.testing.assert_allclose(start_pixels(made), starts)
    signs = signs_of(mirroring(with_momenta(generator), "x", "y", "z"), 8)
    turns = np.tile(np.arange(3), (8, 1)), signs
    begins = transformed_points(starts, made.planes, *turns, (16, 16))
    mirror = images(plain, momenta * signs, begins)
    expected, _ = transformed_images(mirror.pixels, mirror.planes, *turns)
    np.testing.assert_allclose(made.pixels, expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(made.pixels, images(plain, momenta, starts).pixels, atol=1e-3)


def test_what_guidance_knows_is_not_turned(generator: ImageGenerator) -> None:
    pixels = np.zeros((1, 16, 16), np.float32)
    known = KnownPixels(pixels, np.zeros(pixels.shape, bool))
    model = with_momenta(generator)
    made, own = (
        m.generate(6, "p", sampler=FAST, seed=5, guidance=known).images
        for m in (mirroring(model, "x", "y", "z"), model)
    )
    np.testing.assert_array_equal(made.pixels, own.pixels)


def test_guided_images_are_told_no_momentum_that_is_not_asked_for(
    generator: ImageGenerator,
) -> None:
    """What they are guided to may go with another one."""
    pixels = np.zeros((1, 16, 16), np.float32)
    known = KnownPixels(pixels, np.zeros(pixels.shape, bool))
    model = with_momenta(generator)
    made = model.generate(3, "p", sampler=FAST, seed=5, guidance=known).images
    assert made.momentum is None
    plain = replace(model, momenta=None).generate(3, "p", sampler=FAST, seed=5, guidance=known)
    np.testing.assert_array_equal(made.pixels, plain.images.pixels)


def test_emphasis_of_one_changes_nothing(generator: ImageGenerator) -> None:
    model = with_momenta(generator)
    plain = model.generate(3, "p", sampler=FAST, seed=5).images
    same = model.generate(3, "p", sampler=FAST, seed=5, guidance=Emphasis(1.0)).images
    np.testing.assert_array_equal(same.momentum, plain.momentum)
    np.testing.assert_allclose(same.pixels, plain.pixels, rtol=1e-4, atol=1e-5)


def test_what_guidance_does_not_know_is_turned(generator: ImageGenerator) -> None:
    model = mirroring(with_momenta(generator), "x", "y", "z")
    plain = model.generate(6, "p", sampler=FAST, seed=5).images
    same = model.generate(6, "p", sampler=FAST, seed=5, guidance=Emphasis(1.0)).images
    np.testing.assert_array_equal(same.momentum, plain.momentum)
    np.testing.assert_allclose(same.pixels, plain.pixels, rtol=1e-4, atol=1e-5)
    assert (signs_of(model, 6) < 0).any()


def test_a_model_that_turns_events_is_another_one(
    generator: ImageGenerator, tmp_path: Path
) -> None:
    turned = mirroring(generator, "y")
    turned.save(tmp_path / "m.safetensors")
    again = ImageGenerator.load(tmp_path / "m.safetensors")
    assert again.mirrored == ("y",)
    assert generator.mirrored == ()
    assert fingerprint(again) == fingerprint(turned) != fingerprint(generator)


def test_momenta_go_with_the_model(generator: ImageGenerator, tmp_path: Path) -> None:
    model = with_momenta(generator)
    model.save(tmp_path / "m.safetensors")
    again = ImageGenerator.load(tmp_path / "m.safetensors")
    assert model.momenta is not None and again.momenta is not None
    assert again.momenta.digest == model.momenta.digest
    assert fingerprint(again) == fingerprint(model) != fingerprint(generator)
    images = model.generate(3, "p", sampler=FAST, seed=1).images
    np.testing.assert_array_equal(
        again.generate(3, "p", sampler=FAST, seed=1).images.pixels, images.pixels
    )
    problem = model.problems(12, 5)["image"]
    drawn = model.generate(12, sampler=FAST, seed=5).images
    np.testing.assert_array_equal(problem.condition, model.preprocessing.condition_of(drawn))


def test_starts_reach_the_network_and_the_file(generator: ImageGenerator) -> None:
    model = with_random_weights(generator)

    def made(start: object) -> Images:
        return model.generate(3, "p", sampler=FAST, seed=5, plane=[0, 1, 2], start=start).images  # type: ignore[arg-type]

    plain, upper, lower = made(None), made([2.0, 3.5]), made([12.0, 3.5])
    assert not np.array_equal(upper.pixels, plain.pixels)
    assert not np.array_equal(upper.pixels, lower.pixels)
    assert plain.start is None
    some = np.array([[12.0, 3.5], [np.nan, np.nan], [2.0, 3.5]])
    mixed = made(some)
    for n, same in enumerate((lower, plain, upper)):
        np.testing.assert_allclose(mixed.pixels[n], same.pixels[n], rtol=1e-5)
    found = start_pixels(mixed)
    assert found is not None
    np.testing.assert_allclose(found[:, 0], some)
    assert np.isnan(mixed.start[0, 2])


def test_models_of_three_planes_make_all_of_them() -> None:
    model = tiny_image_generator(made_images(40, planes=3, size=16))
    images = model.generate(4, sampler=FAST).images
    assert images.pixels.shape == (4, 3, 16, 16)
    assert images.planes.tolist() == [[0, 1, 2]] * 4
    with pytest.raises(InputError, match="3 planes at once"):
        model.generate(4, sampler=FAST, plane=0)
    x, y, z = 1.0, 2.0, 3.0
    started = model.generate(2, sampler=FAST, start=[[x, y], [y, z], [z, x]]).images
    assert started.start is not None
    np.testing.assert_allclose(started.start, [np.array([x, y, z]) * started.pitch] * 2)
    with pytest.raises(InputError, match="not those of one place"):
        model.generate(2, sampler=FAST, start=[[x, y], [y + 1, z], [z, x]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count"),
        ({"count": 2, "particle": "K+"}, "unknown particle 'K\\+'.*e-"),
        ({"count": 2, "particle": ["p"]}, "1 classes for 2 images"),
        ({"count": 2, "momentum": [1.0, 2.0]}, "momentum has shape"),
        ({"count": 2, "momentum": [0.0, 0.0, 0.0]}, "momentum: of image 0 is zero"),
        ({"count": 2, "momentum": [1.0, 2.0, np.inf]}, "momentum: of image 0 is infinite"),
        ({"count": 2, "momentum": [1.0, 2.0, 1e39]}, "momentum: of image 0 .* in float32 too"),
        ({"count": 2, "momentum": [1.0, 2.0, np.nan]}, "momentum: of image 0 .* NaN in part"),
        ({"count": 2, "start": [1.0, 2.0, 3.0]}, "start has shape"),
        ({"count": 2, "start": [1.0, np.nan]}, "start: of image 0 .* NaN in part"),
        ({"count": 2, "start": [1.0, 10_001.0]}, "start: lies more than 10,000 pixels away"),
        ({"count": 2, "plane": 3}, "plane must be a whole number from 0 to 2"),
        ({"count": 2, "plane": 0.5}, "plane must be a whole number"),
        ({"count": 2, "plane": [0, 1, 2]}, "plane has shape"),
        ({"count": 2, "sampler": NetworkSamplers((FAST, DPMSolver(4)))}, "2 samplers"),
        ({"count": 2, "sampler": "fastest"}, "sampler: .*fastest"),
    ],
)
def test_bad_requests_are_refused(
    generator: ImageGenerator, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        generator.generate(**{"sampler": FAST, **arguments})  # type: ignore[arg-type]


def test_classes_that_were_not_trained_are_unknown() -> None:
    images = made_images(40, planes=1, size=16)
    model = tiny_image_generator(images[images.labels < 3])
    assert model.types == IMAGE_TYPES[:3]
    images = model.generate(6, sampler=FAST).images
    assert images.labels.tolist() == [0, 1, 2, 0, 1, 2]
    with pytest.raises(InputError, match="unknown particle 'p'"):
        model.generate(2, "p", sampler=FAST)


def test_problems_are_what_generate_samples(generator: ImageGenerator) -> None:
    problem = generator.problems(12, seed=0)[NETWORK]
    images = generator.generate(12, sampler=FAST).images
    assert problem.shape == images.pixels.shape[1:]
    p = generator.preprocessing
    np.testing.assert_array_equal(problem.condition, p.condition_of(images))


@pytest.mark.parametrize("particle", [None, "p", ["mu-", "p", "mu-", "e-", "p"]])
def test_the_usual_condition_is_what_generated_images_are_told(
    generator: ImageGenerator, particle: str | list[str] | None
) -> None:
    model = with_momenta(generator)
    images = model.generate(5, particle, sampler=FAST, seed=8).images
    told = model.usual_condition(5, particle, seed=8)
    np.testing.assert_array_equal(told, model.preprocessing.condition_of(images))


def test_unlike_images_are_told(generator: ImageGenerator) -> None:
    images = made_images(3, planes=1, size=16)
    assert generator.unlike(images) is None
    assert "shape" in str(generator.unlike(made_images(3, planes=1, size=32)))
    assert "unit" in str(generator.unlike(replace(images, unit="ADC")))


def test_model_file_round_trip(generator: ImageGenerator, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = with_random_weights(generator)
    model.save(path)
    again = driftline.load(path)
    assert isinstance(again, ImageGenerator)
    a, b = (g.generate(6, sampler=FAST, seed=5).images for g in (model, again))
    np.testing.assert_array_equal(a.pixels, b.pixels)
    assert again.constants == json.loads(json.dumps(model.constants))
    with pytest.raises(InputError, match="--force"):
        model.save(path)
    model.save(path, force=True)


def rewrite(path: Path, **changes: object) -> None:
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["driftline"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    save_file(tensors, path, metadata={"driftline": json.dumps({**header, **changes})})


def test_momenta_of_another_model_are_refused(generator: ImageGenerator, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with_momenta(generator).save(path)
    with safe_open(path, "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    for change in (
        {"momenta.momentum": tensors["momenta.momentum"] + 1},
        {"momenta.labels": tensors["momenta.labels"][:-1].clone()},
    ):
        save_file(tensors | change, path, metadata)
        with pytest.raises(InputError, match="damaged model file .*momenta"):
            ImageGenerator.load(path)


def test_mirrors_of_another_training_are_refused(generator: ImageGenerator, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    mirroring(generator, "y").save(path)
    for change in ({"mirrored": ["x"]}, {"card": {"recipe": {}}}, {"card": {"recipe": None}}):
        rewrite(path, **change)
        with pytest.raises(InputError, match="damaged model file"):
            ImageGenerator.load(path)


def test_damaged_model_files_are_refused(generator: ImageGenerator, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    generator.save(path)
    whole = path.read_bytes()
    rewrite(path, networks={NETWORK: {"name": "unet", "options": {"shape": [1, 16, 16]}}})
    with pytest.raises(InputError, match="damaged"):
        driftline.load(path)
    path.write_bytes(whole)
    rewrite(path, kind="showers")
    with pytest.raises(InputError, match="kind 'showers' generates no events"):
        driftline.load(path)
    path.write_bytes(whole)
    rewrite(path, kind="jets")
    with pytest.raises(InputError, match="damaged"):
        driftline.load(path)


def test_models_that_are_told_otherwise_are_refused(
    generator: ImageGenerator, tmp_path: Path
) -> None:
    """As by a version that told momenta as three components."""
    spec = {**generator.network, "options": {**generator.network["options"], "condition": 13}}
    denoiser = Denoiser(
        build(spec["name"], **spec["options"]),
        generator.denoiser.schedule,
        generator.denoiser.predicts,
    )
    replace(generator, denoiser=denoiser, network=spec).save(tmp_path / "old.safetensors")
    with pytest.raises(InputError, match=r"is told 13 numbers .* tells 27; train it again"):
        ImageGenerator.load(tmp_path / "old.safetensors")
