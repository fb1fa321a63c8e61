"""Tuning: grids fitted to a model are kept, and the recommendation becomes its default."""

import json
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import driftline
from driftline.data.clouds import Jets
from driftline.diffusion.grids import TunedGrid
from driftline.diffusion.samplers import Bespoke, UniPC
from driftline.errors import InputError
from driftline.generator import Generator
from driftline.network_samplers import NetworkSamplers
from driftline.study import run_study, tune
from driftline.study.tune import fitted, with_recommendation
from tiny_models import tiny_generator


@pytest.fixture(scope="module")
def generator(toy_jets: Jets) -> Generator:
    return tiny_generator(toy_jets)


def test_grids_are_fitted_once(generator, tmp_path, monkeypatch):
    path = tmp_path / "fitted.json"
    (text,) = fitted(generator, ["unipc:steps=4"], path)
    tuned = NetworkSamplers.parse(text)
    for sampler in tuned.samplers:
        assert isinstance(sampler, UniPC)
        assert isinstance(sampler.grid, TunedGrid)
        assert len(sampler.grid.levels) == 3
    monkeypatch.setattr(tune, "tuned_to", None)
    assert fitted(generator, ["unipc:steps=4"], path) == [text]
    kept = json.loads(path.read_text())
    for other in ({"model": "another"}, {"search": {"version": tune.VERSION}}):
        path.write_text(json.dumps(kept | other))
        with pytest.raises(TypeError):  # fitted anew, for it is another model's or search's
            fitted(generator, ["unipc:steps=4"], path)
    for damaged in ("{", "[]", "3", "{}"):
        path.write_text(damaged)
        with pytest.raises(InputError, match="damaged.*delete it"):
            fitted(generator, ["unipc:steps=4"], path)


def test_candidates_are_refused_before_events_are_solved_for(generator, tmp_path, monkeypatch):
    monkeypatch.setattr(tune, "calibrations", None)
    for text, message in (
        ("em:steps=10", "no grid to tune"),
        ("bespoke:steps=1", "give at least 2 steps"),
        ("dpm:steps=0", "candidates"),
    ):
        with pytest.raises(InputError, match=message):
            fitted(generator, ["bespoke:steps=4", text], tmp_path / "fitted.json")


def test_fitted_weights_of_both_levels_survive_text_and_file(generator, tmp_path):
    """The default candidates: weights and grid of a masked model of two networks."""
    (text,) = fitted(generator, ["bespoke:steps=3"], tmp_path / "fitted.json")
    tuned = NetworkSamplers.parse(text)
    first, second = tuned.samplers
    assert isinstance(first, Bespoke)
    assert isinstance(second, Bespoke)
    assert len(first.weights) == len(second.weights) == 2 + 3 + 4
    assert first.weights != second.weights
    kept = copy(generator)
    kept.card = {**generator.card, "sampler": text}
    kept.save(tmp_path / "model.safetensors")
    read = driftline.load(tmp_path / "model.safetensors")
    assert read.default_sampler == tuned
    made, again = (m.generate(5, "g", seed=2, sampler=tuned) for m in (generator, read))
    assert made.costs.evaluations == 6
    assert np.array_equal(made.jets.particles, again.jets.particles)


def test_each_level_gets_a_grid_of_its_own(generator, tmp_path, monkeypatch):
    fitted_to = []

    def record(sampler, known, sweeps):
        fitted_to.append((known.denoiser, sampler.steps, known.shape, len(known.condition)))
        levels = tuple(float(level) for level in range(sampler.steps - 1))
        return replace(sampler, grid=TunedGrid(levels))

    monkeypatch.setattr(tune, "tune", record)
    (text,) = fitted(generator, ["dpm:steps=3 + unipc:steps=4"], tmp_path / "fitted.json")
    assert fitted_to == [
        (generator.jet_level, 3, (21,), tune.Search().events),
        (generator.particle_level, 4, (30, 3), tune.Search().events),
    ]
    tuned = NetworkSamplers.parse(text)
    levels = [len(s.grid.levels) for s in tuned.samplers]
    assert levels == [2, 3]


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        ("em:steps=5", "candidate em:steps=5"),
        ("rk45", "candidate rk45"),
        ("unipc:steps=1", "candidate unipc:steps=1"),
        ("nothing", "candidates: unknown sampler 'nothing'"),
    ],
)
def test_samplers_without_a_grid_to_fit_are_refused(generator, tmp_path, candidate, words):
    with pytest.raises(InputError, match=words):
        fitted(generator, [candidate], tmp_path / "fitted.json")


def test_the_recommendation_becomes_the_default(generator, toy_jets, tmp_path: Path):
    found = run_study(
        generator,
        toy_jets,
        tmp_path / "study",
        samplers=["dpm:steps=60", "dpm:steps=30"],
        count=100,
        types=["t"],
        draws=100,
    )
    assert found.recommendation.sampler == found.rows[1].sampler
    tuned = with_recommendation(generator, found)
    assert tuned.default_sampler == NetworkSamplers.parse(found.rows[1].sampler)
    evidence = tuned.card["sampler_evidence"]
    assert evidence["baseline_evaluations"] == 120
    assert len(evidence["verdicts"]) == 3
    assert "sampler" not in generator.card
    tuned.save(tmp_path / "tuned.safetensors")
    again = Generator.load(tmp_path / "tuned.safetensors")
    assert again.default_sampler == tuned.default_sampler


def test_without_a_recommendation_nothing_is_stored(generator, toy_jets, tmp_path):
    found = run_study(
        generator,
        toy_jets,
        tmp_path / "study",
        samplers=["dpm:steps=30", "dpm:steps=2"],
        count=100,
        types=["t"],
        draws=100,
    )
    alone = found.model_copy(
        update={"recommendation": found.recommendation.model_copy(update={"sampler": None})}
    )
    with pytest.raises(InputError, match="no sampler was shown"):
        with_recommendation(generator, alone)
