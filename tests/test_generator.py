"""The generator: exact conditions, physical jets, reproducibility, model files are only data."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import driftline
from driftline.data.clouds import Jets
from driftline.data.preprocessing import CONDITION_FEATURES, JET_LEVEL_FEATURES, JetPreprocessing
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.samplers import DPMSolver, EulerMaruyama
from driftline.diffusion.schedules import VP
from driftline.errors import InputError
from driftline.generator import Generated, Generator
from driftline.network_samplers import NetworkSamplers
from driftline.networks import build

NETWORKS = {
    "jet_level": {
        "name": "resnet",
        "options": {"features": JET_LEVEL_FEATURES, "condition": 13, "hidden": 16},
    },
    "particle_level": {
        "name": "epic",
        "options": {
            "features": 3,
            "condition": 5 + CONDITION_FEATURES,
            "hidden": 8,
            "layers": 2,
            "width": 8,
        },
    },
}
FAST = DPMSolver(steps=4)


@pytest.fixture(scope="module")
def generator(toy_jets: Jets) -> Generator:
    """An untrained generator: its jets are noise, but every promise must hold all the same."""
    torch.manual_seed(0)
    levels = {
        level: Denoiser(build(str(spec["name"]), **spec["options"]), VP()).eval()  # type: ignore[arg-type]
        for level, spec in NETWORKS.items()
    }
    for denoiser in levels.values():
        for parameter in denoiser.parameters():  # zero-initialised parts would hide mistakes
            torch.nn.init.normal_(parameter, std=0.2)
    return Generator(
        networks=NETWORKS, preprocessing=JetPreprocessing.fit(toy_jets), card={}, **levels
    )


def test_jets_are_physical(generator: Generator) -> None:
    made = generator.generate(300, sampler=FAST, seed=1)
    jets = made.jets
    ptrel = jets.particles[..., 2]
    assert np.isfinite(jets.particles).all() and np.isfinite(jets.features).all()
    assert ((ptrel > 0) == jets.mask).all() and (ptrel < 1).all()
    phi = jets.particles[..., 1]
    total = np.hypot((ptrel * np.cos(phi)).sum(axis=1), (ptrel * np.sin(phi)).sum(axis=1))
    assert (total <= 1 + 1e-6).all()
    assert (np.diff(ptrel, axis=1) <= 0).all()
    assert (jets.num_particles == jets.features[:, 3]).all()
    assert not jets.particles[~jets.mask].any()
    assert set(made.repaired) == {"pt", "mass", "unmet"}


def evaluations(made: Generated) -> list[float]:
    return [cost.evaluations for cost in made.costs.by_network.values()]


def test_evaluations_of_both_levels_are_counted(generator: Generator) -> None:
    made = generator.generate(30, "t", sampler=FAST, batch=10)
    assert evaluations(made) == [4, 4] and made.costs.evaluations == 8
    assert made.particle_level.calls == 12
    conditioned = generator.generate(
        5, "t", sampler=FAST, pt=1000.0, eta=0.1, mass=170.0, num_particles=20
    )
    assert conditioned.costs.evaluations == 8  # the sum of the particles is still to be drawn


def test_levels_may_have_samplers_of_their_own(generator: Generator) -> None:
    both = NetworkSamplers((EulerMaruyama(3), FAST))
    made = generator.generate(10, "t", sampler=both, seed=1)
    assert evaluations(made) == [3, 4]
    drawn = generator.draw_features(10, "t", sampler=EulerMaruyama(3), seed=1)
    np.testing.assert_array_equal(made.jets.features, drawn.features)
    assert NetworkSamplers.parse(made.jets.attributes["sampler"]) == both


@pytest.mark.parametrize(
    "sampler", [FAST, EulerMaruyama(6), NetworkSamplers((EulerMaruyama(6), FAST))]
)
def test_a_jet_depends_on_its_seed_and_number_alone(
    generator: Generator, sampler: DPMSolver | NetworkSamplers
) -> None:
    whole = generator.generate(20, sampler=sampler, seed=3).jets
    split = generator.generate(20, sampler=sampler, seed=3, batch=7).jets
    np.testing.assert_allclose(split.particles, whole.particles, rtol=1e-4, atol=1e-5)
    shard = generator.generate(5, sampler=sampler, seed=3, first=10).jets
    np.testing.assert_allclose(shard.particles, whole.particles[10:15], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(shard.labels, whole.labels[10:15])
    other = generator.generate(20, sampler=sampler, seed=4).jets
    assert not np.allclose(other.features, whole.features)


def test_conditions_are_met_exactly(generator: Generator) -> None:
    n = np.arange(1, 31)
    pt = np.where(n % 2 == 0, 900.0 + n, np.nan)
    jets = generator.generate(
        30, "w", sampler=FAST, pt=pt, mass=80.4, num_particles=n.astype(float)
    ).jets
    assert jets.present == ("w",)
    np.testing.assert_array_equal(jets.num_particles, n)
    np.testing.assert_array_equal(jets.features[:, 2], np.float32(80.4))
    asked = ~np.isnan(pt)
    np.testing.assert_array_equal(jets.features[asked, 0], pt[asked].astype(np.float32))
    assert len(np.unique(jets.features[~asked, 0])) == (~asked).sum()


def test_classes(generator: Generator) -> None:
    assert generator.generate(7, sampler=FAST).jets.labels.tolist() == [0, 1, 2, 3, 4, 0, 1]
    jets = generator.generate(3, ["t", "g", "t"], sampler=FAST).jets
    assert [jets.types[i] for i in jets.labels] == ["t", "g", "t"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count"),
        ({"count": 3, "first": -3}, "first must be from 0"),
        ({"count": 3, "first": 2**48 - 2}, "first must be from 0"),
        ({"count": 2, "jet_type": "b"}, "unknown jet type 'b'"),
        ({"count": 2, "jet_type": ["t"]}, "1 classes for 2 jets"),
        ({"count": 2, "pt": -1.0}, "pt must be positive"),
        ({"count": 2, "eta": np.inf}, "eta must be finite"),
        ({"count": 2, "pt": 1e39}, "pt must be finite, in float32 too"),
        ({"count": 2, "mass": 1e-50}, "mass must be positive"),
        ({"count": 2, "mass": [1.0, 2.0, 3.0]}, "mass has shape"),
        ({"count": 2, "num_particles": 31}, "num_particles"),
        ({"count": 2, "num_particles": 2.5}, "num_particles"),
    ],
)
def test_bad_requests_are_refused(
    generator: Generator, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        generator.generate(sampler=FAST, **arguments)  # type: ignore[arg-type]


def test_model_file_round_trip(generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    generator.save(path)
    again = driftline.load(path)
    a, b = (g.generate(10, sampler=FAST, seed=5).jets for g in (generator, again))
    np.testing.assert_array_equal(a.particles, b.particles)
    with pytest.raises(InputError, match="--force"):
        generator.save(path)
    generator.save(path, force=True)


def rewrite(path: Path, **changes: object) -> None:
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["driftline"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    save_file(tensors, path, metadata={"driftline": json.dumps({**header, **changes})})


def test_damaged_model_files_are_refused(generator: Generator, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(InputError, match="no such model"):
        driftline.load(path)
    generator.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        driftline.load(path)
    path.write_bytes(whole)
    rewrite(path, format=99)
    with pytest.raises(InputError, match="format is 99"):
        driftline.load(path)
    path.write_bytes(whole)
    rewrite(path, networks={**NETWORKS, "jet_level": {"name": "epic", "options": {"features": 4}}})
    with pytest.raises(InputError, match="damaged"):
        driftline.load(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="not a Driftline model"):
        driftline.load(path)
