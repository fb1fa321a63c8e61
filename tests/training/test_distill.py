"""Distilling generators end to end, on toy events, and what a distillation refuses."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import driftline
from driftline.data.formats import image_file, jetnet
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.distillation import ConsistencyMatching, ShrinkingGaps
from driftline.diffusion.levels import UniformTimeLevels
from driftline.diffusion.samplers import DDIM, MultistepConsistency
from driftline.diffusion.schedules import VP
from driftline.errors import InputError
from driftline.fingerprint import fingerprint
from driftline.generator import Generator
from driftline.networks import build
from driftline.training import lessons
from driftline.training.distill import distill
from driftline.training.distill_recipe import read_distill_recipe
from driftline.training.loop import Batch, train
from driftline.training.objectives import Objectives, Validation
from driftline.training.recipe import TrainingSettings
from made_images import made_images
from small_distillations import SHORT, StopAt, never, recipe, with_recipe
from tiny_models import tiny_image_generator


class Vectors:
    """Draws of N(0, diag(1.5, 0.5))."""

    def __len__(self) -> int:
        return 256

    def batch(self, index: torch.Tensor, generator: torch.Generator) -> Batch:
        x = torch.randn(len(index), 2, generator=generator)
        return Batch(x * torch.tensor([1.5, 0.5]).sqrt(), None, None)


def consistency(done: float) -> ConsistencyMatching:
    return ConsistencyMatching(ShrinkingGaps(4).at(done))


def trained(out: Path, objective: Objectives, **options: Any) -> torch.Tensor:
    torch.manual_seed(0)
    denoiser = Denoiser(build("resnet", features=2, hidden=16, layers=1), VP())
    settings = {"steps": 24, "batch": 32, "learning_rate": 3e-3, "warmup": 2, "log_every": 1}
    settings |= {"validate_every": 8, "checkpoint_every": 5}
    outcome = train(
        denoiser,
        Vectors(),
        Vectors(),
        UniformTimeLevels(),
        TrainingSettings.model_validate(settings),
        seed=3,
        out=out,
        objective=objective,
        validated=Validation(objective(1.0)),
        **options,
    )
    losses = torch.tensor([loss for _, loss in outcome.validation_losses])
    weights = torch.cat([p.detach().flatten() for p in denoiser.parameters()])
    return torch.cat([weights, losses])


def test_stages_survive_interruption_to_the_bit(tmp_path: Path) -> None:
    """Interrupted in the third of four stages."""
    whole = trained(tmp_path / "whole", consistency)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", consistency, progress=StopAt(14))
    assert torch.equal(trained(tmp_path / "parts", consistency, resume=True), whole)
    first_stage_only = trained(tmp_path / "first", lambda done: consistency(0.0))
    assert not torch.equal(first_stage_only, whole)


@pytest.mark.parametrize("flow", ["false", "true"])
def test_a_student_of_jets_is_a_model_that_says_what_it_is(
    teacher: Generator, jets: Path, tmp_path: Path, flow: str
) -> None:
    before = fingerprint(teacher)
    given = recipe("steps=4", f"consistency.teacher_flow={flow}")
    history = {"start": {"name": "an earlier one", "training": {}}}
    begun = replace(teacher, card={**teacher.card, **history})
    student = driftline.load(distill(begun, given, jets, tmp_path / "run"))
    assert isinstance(student, Generator)
    assert student.card["start"] == history["start"]  # so that its cost counts
    assert fingerprint(teacher) == before != fingerprint(student)
    assert student.constants == teacher.constants
    assert student.default_sampler.samplers == (MultistepConsistency(4),)
    card = student.card["distillation"]
    assert (card["method"], card["steps"]) == ("consistency", 4)
    assert card["teacher"] == {"name": "tiny", "fingerprint": before}
    assert card["recipe"]["training"]["particle_level"]["steps"] == 3
    assert set(card["training"]["stages"]) == {"jet level", "particle level"}
    assert "name" not in student.card
    made = student.generate(4, "t", seed=1)
    assert made.costs.evaluations == 8
    assert made.jets.particles.shape == (4, 30, 3)
    for network, denoiser in student.denoisers.items():
        before_it = teacher.denoisers[network].state_dict()
        changed = [not torch.equal(v, before_it[k]) for k, v in denoiser.state_dict().items()]
        assert any(changed), network


def test_rounds_of_progressive_distillation(teacher: Generator, jets: Path, tmp_path: Path) -> None:
    given = recipe("method=progressive", "steps=2", "progressive.first=16")
    run = tmp_path / "run"
    last = distill(teacher, given, jets, run)
    models = {8: run / "model-8.safetensors", 4: run / "model-4.safetensors", 2: last}
    for steps, path in models.items():
        student = driftline.load(path)
        (sampler,) = student.default_sampler.samplers
        assert isinstance(sampler, DDIM)
        assert student.card["distillation"]["steps"] == sampler.steps == steps
        # Every second of the times before: equal angles, down to one step from no noise.
        noise = (-VP().log_snr(sampler.grid.times(steps, VP()))).exp()
        expected = torch.arange(steps, 0, -1, dtype=torch.float64) / steps
        torch.testing.assert_close(noise.atan() / noise[0].atan(), expected)
        assert student.generate(2, "g").costs.evaluations == 2 * steps
    # Each round begins with the student of the round before.
    weights = [fingerprint(driftline.load(path)) for path in models.values()]
    assert len(set(weights)) == 3

    (run / "model.safetensors").unlink()
    for file in (run / "2").rglob("checkpoint.safetensors"):
        file.unlink()
    again = driftline.load(distill(teacher, given, jets, run, resume=True))
    assert fingerprint(again) == weights[-1]


def test_bad_data_are_told_before_a_sampler_is_fitted(
    teacher: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "calibrations", never)
    with pytest.raises(InputError, match="absent"):
        distill(teacher, recipe("method=paths"), tmp_path / "absent", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_student_goes_on_from_another(teacher: Generator, jets: Path, tmp_path: Path) -> None:
    """Of paths, then distribution matching: the same samplers, and the teacher is the model."""
    given = recipe("method=paths", "steps=2", "paths.sampler=dpm:steps=4")
    path = distill(teacher, given, jets, tmp_path / "paths")
    start = driftline.load(path)
    matched = recipe("method=distribution", "steps=2", f"start={path}")
    student = driftline.load(distill(teacher, matched, jets, tmp_path / "matched"))
    for words, wrong in {
        "has 2 steps, not 1": ["method=distribution", "steps=1"],
        "at levels of the teacher's": ["method=paths", "steps=2", "paths.sampler=dpm:steps=6"],
        "a batch of 2 or more": [
            "method=distribution", "steps=2", "training.jet_level={steps=3, batch=1}"],
    }.items():  # fmt: skip
        with pytest.raises(InputError, match=words):
            distill(teacher, recipe(*wrong, f"start={path}"), jets, tmp_path / "refused")
        assert not (tmp_path / "refused").exists()
    with pytest.raises(InputError, match="distribution: a distilled model"):
        distill(start, matched, jets, tmp_path / "refused")
    assert student.default_sampler == start.default_sampler
    card = student.card["distillation"]
    assert card["start"] == start.card["distillation"]
    assert card["teacher"]["fingerprint"] == fingerprint(teacher)
    assert len({fingerprint(model) for model in (teacher, start, student)}) == 3

    # Interrupted before its end, it goes on from its own copy of the start, critic and all.
    with pytest.raises(KeyboardInterrupt):
        distill(teacher, matched, jets, tmp_path / "parts", progress=lambda *_: StopAt(2))
    path.unlink()
    again = driftline.load(distill(teacher, matched, jets, tmp_path / "parts", resume=True))
    assert fingerprint(again) == fingerprint(student)


METHODS = {
    "consistency": (),
    "progressive": ("progressive.first=4",),
    "paths": ("paths.sampler=dpm:steps=4",),
}


@pytest.mark.parametrize("method", METHODS)
def test_a_student_of_images(tmp_path: Path, method: str) -> None:
    images = made_images(40, planes=1, size=16)
    images = replace(images, event=np.arange(40), planes=(np.arange(40) % 3)[:, None].astype("u1"))
    image_file.write(tmp_path / "images.hdf5", images)
    teacher = with_recipe(tiny_image_generator(images), "tiny-images.toml")
    short = [f"training.image={SHORT}", "steps=1", f"method={method}"]
    given = read_distill_recipe(None, [*short, *METHODS[method]])
    student = driftline.load(distill(teacher, given, tmp_path / "images.hdf5", tmp_path / "run"))
    made = student.generate(3)
    assert made.costs.evaluations == 1
    assert made.events.pixels.shape == (3, 1, 16, 16)
    assert student.card["recipe"] == teacher.card["recipe"]
    assert student.card["distillation"]["method"] == method


def test_refusals(teacher: Generator, jets: Path, tmp_path: Path, make_jets: Any) -> None:
    out = tmp_path / "run"

    def refused(words: str, model: Generator = teacher, data: Path = jets, **options: Any) -> None:
        with pytest.raises(InputError, match=words):
            distill(model, recipe(*options.pop("given", ())), data, out, **options)

    bare = deepcopy(teacher)
    del bare.card["recipe"]
    refused("its card has no recipe", bare)
    refused("no such network; choose from jet_level", given=["training.image={}"])
    refused("cannot be halved from 12 to 8", given=[
        "method=progressive", "steps=8", "progressive.first=12"])  # fmt: skip
    refused("unknown grid 'spiral'", given=["method=progressive", "progressive.grid=spiral"])
    refused("do not divide the 9 of", given=["method=paths", "steps=2"])
    refused(
        "one evaluation a step", given=["method=paths", "steps=1", "paths.sampler=heun:steps=2"]
    )
    refused("unknown sampler 'rk5'", given=["method=paths", "paths.sampler=rk5"])
    refused("unknown levels", given=["consistency.levels.name=none"])
    refused("unknown 'charge'; choose from mass, energy_flow", given=[
        "method=paths", 'paths.observables=["charge"]'])  # fmt: skip
    refused("no observables to correct", given=["method=paths", "paths.corrected=100"])
    refused("no observables to have means of", given=["method=paths", "paths.means=2"])
    refused("nothing is corrected", given=["method=paths", 'paths.uncorrected=["g"]'])
    refused("unknown class 'gluon'; choose from", given=["method=paths", "paths.corrected=100",
        'paths.observables=["mass"]', 'paths.uncorrected=["gluon"]'])  # fmt: skip
    refused("needs a student to begin with", given=["method=distribution"])
    refused("jets30: is not distilled", given=["method=distribution", "start=jets30"])
    refused("lartpc64 generates images, not jets", given=["method=distribution", "start=lartpc64"])
    refused("of another model", given=["method=distribution", "start=jets30-fast", "steps=4"])
    refused("unknown key learning_rat", given=["training.jet_level.learning_rat=1"])
    few = replace(teacher.preprocessing, jets_per_class=(9, 0, 9, 9, 9))
    jetnet.write_directory(tmp_path / "q", make_jets(40, types=("q",)))
    refused("has class q", replace(teacher, preprocessing=few), tmp_path / "q")
    assert not out.exists()

    distill(teacher, recipe(), jets, out)
    refused("holds a training already")
    refused("differs from the recipe", resume=True, given=["seed=4"])
    longer = ["training.jet_level.steps=9"]  # its last stages would begin anew
    refused("differs from the recipe", resume=True, given=longer)
    jetnet.write_directory(tmp_path / "other", make_jets(40, seed=77))
    refused("begun with other events", data=tmp_path / "other", resume=True)
    other = deepcopy(teacher)
    with torch.no_grad():
        next(other.jet_level.parameters()).add_(1)
    refused("differs from the recipe", other, resume=True)
