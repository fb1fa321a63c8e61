"""Training a generator of images, end to end, on made-up images."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from driftline.data.formats import image_file
from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.data.images import IMAGE_TYPES, Images
from driftline.errors import InputError
from driftline.image_generator import ImageGenerator
from driftline.observables.images import HitExtent
from driftline.training.images import (
    ImageEvents,
    Sparse,
    asked_images,
    finished_observables,
    image_observables,
    read_samples,
    train_images,
)
from driftline.training.loop import generator_for
from driftline.training.progress import ConsoleProgress
from driftline.training.recipe import ImageRecipe, read_recipe
from made_images import made_images
from tiny_models import tiny_image_generator

TINY = Path(__file__).parents[2] / "recipes" / "tiny-images.toml"
K = len(IMAGE_TYPES)


def recipe(*overrides: str) -> ImageRecipe:
    found = read_recipe(TINY, overrides)
    assert isinstance(found, ImageRecipe)
    return found


@pytest.fixture(scope="module")
def images() -> Images:
    made = made_images(120, planes=1, size=16)
    planes = (np.arange(120) % 3).astype(np.uint8)[:, None]
    return replace(made, planes=planes, event=np.arange(120) // 2)


@pytest.fixture(scope="module")
def data(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "images.hdf5"
    image_file.write(path, images)
    return path


def test_sparse_images_are_the_images(images: Images) -> None:
    sparse = Sparse(images.pixels, lambda values: 2 * values, empty=-1.0)
    index = np.array([3, 3, 119, 0])
    expected = np.where(images.pixels > 0, 2 * images.pixels, -1)[index]
    np.testing.assert_array_equal(sparse[index], expected)


def test_batches_are_encoded_images_and_what_is_told_of_them(images: Images) -> None:
    preprocessing = ImagePreprocessing.fit(images)
    events = ImageEvents(images, preprocessing)
    index = torch.arange(0, 120, 7)
    x, condition, mask = events.batch(index, generator_for(1))
    chosen = images[index.numpy()]
    assert mask is None
    np.testing.assert_allclose(preprocessing.decode(x.numpy()), chosen.pixels, rtol=1e-5)
    np.testing.assert_array_equal(condition, preprocessing.condition_of(chosen))
    assert events.batch(torch.arange(120), generator_for(1)).x0.std().item() == pytest.approx(
        1, abs=1e-4
    )


def test_turned_events_tell_their_turned_momentum_and_plane(images: Images) -> None:
    """The pixel with charge at a known place tells how an image was turned."""
    count, size = 400, 16
    place = np.array([2, -5, 7])  # x, y, z from the middle of the volume
    plane = np.arange(count) % 3
    middle = (size - 1) / 2
    row, column = place[plane], place[(plane + 1) % 3]
    pixels = np.zeros((count, 1, size, size), dtype=np.float32)
    pixels[np.arange(count), 0, row + size // 2, column + size // 2] = 1.0
    made = replace(
        images[np.zeros(count, dtype=int)],
        pixels=pixels,
        planes=plane.astype(np.uint8)[:, None],
        momentum=np.tile(100 * (place + 0.5), (count, 1)).astype(np.float32),
        start=np.tile(images.pitch * (place + size // 2 + 0.5), (count, 1)).astype(np.float32),
        corner=None,
    )
    preprocessing = ImagePreprocessing.fit(made)
    events = ImageEvents(made, preprocessing, exchanged="xyz", mirrored="xyz")
    x, condition, _ = events.batch(torch.arange(count), generator_for(2))
    assert condition is not None
    momentum, planes, start = (
        condition[:, preprocessing.condition_columns[name]]
        for name in ("momentum", "plane", "start")
    )
    assert (momentum[:, -1] == 1).all()
    within = momentum[:, -3:-1].numpy()
    momentum = momentum[:, :3] * np.linalg.norm(place + 0.5)
    n, _, rows, columns = (preprocessing.decode(x.numpy()) > 0).nonzero()
    np.testing.assert_array_equal(n, np.arange(count))
    new = planes.argmax(dim=1).numpy()
    np.testing.assert_allclose(momentum.numpy()[n, new], rows - middle, rtol=1e-6)
    np.testing.assert_allclose(momentum.numpy()[n, (new + 1) % 3], columns - middle, rtol=1e-6)
    seen = np.stack([rows - middle, columns - middle], axis=1) / np.linalg.norm(place + 0.5)
    np.testing.assert_allclose(within, seen, rtol=1e-5)
    told = np.stack([rows - middle, columns - middle], axis=1) / (size / 2)
    np.testing.assert_allclose(start[:, :-1], told, atol=1e-6)
    # Momenta to be told where none is asked for are turned with their planes: each is as likely
    # in all 48 forms on any plane, and component ``plane`` is still the one along the rows.
    turned = events.momenta(2000, generator_for(7))
    assert turned is not None
    assert len(np.unique(np.column_stack([turned.momentum, turned.planes]), axis=0)) == 48 * 3
    # All 48 occur, and nothing else.
    found = {tuple(m) for m in momentum.numpy().round(1)}
    assert {tuple(sorted(np.abs(m))) for m in found} == {(2.5, 4.5, 7.5)}
    assert len(found) == 48


def test_only_the_axes_named_are_exchanged_and_mirrored(images: Images) -> None:
    events = ImageEvents(images, ImagePreprocessing.fit(images), exchanged="zy", mirrored="x")
    permutation, signs = events.turns(200, generator_for(3))
    assert {tuple(p) for p in permutation} == {(0, 1, 2), (0, 2, 1)}
    assert {tuple(s) for s in signs} == {(1, 1, 1), (-1, 1, 1)}
    everything = ImageEvents(images, ImagePreprocessing.fit(images), exchanged="xyz")
    permutation, signs = everything.turns(200, generator_for(3))
    assert {tuple(p) for p in permutation} == set(permutations(range(3)))
    assert (signs == 1).all()


def test_conditions_are_left_out_each_on_its_own(images: Images) -> None:
    chances = {"class": 0.5, "momentum": 1.0}
    preprocessing = ImagePreprocessing.fit(images)
    events = ImageEvents(images, preprocessing, left_out=chances)
    index = torch.arange(120).repeat(5)
    condition = events.batch(index, generator_for(4)).condition
    assert condition is not None
    told = condition[:, :K].sum(dim=1)
    assert 0.4 < told.mean() < 0.6
    assert set(told.tolist()) == {0.0, 1.0}
    columns = preprocessing.condition_columns
    assert (condition[:, columns["momentum"]] == 0).all()
    assert (condition[:, columns["plane"]].sum(dim=1) == 1).all()


def test_images_of_unknown_momentum_are_not_told_one(images: Images) -> None:
    preprocessing = ImagePreprocessing.fit(images)
    events = ImageEvents(replace(images, momentum=None), preprocessing)
    condition = events.batch(torch.arange(10), generator_for(5)).condition
    assert condition is not None
    assert (condition[:, preprocessing.condition_columns["momentum"]] == 0).all()


def test_some_images_may_have_no_momentum(images: Images) -> None:
    """As a file may: a row of NaN, which turns do not change."""
    assert images.momentum is not None
    momentum = images.momentum.copy()
    momentum[:5] = np.nan
    preprocessing = ImagePreprocessing.fit(images)
    events = ImageEvents(
        replace(images, momentum=momentum),
        preprocessing,
        exchanged=("x", "y"),
        mirrored=("z",),
    )
    condition = events.batch(torch.arange(10), generator_for(5)).condition
    assert condition is not None
    told = condition[:, preprocessing.condition_columns["momentum"]]
    assert (told[:5] == 0).all()
    assert (told[5:, -1] == 1).all()


@pytest.mark.parametrize("turned", [(), ("x", "y", "z")])
def test_momenta_are_those_of_the_images(images: Images, turned: tuple[str, ...]) -> None:
    """Equally many of each class, of known ones only; turned, magnitudes stay."""
    assert images.momentum is not None
    momentum = images.momentum.copy()
    momentum[::2] = np.nan
    known = replace(images, momentum=momentum)
    preprocessing = ImagePreprocessing.fit(images)
    events = ImageEvents(known, preprocessing, exchanged=turned, mirrored=turned)
    found = events.momenta(50, generator_for(6))
    assert found is not None
    assert np.bincount(found.labels).tolist() == [50] * K
    rows = [
        np.flatnonzero(np.isclose(np.linalg.norm(momentum, axis=1), size, rtol=1e-6))
        for size in np.linalg.norm(found.momentum, axis=1)
    ]
    assert all(images.labels[n[0]] == label for n, label in zip(rows, found.labels, strict=True))
    if not turned:
        first = [n[0] for n in rows]
        np.testing.assert_array_equal(found.momentum, momentum[first])
        np.testing.assert_array_equal(found.planes, images.planes[first])
    unknown = ImageEvents(replace(images, momentum=None), preprocessing)
    assert unknown.momenta(50, generator_for(6)) is None
    never = ImageEvents(known, preprocessing, left_out={"momentum": 1.0})
    assert never.momenta(50, generator_for(6)) is None


@pytest.mark.parametrize("every", [1, 2, 3, 6])
def test_any_even_share_of_usual_images_has_all_planes(images: Images, every: int) -> None:
    generator = tiny_image_generator(images)
    usual = asked_images(generator, np.repeat(np.arange(2), 900)).events
    every_so_many = usual.batch(torch.arange(0, len(usual), every), generator_for(0)).condition
    assert every_so_many is not None
    told = every_so_many[:, generator.preprocessing.condition_columns["plane"]]
    for part in told.split(900 // every):
        shares = part.mean(dim=0)
        assert (abs(shares - 1 / 3) < 4 * (2 / 9 / len(part)) ** 0.5).all()


def test_usual_images_are_told_what_generated_ones_are(images: Images) -> None:
    """Of their classes, in no order of the planes."""
    generator = tiny_image_generator(images)
    p, labels = generator.preprocessing, np.repeat(np.arange(K), 3)
    momenta = ImageEvents(images, p).momenta(40, generator_for(1))
    generator = replace(generator, momenta=momenta)
    usual = asked_images(generator, labels).events
    assert len(usual) == len(labels)
    x, condition, mask = usual.batch(torch.arange(len(labels)), generator_for(0))
    assert mask is None and not x.any()
    assert condition is not None
    assert x.shape == (len(labels), *p.shape)
    np.testing.assert_array_equal(condition[:, :K].argmax(dim=1), labels)
    order = np.random.default_rng(0).permutation(len(labels))
    types = [p.types[k] for k in labels[order]]
    generated = generator.generate(len(labels), types, seed=0).images
    np.testing.assert_array_equal(condition[order], p.condition_of(generated))
    assert (condition[:, p.condition_columns["momentum"]].any(dim=1)).all()
    assert not condition[:, p.condition_columns["start"]].any()


def test_charge_of_finished_images_is_above_the_threshold(images: Images) -> None:
    p = ImagePreprocessing.fit(images)
    faint = torch.from_numpy(p.encode(images.pixels)) + 0.02
    own, finished = image_observables(p), finished_observables(p)
    assert set(finished) == {*own, "extent", "clusters", "hits"}
    decoded = p.decode(faint.numpy()).sum(axis=(2, 3))
    found, blurred = (named["charge"](faint, None, None) for named in (finished, own))
    np.testing.assert_allclose(found, decoded, rtol=1e-4)
    assert (blurred > 1.01 * torch.from_numpy(decoded)).all()
    hits = HitExtent(p.scale / 2)(torch.from_numpy(p.decode(faint.numpy())))
    torch.testing.assert_close(finished["hits"](faint, None, None), hits, rtol=1e-3, atol=1e-3)
    for name in ("spectrum", "topology"):
        torch.testing.assert_close(finished[name](faint, None, None), own[name](faint, None, None))


def test_samples_share_no_event(images: Images, data: Path, tmp_path: Path) -> None:
    training, validation = read_samples(data, 0.3)
    assert len(training) + len(validation) == len(images)
    assert not set(training.event) & set(validation.event)
    image_file.write(tmp_path / "train.hdf5", images[:30])
    image_file.write(tmp_path / "validation.hdf5", images[30:50])
    training, validation = read_samples(tmp_path, 0.3)
    np.testing.assert_array_equal(training.pixels, images.pixels[:30])
    np.testing.assert_array_equal(validation.pixels, images.pixels[30:50])
    with pytest.raises(InputError, match="no image for validation"):
        read_samples(data, 1e-9)


@pytest.mark.parametrize("schedule", ["VP", "VE", "SubVP"])
def test_a_trained_generator_generates(data: Path, tmp_path: Path, schedule: str) -> None:
    options = {"VE": "{name='VE', sigma_max=100.0}"}
    given = recipe(f"schedule={options.get(schedule, f'''{{name='{schedule}'}}''')}")
    model = train_images(given, data, tmp_path / "run", progress=ConsoleProgress)
    generator = ImageGenerator.load(model)
    assert type(generator.denoiser.schedule).__name__ == schedule
    images = generator.generate(6, seed=1).images
    assert images.pixels.shape == (6, 1, 16, 16)
    training = generator.card["training"]
    assert sum(training["images_per_class"].values()) > 80
    assert training["stages"]["image"]["events"] == 12 * 16
    assert len(training["stages"]["image"]["validation_losses"]) == 2
    assert generator.card["recipe"] == given.model_dump(mode="json")
    assert list((tmp_path / "run" / "log").glob("events.out.tfevents*"))


def test_stopped_and_resumed_gives_the_same_model_to_the_bit(data: Path, tmp_path: Path) -> None:
    constant = "training.decay=0"  # else the learning rate depends on the number of steps
    whole = train_images(recipe(constant), data, tmp_path / "whole")
    train_images(recipe(constant, "training.steps=5"), data, tmp_path / "parts")
    parts = train_images(recipe(constant), data, tmp_path / "parts", resume=True)
    a, b = (ImageGenerator.load(path).denoiser.state_dict() for path in (whole, parts))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_runs_are_not_overwritten_nor_resumed_with_another_recipe(
    data: Path, tmp_path: Path
) -> None:
    train_images(recipe("training.steps=1"), data, tmp_path)
    with pytest.raises(InputError, match="holds a training already.*--resume"):
        train_images(recipe("training.steps=1"), data, tmp_path)
    with pytest.raises(InputError, match="differs from the recipe"):
        train_images(recipe("mirrored=[]"), data, tmp_path, resume=True)


def test_a_training_goes_on_from_a_model(data: Path, tmp_path: Path) -> None:
    """Its weights and constants are the model's, also where the images would give others."""
    first = train_images(recipe("training.steps=3"), data, tmp_path / "first")
    brighter = image_file.read(data)
    brighter = replace(brighter, pixels=2 * brighter.pixels)
    image_file.write(tmp_path / "brighter.hdf5", brighter)
    still = ("training.steps=1", "training.learning_rate=1e-12", f"start={first}")
    second = train_images(recipe(*still), tmp_path / "brighter.hdf5", tmp_path / "second")
    a, b = ImageGenerator.load(first), ImageGenerator.load(second)
    assert a.preprocessing == b.preprocessing
    for name, weights in a.denoiser.state_dict().items():
        torch.testing.assert_close(b.denoiser.state_dict()[name], weights)
    assert b.card["recipe"]["start"] == str(first)
    assert b.card["start"] == {"training": a.card["training"]}
    # the run needs the first model no more
    first.unlink()
    longer = recipe(*still[1:], "training.steps=2")
    with pytest.raises(InputError, match="begun with other events"):
        train_images(longer, data, tmp_path / "second", resume=True)
    train_images(longer, tmp_path / "brighter.hdf5", tmp_path / "second", resume=True)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["start=nothing"], "nothing: no such model"),
        (["start=jets30"], "start: jets30 generates jets, not images"),
        (["start=lartpc64", "predicts=noise"], "start: lartpc64 predicts 'edm'"),
        (["start=lartpc64"], "network 'image' of the model has another form"),
        (["start=lartpc64", "preprocessing.scale=3"], "has 0.2 as preprocessing.scale.*3"),
        (["start=lartpc64", "preprocessing.foo=3"], "has None as preprocessing.foo"),
    ],
)
def test_models_that_a_training_cannot_go_on_from(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    image_file.write(tmp_path / "images.hdf5", made_images(40, planes=1, size=64))
    with pytest.raises(InputError, match=message):
        train_images(recipe(*overrides), tmp_path / "images.hdf5", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("network.name=unit", "unknown network 'unit'"),
        ("network.packing=5", "cannot be halved"),
        ("schedule.name=VQ", "unknown schedule 'VQ'"),
        ("predicts=nothing", "unknown prediction target"),
        ("levels.width=2", "levels 'normal'"),
        ("preprocessing.width=2", "preprocessing"),
        ("preprocessing.transform=sqrt", "transform 'sqrt'"),
    ],
)
def test_wrong_names_in_a_recipe(data: Path, tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train_images(recipe(override), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_images_that_are_not_square_are_not_turned(tmp_path: Path) -> None:
    flat = made_images(40, planes=1, size=16)
    flat = replace(flat, pixels=flat.pixels[:, :, :8])
    with pytest.raises(InputError, match="8 x 16 pixels cannot be turned"):
        ImageEvents(flat, ImagePreprocessing.fit(flat), exchanged="xy")
