"""Distilling generators end to end, on toy events, and what a distillation refuses."""

import json
import math
import signal
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import driftline
from driftline.calibrations import calibrations
from driftline.data.clouds import Jets
from driftline.data.formats import image_file, jetnet
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.distillation import ConsistencyMatching, ShrinkingGaps
from driftline.diffusion.levels import UniformTimeLevels
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import DDIM, Bespoke, MultistepConsistency
from driftline.diffusion.schedules import VP
from driftline.errors import InputError
from driftline.fingerprint import fingerprint
from driftline.generator import Generator
from driftline.network_samplers import NetworkSamplers
from driftline.networks import build
from driftline.streams import Stream
from driftline.training import lessons
from driftline.training.distill import distill, image_samples
from driftline.training.distill_recipe import DistillRecipe, read_distill_recipe
from driftline.training.images import ImageEvents
from driftline.training.loop import Batch, generator_for, train
from driftline.training.objectives import Objectives, Validation
from driftline.training.progress import Progress
from driftline.training.recipe import ImageRecipe, TrainingSettings, read_recipe
from made_images import made_images
from tiny_models import tiny_generator, tiny_image_generator

RECIPES = Path(__file__).parents[2] / "recipes"
SHORT = "{steps=3, batch=32, warmup=1, log_every=1, validate_every=3, checkpoint_every=2}"


class Vectors:
    """Draws of N(0, diag(1.5, 0.5))."""

    def __len__(self) -> int:
        return 256

    def batch(self, index: torch.Tensor, generator: torch.Generator) -> Batch:
        x = torch.randn(len(index), 2, generator=generator)
        return Batch(x * torch.tensor([1.5, 0.5]).sqrt(), None, None)


class StopAt(Progress):
    """Asks the training to stop when the log reaches a step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def step(self, step: int, events: int, loss: float) -> None:
        if step == self.at:
            signal.raise_signal(signal.SIGINT)


def stopped_in_particle_level(title: str, log: Path) -> Progress:
    """Reports of trainings, the second of which is stopped after two steps."""
    return StopAt(2) if title == "particle level" else Progress()


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


def with_recipe(generator: Any, recipe: str) -> Any:
    """An untrained model with the card of a trained one."""
    settings = read_recipe(RECIPES / recipe)
    generator.card |= {"recipe": settings.model_dump(mode="json"), "sampler": "dpm:steps=9"}
    return generator


@pytest.fixture(scope="module")
def jets(tmp_path_factory: pytest.TempPathFactory, make_jets: Callable[..., Jets]) -> Path:
    path = tmp_path_factory.mktemp("jets")
    jetnet.write_directory(path, make_jets(40, types=("g", "t")))
    return path


@pytest.fixture
def teacher(toy_jets: Jets) -> Generator:
    return with_recipe(tiny_generator(toy_jets), "tiny.toml")


def recipe(*overrides: str) -> DistillRecipe:
    short = [f"training.{key}={SHORT}" for key in ("jet_level", "particle_level")]
    return read_distill_recipe(None, [*short, *overrides])


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


def test_path_distillation_makes_students_with_samplers_of_their_own(
    teacher: Generator, jets: Path, tmp_path: Path
) -> None:
    teacher.card["sampler"] = "dpm:steps=4 + unipc:steps=6"
    student = driftline.load(
        distill(teacher, recipe("method=paths", "steps=2"), jets, tmp_path / "run")
    )
    samplers = student.default_sampler.samplers
    denoisers = teacher.denoisers.values()
    for own, his, denoiser in zip(
        samplers, teacher.default_sampler.samplers, denoisers, strict=True
    ):
        assert isinstance(own, Bespoke)
        passed = [step.level.s for step in his.plan(denoiser.schedule)]
        levels = [step.level.s for step in own.plan(denoiser.schedule)]
        assert levels == pytest.approx(passed[:: len(passed) // 2])
    assert student.card["distillation"]["steps"] == 2
    assert student.generate(3, "g", seed=1).costs.evaluations == 4

    one = recipe("method=paths", "steps=1", "paths.sampler=unipc:steps=3")
    student = driftline.load(distill(teacher, one, jets, tmp_path / "one"))
    assert student.generate(3, "g", seed=1).costs.evaluations == 2


def test_a_path_distillation_is_resumed_with_the_sampler_that_it_began_with(
    teacher: Generator, jets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, out = recipe("method=paths", "steps=3"), tmp_path / "run"
    student = driftline.load(distill(teacher, given, jets, out))

    monkeypatch.setattr(lessons, "calibrations", never)
    again = driftline.load(distill(teacher, given, jets, out, resume=True))
    assert fingerprint(again) == fingerprint(student)
    assert again.default_sampler == student.default_sampler
    second = driftline.load(distill(again, recipe("steps=1"), jets, tmp_path / "second"))
    kept = second.card["distillation"]["teacher"]["distillation"]
    assert kept == again.card["distillation"]  # what it cost is not forgotten
    teacher.card["sampler"] = "unipc:steps=6"  # as `driftline tune` may change it
    with pytest.raises(InputError, match="differs from the recipe"):
        distill(teacher, given, jets, out, resume=True)


SUBSTEPS = ("method=paths", "steps=2", "paths.sampler=dpm:steps=4", "paths.substeps=[3,2]")


def never(*_: Any) -> None:
    raise AssertionError("fitted")


def noises(samplers: NetworkSamplers, model: Generator) -> list[list[float]]:
    """Levels s of each network's sampler."""
    each = zip(samplers.each(list(model.denoisers)), model.denoisers.values(), strict=True)
    return [[step.level.s for step in own.plan(d.schedule)] for own, d in each]


@pytest.fixture
def substepped(teacher: Generator, jets: Path, tmp_path: Path) -> tuple[Path, Generator]:
    """A run whose teacher took 3 and 2 steps during the student's, and the student."""
    out = tmp_path / "substepped"
    given = recipe(*SUBSTEPS, "paths.own_goals=1")
    return out, driftline.load(distill(teacher, given, jets, out))


def test_a_teacher_restarts_at_the_students_levels(
    substepped: tuple[Path, Generator], teacher: Generator
) -> None:
    out, student = substepped
    course = NetworkSamplers.parse(json.loads((out / "recipe.json").read_text())["course"])
    for sampler, passed, levels in zip(
        course.samplers, noises(course, teacher), noises(student.default_sampler, student),
        strict=True,
    ):  # fmt: skip
        assert isinstance(sampler, Bespoke) and sampler.restarts == (3,)
        assert len(passed) == 5
        assert [passed[0], passed[3]] == pytest.approx(levels, rel=1e-4)


def test_substeps_are_not_fitted_again(
    substepped: tuple[Path, Generator],
    teacher: Generator,
    jets: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, student = substepped
    monkeypatch.setattr(lessons, "calibrations", never)
    given = recipe(*SUBSTEPS, "paths.own_goals=1")
    again = driftline.load(distill(teacher, given, jets, out, resume=True))
    assert fingerprint(again) == fingerprint(student)


def test_a_student_that_goes_on_takes_the_levels_of_a_sampler_of_its_steps(
    substepped: tuple[Path, Generator], teacher: Generator, jets: Path, tmp_path: Path
) -> None:
    """Each network for itself; a sampler of other steps, divisible or not, leaves it as it is."""
    out, student = substepped
    named = "ddim:steps=2,grid=tuned;levels=-0.5 + dpm:steps=3"
    more = recipe(
        "method=paths", "steps=2", "paths.substeps=[2,2]", f"start={out / 'model.safetensors'}",
        f"paths.sampler={named}",
    )  # fmt: skip
    moved = driftline.load(distill(teacher, more, jets, tmp_path / "run")).default_sampler.samplers
    kept = student.default_sampler.samplers
    assert moved[1] == kept[1]
    assert moved[0] != kept[0]
    first = moved[0].plan(teacher.denoisers["jet level"].schedule)
    assert first.steps[1].level.s == pytest.approx(math.exp(0.5), rel=1e-4)


def test_wrong_substeps_are_told_before_they_are_fitted(
    substepped: tuple[Path, Generator],
    teacher: Generator,
    jets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, student = substepped

    def refused(words: str, *changes: str, model: Generator = teacher) -> None:
        with pytest.raises(InputError, match=words):
            distill(model, recipe(*SUBSTEPS, *changes), jets, tmp_path / "run")
        assert not (tmp_path / "run").exists()

    refused("no room", "paths.substeps=[2,9]", "paths.sampler=ddim:steps=2")
    monkeypatch.setattr(lessons, "calibrations", never)
    refused("substeps must be 2 numbers from 1 up", "paths.substeps=[3]")
    refused("substeps must be 2 numbers from 1 up", "paths.substeps=[3,0]")
    refused("own_goals must be from 0 to 2, got 3", "paths.own_goals=3")
    refused("paths.substeps: a distilled model", model=student)
    memory = ("paths.substeps=[]", "paths.sampler=unipc:steps=4")
    refused("knows no estimates of steps before", *memory, "paths.own_goals=1")
    refused("what the student has itself", "paths.substeps=[]", "paths.sampler=dpm:steps=2")


def test_noise_of_the_calibration_is_not_that_of_its_conditions(teacher: Generator) -> None:
    known = calibrations(teacher, 4, seed=7)
    drawn = [calibration.draw()().flatten() for calibration in known.values()]
    conditions = Noise(7, Stream.FIRST_NETWORK).normal(torch.arange(4), (21,)).flatten()
    for noise in drawn:
        assert not torch.isin(noise[noise != 0].float(), conditions.float()).any()


def test_paths_may_be_trained_for_longer(teacher: Generator, jets: Path, tmp_path: Path) -> None:
    given = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2"]
    distill(teacher, recipe(*given), jets, tmp_path / "run")
    more = recipe(*given, "training.jet_level.steps=5")
    longer = driftline.load(distill(teacher, more, jets, tmp_path / "run", resume=True))
    assert longer.card["distillation"]["training"]["stages"]["jet level"]["steps"] == 5


def test_the_teacher_is_compiled_where_the_student_is(
    teacher: Generator, jets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = list[torch.nn.Module]()
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: compiled.append(network))
    monkeypatch.setattr(torch, "compile", lambda network: network)
    asked = "training.particle_level.compile=true"
    distill(
        teacher,
        recipe("method=paths", "steps=1", "paths.sampler=dpm:steps=2", asked),
        jets,
        tmp_path / "run",
    )
    (network,) = compiled
    own = teacher.particle_level.network
    assert network is not own
    assert all(
        torch.equal(p, q) for p, q in zip(network.parameters(), own.parameters(), strict=True)
    )


def test_paths_end_where_observables_say_too(
    teacher: Generator, jets: Path, tmp_path: Path
) -> None:
    """Of particles: the jet level has none, and its student is the same with and without."""
    given = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2"]
    observed = [*given, 'paths.observables=["mass"]', "paths.weight=2.0"]
    bare, seen = (
        driftline.load(distill(teacher, recipe(*settings), jets, tmp_path / str(number)))
        for number, settings in enumerate((given, observed))
    )
    first, second = (
        {name: torch.cat([p.flatten() for p in d.parameters()]) for name, d in m.denoisers.items()}
        for m in (bare, seen)
    )
    assert torch.equal(first["jet level"], second["jet level"])
    assert not torch.equal(first["particle level"], second["particle level"])


def test_observables_may_be_corrected_to_the_datas(
    teacher: Generator, jets: Path, tmp_path: Path
) -> None:
    """A teacher that is not trained is far from the data, and what it is corrected to matters."""
    given = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2"]
    observed = [*given, 'paths.observables=["mass"]']
    as_they_are, corrected = (
        driftline.load(distill(teacher, recipe(*observed, extra), jets, tmp_path / str(number)))
        for number, extra in enumerate(("paths.by_class=false", "paths.corrected=200"))
    )
    same = {
        name: all(map(torch.equal, own.parameters(), corrected.denoisers[name].parameters()))
        for name, own in as_they_are.denoisers.items()
    }
    assert same == {"jet level": True, "particle level": False}
    assert corrected.card["distillation"]["recipe"]["paths"]["corrected"] == 200


def test_a_resumed_run_is_corrected_as_it_was_begun(
    teacher: Generator, jets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2"]
    given = recipe(*observed, 'paths.observables=["mass"]', "paths.corrected=200")
    whole = driftline.load(distill(teacher, given, jets, tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        distill(teacher, given, jets, tmp_path / "parts", progress=stopped_in_particle_level)
    monkeypatch.delattr(lessons, "correction")
    again = driftline.load(distill(teacher, given, jets, tmp_path / "parts", resume=True))
    assert fingerprint(again) == fingerprint(whole)


def test_a_correction_is_for_the_jets_that_the_jet_level_draws(
    teacher: Generator, jets: Path, tmp_path: Path
) -> None:
    """Students that teach themselves, of one particle level: with another jet level it differs."""
    first = distill(teacher, recipe("method=paths", "steps=1"), jets, tmp_path / "first")
    other = driftline.load(first)
    for parameter in other.jet_level.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(3))
    other.save(tmp_path / "other.safetensors")
    observed = ["method=paths", "steps=1", 'paths.observables=["mass"]', "paths.corrected=200"]

    def taught(model: Path, out: str) -> Generator:
        settings = recipe(*observed, f"start={model}")
        return driftline.load(distill(driftline.load(model), settings, jets, tmp_path / out))

    runs = taught(first, "a"), taught(first, "b"), taught(tmp_path / "other.safetensors", "c")
    once, again, apart = (list(student.particle_level.parameters()) for student in runs)
    assert all(map(torch.equal, once, again))
    assert not all(map(torch.equal, once, apart))


def test_observables_by_class(teacher: Generator, jets: Path, tmp_path: Path) -> None:
    """Classes that count alike make another student than spreads of all together."""
    given = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2", 'paths.observables=["mass"]']
    together, each = (
        driftline.load(distill(teacher, recipe(*given, extra), jets, tmp_path / str(number)))
        for number, extra in enumerate(("paths.by_class=false", "paths.by_class=true"))
    )
    pairs = zip(together.particle_level.parameters(), each.particle_level.parameters())
    assert not all(torch.equal(p, q) for p, q in pairs)


def test_a_student_may_be_its_own_teacher_for_the_datas_observables(
    teacher: Generator, jets: Path, tmp_path: Path
) -> None:
    """With as many steps as it has, and its own sampler; uncorrected there is nothing to learn."""
    first = distill(teacher, recipe("method=paths", "steps=1"), jets, tmp_path / "first")
    own = driftline.load(first)
    observed = ['paths.observables=["mass"]', "paths.corrected=200"]
    once = [f"training.{key}.steps=1" for key in ("jet_level", "particle_level")]
    again = recipe("method=paths", "steps=1", f"start={first}", *observed, *once)
    second = distill(own, again, jets, tmp_path / "second")
    student = driftline.load(second)
    assert student.default_sampler == own.default_sampler
    stages = student.card["distillation"]["training"]["stages"]
    assert stages["jet level"]["training_loss"] == 0 < stages["particle level"]["training_loss"]


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


def test_images_are_corrected_to_the_datas_too(tmp_path: Path) -> None:
    images = made_images(60, planes=1, size=16)
    images = replace(images, event=np.arange(60), labels=np.arange(60) // 30)
    image_file.write(tmp_path / "images.hdf5", images)
    teacher = with_recipe(tiny_image_generator(images), "tiny-images.toml")
    given = ["steps=1", "method=paths", "paths.sampler=dpm:steps=2", f"training.image={SHORT}"]
    observed = [*given, 'paths.observables=["charge","extent","topology"]']
    as_it_is, corrected = (
        driftline.load(
            distill(
                teacher,
                read_distill_recipe(None, [*observed, extra]),
                tmp_path / "images.hdf5",
                tmp_path / str(number),
            )
        )
        for number, extra in enumerate(("seed=0", "paths.corrected=60"))
    )
    own, other = (list(student.denoiser.parameters()) for student in (as_it_is, corrected))
    assert not all(map(torch.equal, own, other))
    assert all(parameter.isfinite().all() for parameter in other)


def test_students_of_images_are_told_what_generators_tell(tmp_path: Path) -> None:
    """All but the start, which a user may leave out; the momentum where the teacher draws one."""
    images = made_images(60, planes=1, size=16)
    images = replace(images, event=np.arange(60), planes=(np.arange(60) % 3)[:, None].astype("u1"))
    image_file.write(tmp_path / "images.hdf5", images)
    trained_by = read_recipe(
        RECIPES / "tiny-images.toml",
        ["left_out={class=0.5, momentum=0.5, plane=0.5, start=0.5}"],
    )
    assert isinstance(trained_by, ImageRecipe)
    untold = tiny_image_generator(images)
    momenta = ImageEvents(images, untold.preprocessing).momenta(4, generator_for(1))
    columns = untold.preprocessing.condition_columns
    for teacher in (untold, replace(untold, momenta=momenta)):
        samples = image_samples(teacher, trained_by, tmp_path / "images.hdf5", tmp_path / "run")
        events, _ = samples.by_network["image"]()
        _, condition, _ = events.batch(torch.arange(len(events)), generator_for(2))
        assert condition is not None
        told = {
            name: float(condition[:, own].any(1).float().mean()) for name, own in columns.items()
        }
        assert told["class"] == told["plane"] == 1
        assert (told["momentum"] == 1) == (teacher.momenta is not None)
        assert 0.2 < told["start"] < 0.8
        assert len(samples.asked["image"]().events) == len(events)


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
