"""Path distillation of generators end to end, on toy events."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import driftline
from driftline.calibrations import calibrations
from driftline.data.formats import image_file
from driftline.diffusion.distillation import GroupMeans, PathMatching
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Bespoke
from driftline.errors import InputError
from driftline.fingerprint import fingerprint
from driftline.generator import Generator
from driftline.network_samplers import NetworkSamplers
from driftline.streams import Stream
from driftline.training import lessons
from driftline.training.classes import ClassOf
from driftline.training.correction import Blank
from driftline.training.distill import distill, image_samples
from driftline.training.distill_recipe import read_distill_recipe
from driftline.training.images import ImageEvents
from driftline.training.loop import generator_for
from driftline.training.progress import Progress
from driftline.training.recipe import ImageRecipe, read_recipe
from made_images import made_images
from small_distillations import RECIPES, SHORT, StopAt, never, recipe, with_recipe
from tiny_models import tiny_image_generator


def stopped_in_particle_level(title: str, log: Path) -> Progress:
    """Reports of trainings, the second of which is stopped after two steps."""
    return StopAt(2) if title == "particle level" else Progress()


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


def test_paths_may_end_where_they_were_interrupted(
    teacher: Generator, jets: Path, tmp_path: Path
) -> None:
    given, out = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2"], tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        distill(teacher, recipe(*given), jets, out, progress=stopped_in_particle_level)
    assert not (out / "model.safetensors").exists()
    ended = recipe(*given, "training.particle_level.steps=2")
    student = driftline.load(distill(teacher, ended, jets, out, resume=True))
    stages = student.card["distillation"]["training"]["stages"]
    assert stages["particle level"]["steps"] == 2 < stages["jet level"]["steps"]


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


def test_classes_that_are_left_uncorrected(teacher: Generator, jets: Path, tmp_path: Path) -> None:
    """With one of two left the student differs from either; the file tells what is asked."""
    given = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2", 'paths.observables=["mass"]']
    students = []
    for number, left in enumerate(([], ["g"], ["g", "t"])):
        text = f"paths.uncorrected={json.dumps(left)}"
        settings = recipe(*given, "paths.corrected=200", text)
        run = distill(teacher, settings, jets, tmp_path / str(number))
        (kept,) = (tmp_path / str(number)).rglob("correction.safetensors")
        tables = load_file(kept)
        for k, name in enumerate(teacher.preprocessing.types):
            same = torch.equal(tables["own"][k], tables["wanted"][k])
            assert same == (name in left or name not in ("g", "t"))
        students.append(fingerprint(driftline.load(run)))
    assert len({*students}) == 3


def test_a_resumed_run_is_corrected_as_it_was_begun(
    teacher: Generator, jets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2"]
    given = recipe(*observed, 'paths.observables=["mass"]', "paths.corrected=200")
    whole = driftline.load(distill(teacher, given, jets, tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        distill(teacher, given, jets, tmp_path / "parts", progress=stopped_in_particle_level)
    correct = lessons.correction
    monkeypatch.delattr(lessons, "correction")
    again = driftline.load(distill(teacher, given, jets, tmp_path / "parts", resume=True))
    assert fingerprint(again) == fingerprint(whole)

    # A new run in what is left of another makes its own.
    (tmp_path / "parts" / "recipe.json").unlink()
    monkeypatch.setattr(lessons, "correction", correct, raising=False)
    (kept,) = (tmp_path / "parts").rglob("correction.safetensors")
    kept.write_bytes(b"of another")
    anew = driftline.load(distill(teacher, given, jets, tmp_path / "parts"))
    assert fingerprint(anew) == fingerprint(whole)


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


@pytest.mark.parametrize("counted", ["paths.by_class=true", "paths.means=2"])
def test_observables_class_by_class(
    teacher: Generator, jets: Path, tmp_path: Path, counted: str
) -> None:
    """Classes that count alike make another student, and so do means of classes that count more."""
    given = ["method=paths", "steps=1", "paths.sampler=dpm:steps=2", 'paths.observables=["mass"]']
    plain, other = (
        driftline.load(distill(teacher, recipe(*given, extra), jets, tmp_path / str(number)))
        for number, extra in enumerate(("seed=0", counted))
    )
    pairs = zip(plain.particle_level.parameters(), other.particle_level.parameters())
    assert not all(torch.equal(p, q) for p, q in pairs)


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_means_are_those_of_classes(teacher: Generator, tmp_path: Path, weight: float) -> None:
    asked = ['paths.observables=["mass"]', f"paths.means={weight}", "paths.sampler=dpm:steps=2"]
    given = lessons.with_samplers(recipe("method=paths", "steps=1", *asked), teacher)
    (only,) = lessons.rounds_of(given, teacher)
    group, nothing = ClassOf(2), Blank((1,), torch.zeros(1, 2))
    seen = lessons.Seen(
        lambda x, condition, mask: x, nothing, never, group, tmp_path / "none", Progress()
    )
    name = "particle level"
    objective = only.lessons[name].teaching(teacher.denoisers[name], seen).objective(0.0)
    assert isinstance(objective, PathMatching) and objective.end is not None
    assert objective.end.means == (GroupMeans(group, weight) if weight else None)


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
    card = student.card["distillation"]
    assert card["start"] == own.card["distillation"]
    assert "distillation" not in card["teacher"]  # it is told once, or cards double at every round
    stages = student.card["distillation"]["training"]["stages"]
    assert stages["jet level"]["training_loss"] == 0 < stages["particle level"]["training_loss"]


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
