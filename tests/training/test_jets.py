"""Training a generator of jets, end to end, on toy jets."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from driftline.data.clouds import JET_TYPES, Jets
from driftline.data.preprocessing import JetPreprocessing
from driftline.data.structure import structure
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import sample
from driftline.errors import InputError
from driftline.generator import NETWORKS, Generator
from driftline.streams import Stream
from driftline.training.jets import (
    JetLevelEvents,
    ParticleLevelEvents,
    asked_particles,
    split,
    train_jets,
)
from driftline.training.loop import generator_for
from driftline.training.progress import ConsoleProgress
from driftline.training.recipe import read_recipe
from tiny_models import tiny_generator

TINY = Path(__file__).parents[2] / "recipes" / "tiny.toml"


def test_split_takes_the_last_jets_of_each_class(make_jets: Callable[..., Jets]) -> None:
    jets = make_jets(50)
    training, validation = split(jets, 0.1)
    for name in JET_TYPES:
        whole = jets.of_type(name).features
        np.testing.assert_array_equal(training.of_type(name).features, whole[:45])
        np.testing.assert_array_equal(validation.of_type(name).features, whole[45:])
    with pytest.raises(InputError, match="10 jets of class g"):
        split(make_jets(10), 0.1)


def test_jet_level_batches_hide_what_is_given(toy_jets: Jets) -> None:
    events = JetLevelEvents(toy_jets, JetPreprocessing.fit(toy_jets), True, given=0.5)
    x, condition, mask = events.batch(torch.arange(1000), generator_for(1))
    assert condition is not None
    assert mask is not None
    one_hot, values, flags = condition.split([5, 4, 4], dim=1)
    assert mask[:, 4:].all()  # the structure is never given
    x, mask = x[:, :4], mask[:, :4]
    assert torch.equal(one_hot.argmax(dim=1), torch.from_numpy(toy_jets.labels))
    assert torch.equal(flags.bool(), ~mask)
    assert (x[~mask] == 0).all()
    assert (values[mask] == 0).all()
    assert 0.4 < (flags.sum(1) == 0).float().mean() < 0.65
    encoded = x + values
    assert encoded.mean().abs() < 0.1
    assert encoded.std().item() == pytest.approx(1, abs=0.1)


def test_particle_level_batches_are_encoded_jets_and_their_mirror_images(toy_jets: Jets) -> None:
    preprocessing = JetPreprocessing.fit(toy_jets)
    events = ParticleLevelEvents(toy_jets, preprocessing, reflections=True)
    index = torch.arange(0, 1000, 7)
    x, condition, mask = events.batch(index, generator_for(2))
    assert condition is not None
    assert mask is not None
    rows = index.numpy()
    decoded = preprocessing.decode_particles(x.numpy(), mask.numpy(), toy_jets.labels[rows])
    features = preprocessing.decode_features(condition[:, 5:9].numpy(), toy_jets.labels[rows])
    z_structure = preprocessing.encode_structure(
        structure(decoded), toy_jets.labels[rows], np.full((len(rows), 8), 0.5)
    )
    told = preprocessing.particle_condition(
        toy_jets.labels[rows], condition[:, 5:9].numpy(), z_structure
    )
    dequantised = [9, 10, 11]  # axis and ptrel, by less than any resolution
    np.testing.assert_allclose(
        np.delete(condition, dequantised, axis=1), np.delete(told, dequantised, axis=1), atol=2e-3
    )
    signs = np.sign(decoded[:, 0, :2] * toy_jets.particles[rows, 0, :2])
    assert {tuple(s) for s in signs.astype(int)} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    expected = toy_jets.particles[rows].copy()
    expected[..., :2] *= signs[:, None]
    np.testing.assert_allclose(decoded, expected, atol=1e-5)
    jet = toy_jets.features[rows].copy()
    jet[:, 1] *= signs[:, 0]
    np.testing.assert_allclose(features, jet, rtol=1e-4, atol=1e-5)
    # The sample itself must not have been mirrored in place.
    again = events.batch(index, generator_for(2))
    assert torch.equal(again.x0, x)
    assert torch.equal(again.condition, condition)


def test_particles_are_asked_for_and_finished_as_when_jets_are_generated(toy_jets: Jets) -> None:
    """What the particle level makes of the noise of a seed becomes the jets of that seed."""
    generator = tiny_generator(toy_jets)
    p, labels = generator.preprocessing, np.repeat(np.unique(toy_jets.labels), 20)
    asked = asked_particles(generator, labels)
    _, condition, mask = asked.events.batch(torch.arange(len(labels)), generator_for(0))
    made = sample(
        generator.particle_level,
        generator.default_sampler.each(NETWORKS)[1],
        noise=Noise(0, Stream.SECOND_NETWORK),
        events=torch.arange(len(labels)),
        shape=(p.max_particles, 3),
        condition=condition,
        mask=mask,
    ).x
    finished = asked.finished(made, condition, mask)
    assert mask is not None
    decoded = p.decode_particles(finished.numpy(), mask.numpy(), labels)
    generated = generator.generate(len(labels), [p.types[k] for k in labels], seed=0).jets
    np.testing.assert_array_equal(mask, generated.mask)
    np.testing.assert_allclose(decoded, generated.particles, atol=1e-5)
    assert abs(p.decode_particles(made.numpy(), mask.numpy(), labels) - decoded).max() > 1e-3


def test_without_reflections_nothing_is_mirrored(toy_jets: Jets) -> None:
    preprocessing = JetPreprocessing.fit(toy_jets)
    events = ParticleLevelEvents(toy_jets, preprocessing, reflections=False)
    x = events.batch(torch.arange(50), generator_for(3)).x0
    assert torch.equal(x, events.particles[:50])


@pytest.mark.parametrize("network", ["epic", "transformer"])
def test_a_trained_generator_generates(toy_data: Path, tmp_path: Path, network: str) -> None:
    recipe = read_recipe(TINY, [f"particle_level.network.name={network}"])
    model = train_jets(recipe, toy_data, tmp_path / "run", progress=ConsoleProgress)
    generator = Generator.load(model)
    jets = generator.generate(20, seed=1).jets
    assert len(jets) == 20
    assert jets.particles.shape[1:] == (30, 3)
    training = generator.card["training"]
    assert training["jets_per_class"] == dict.fromkeys(JET_TYPES, 270)
    assert training["stages"]["particle_level"]["events"] == 60 * 128
    assert len(training["stages"]["jet_level"]["validation_losses"]) == 2
    assert generator.card["recipe"] == recipe.model_dump(mode="json")
    assert list((tmp_path / "run" / "particle_level" / "log").glob("events.out.tfevents*"))


def test_killed_and_resumed_gives_the_same_model_to_the_bit(toy_data: Path, tmp_path: Path) -> None:
    whole = train_jets(read_recipe(TINY), toy_data, tmp_path / "whole")
    run = tmp_path / "killed"
    code = (
        "import sys; from pathlib import Path\n"
        "from driftline.training.jets import train_jets\n"
        "from driftline.training.recipe import read_recipe\n"
        "train_jets(read_recipe(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, "-c", code, str(TINY), str(toy_data), str(run)]
    with subprocess.Popen(command, env=environment) as process:
        # Killed as soon as the second stage has its first checkpoint.
        while not (run / "particle_level" / "checkpoint.safetensors").exists():
            assert process.poll() in (None, 0)
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    resumed = train_jets(read_recipe(TINY), toy_data, run, resume=True)
    first, second = Generator.load(whole), Generator.load(resumed)
    for level in ("jet_level", "particle_level"):
        a, b = getattr(first, level).state_dict(), getattr(second, level).state_dict()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_runs_are_not_overwritten_nor_resumed_with_another_recipe(
    toy_data: Path, tmp_path: Path
) -> None:
    short = [f"{level}.training.steps=2" for level in ("jet_level", "particle_level")]
    train_jets(read_recipe(TINY, short), toy_data, tmp_path)
    with pytest.raises(InputError, match="holds a training already.*--resume"):
        train_jets(read_recipe(TINY, short), toy_data, tmp_path)
    with pytest.raises(InputError, match="differs from the recipe"):
        train_jets(read_recipe(TINY, [*short, "seed=9"]), toy_data, tmp_path, resume=True)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "recipe.json").write_text("{")
    with pytest.raises(InputError, match=r"recipe\.json: damaged"):
        train_jets(read_recipe(TINY, short), toy_data, tmp_path / "damaged", resume=True)
    longer = [f"{level}.training.steps=4" for level in ("jet_level", "particle_level")]
    with pytest.raises(InputError, match="begun with other events"):
        train_jets(read_recipe(TINY, longer), toy_data / "t.hdf5", tmp_path, resume=True)
    model = train_jets(read_recipe(TINY, longer), toy_data, tmp_path, resume=True)
    assert Generator.load(model).card["training"]["stages"]["jet_level"]["steps"] == 4
    assert json.loads((tmp_path / "training.json").read_text())["jets_per_class"]["g"] == 270


def test_a_training_goes_on_from_a_model(toy_data: Path, tmp_path: Path) -> None:
    levels = ("jet_level", "particle_level")
    short = [f"{level}.training.steps=1" for level in levels]
    first = train_jets(read_recipe(TINY, short), toy_data, tmp_path / "first")
    still = [f"{level}.training.learning_rate=1e-12" for level in levels]
    again = read_recipe(TINY, [*short, *still, f"start={first}", "seed=5"])
    second = train_jets(again, toy_data, tmp_path / "second")
    a, b = Generator.load(first), Generator.load(second)
    assert a.preprocessing.to_dict() == b.preprocessing.to_dict()
    for name, denoiser in a.denoisers.items():
        for key, weights in denoiser.state_dict().items():
            torch.testing.assert_close(b.denoisers[name].state_dict()[key], weights)
    gluons = train_jets(read_recipe(TINY, short), toy_data / "g.hdf5", tmp_path / "gluons")
    with pytest.raises(InputError, match="has class q, the model knows g"):
        train_jets(read_recipe(TINY, [f"start={gluons}"]), toy_data, tmp_path / "third")
    for override, message in (
        ([f"start={first}", "particles=10"], "jets of up to 30 particles"),
        (["start=jets30-fast"], "start: jets30-fast: a distilled model"),
    ):
        with pytest.raises(InputError, match=message):
            train_jets(read_recipe(TINY, override), toy_data, tmp_path / "third")
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("particle_level.network.name=epik", "unknown network 'epik'"),
        ("particle_level.network.hiden=3", "unknown option 'hiden'"),
        ("schedule.name=VQ", "unknown schedule 'VQ'"),
        ("schedule.beta_max=0.01", "beta_min < beta_max"),
        ("predicts=nothing", "unknown prediction target"),
        ("particle_level.levels.name=log", "unknown levels 'log'"),
        ("particle_level.levels={name='uniform', width=2}", "levels 'uniform'"),
        ("preprocessing.scale=2", "preprocessing"),
    ],
)
def test_wrong_names_in_a_recipe(
    toy_data: Path, tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train_jets(read_recipe(TINY, [override]), toy_data, tmp_path / "run")
    assert not (tmp_path / "run").exists()  # nor was anything trained or written before
