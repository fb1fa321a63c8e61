"""The study on a tiny model: what it computes, what it keeps, what it refuses."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from driftline.data.formats import jetnet
from driftline.diffusion.samplers import parse
from driftline.errors import InputError
from driftline.fingerprint import fingerprint
from driftline.generator import Generator
from driftline.study import Study, run_study
from driftline.study.cells import Task
from driftline.study.provenance import fingerprint_events
from driftline.study.results import Floor, Score
from driftline.study.tables import comma_separated, markdown
from made_images import made_images
from tiny_models import tiny_generator

SETTINGS = {
    "samplers": ["rk45:tolerance=1e-4", "dpm:steps=6", "em:steps=8"],
    "count": 30,
    "batch": 20,
    "types": ["t", "g"],
    "seeds": [1, 2],
    "draws": 120,
}


@pytest.fixture(scope="module")
def generator(toy_jets):
    return tiny_generator(toy_jets)


@pytest.fixture(scope="module")
def out(generator, toy_jets, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "out"
    run_study(generator, toy_jets, out, **SETTINGS)
    return out


@pytest.fixture(scope="module")
def study(out):
    return Study.read(out / "study.json")


def test_every_cell_is_there(study):
    assert len(study.cells) == 3 * 2 * 2
    assert [floor.event_type for floor in study.floors] == ["t", "g"]
    assert [row.seeds for row in study.rows] == [2] * 6
    assert len(study.verdicts) == 2 * 2 * 3
    assert study.labels[study.baseline] == "RK45(1e-4)"
    assert study.rows[0].fewer_evaluations == 1.0


def test_costs_are_the_samplers(study):
    for cell in study.cells:
        sampler = parse(cell.sampler)
        if steps := getattr(sampler, "steps", None):
            assert cell.evaluations == {"jet level": steps, "particle level": steps}
            assert set(cell.calls.values()) == {2 * steps}
        else:
            assert cell.evaluations["particle level"] > 6
        assert cell.seconds > 0
    row = next(row for row in study.rows if row.sampler.startswith("dpm"))
    baseline = study.rows[0]
    assert row.evaluations == 12
    assert row.fewer_evaluations == pytest.approx(baseline.evaluations / 12)


def test_names_of_cells_are_short_and_their_own():
    """File systems take 255 characters; minus signs are not told by the name."""
    levels = "/".join(f"{x / 7:.4f}" for x in range(30))
    texts = [
        f"unipc:steps=31,grid=tuned;levels={levels}/{last} + dpm:steps=9" for last in (5, -5, 6)
    ]
    texts += ["dpm:grid=tuned;levels=1.5", "dpm:grid=tuned;levels=-1.5"]
    names = {Task(text, "t", 1).name for text in texts}
    assert len(names) == len(texts)
    assert max(map(len, names)) < 150


def test_cells_hold_the_generators_jets(study, out, generator):
    cell = next(c for c in study.cells if c.sampler.startswith("dpm") and c.seed == 2)
    (file,) = [f for f in (out / "cells").glob(f"dpm*_{cell.event_type}_2.hdf5")]
    stored = jetnet.read(file)
    direct = generator.generate(30, cell.event_type, sampler=parse("dpm:steps=6"), seed=2, batch=7)
    assert stored.particles == pytest.approx(direct.jets.particles, abs=1e-5)


def test_finished_cells_are_not_computed_again(study, out, generator, toy_jets, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("a finished cell was computed again")

    monkeypatch.setattr(Generator, "generate", never)
    again = run_study(generator, toy_jets, out, **SETTINGS)
    assert again.cells == study.cells
    assert again.rows == study.rows
    assert again.verdicts == study.verdicts


def test_a_killed_study_loses_one_cell(generator, toy_jets, tmp_path, monkeypatch, study):
    calls = []
    original = Generator.generate

    def killed(self, *args, **kwargs):
        calls.append(kwargs["seed"])
        if len(calls) == 5:
            raise KeyboardInterrupt
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Generator, "generate", killed)
    with pytest.raises(KeyboardInterrupt):
        run_study(generator, toy_jets, tmp_path, **SETTINGS)
    assert len(list((tmp_path / "cells").glob("*.json"))) == 4
    assert not (tmp_path / "study.json").exists()
    resumed = run_study(generator, toy_jets, tmp_path, **SETTINGS)
    assert len(calls) == 5 + 12 - 4
    assert [c.scores for c in resumed.cells] == [c.scores for c in study.cells]


def test_progress_rises_to_the_number_of_cells(generator, toy_jets, tmp_path):
    told = []
    settings = {**SETTINGS, "types": ["q"], "seeds": [3]}
    run_study(
        generator, toy_jets, tmp_path, **settings, progress=lambda what, d, n: told.append((d, n))
    )
    done = [d for d, _ in told]
    assert done == sorted(done)
    assert told[0] == (0, 3)
    assert told[-1] == (pytest.approx(3), 3)


def test_json_round_trip(study, tmp_path):
    study.write(tmp_path / "study.json")
    assert Study.read(tmp_path / "study.json") == study


def test_damaged_study_is_refused(study, tmp_path):
    path = tmp_path / "study.json"
    with pytest.raises(InputError, match="cannot be read"):
        Study.read(path)
    path.write_text(study.model_dump_json()[:-20])
    with pytest.raises(InputError, match=r"study\.json: .*run the study again"):
        Study.read(path)
    path.write_text(study.model_copy(update={"format": 9}).model_dump_json())
    with pytest.raises(InputError, match="format is 9"):
        Study.read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 31}, "computed with count 30, now it is 31"),
        ({"batch": 10}, "computed with batch 20, now it is 10"),
        ({"draws": 150}, "computed with draws 120, now it is 150"),
    ],
)
def test_other_settings_are_refused(out, generator, toy_jets, change, message):
    with pytest.raises(InputError, match=message + r".*--force"):
        run_study(generator, toy_jets, out, **{**SETTINGS, **change})


def test_another_model_or_reference_is_refused(out, generator, toy_jets, make_jets):
    with pytest.raises(InputError, match="computed with reference"):
        run_study(generator, make_jets(200, seed=8), out, **SETTINGS)
    other = tiny_generator(make_jets(200, seed=9))
    with pytest.raises(InputError, match="computed with model"):
        run_study(other, toy_jets, out, **SETTINGS)


def test_force_computes_again(generator, toy_jets, make_jets, tmp_path):
    settings = {**SETTINGS, "types": ["w"], "seeds": [1]}
    run_study(generator, toy_jets, tmp_path, **settings)
    forced = run_study(generator, toy_jets, tmp_path, **{**settings, "count": 25}, force=True)
    assert {cell.settings.count for cell in forced.cells} == {25}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samplers": ["rk46"]}, "samplers: unknown sampler 'rk46'"),
        ({"samplers": ["dpm:steps=0"]}, "samplers: steps must be at least 1"),
        ({"samplers": []}, "at least one sampler"),
        ({"seeds": []}, "at least one sampler and one seed"),
        ({"count": 1}, "count is 1; a study of this size needs at least 2"),
        ({"types": ["b"]}, "class 'b' is unknown to the model"),
    ],
)
def test_bad_input(generator, toy_jets, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        run_study(generator, toy_jets, tmp_path / "new", **{**SETTINGS, **change})
    assert not (tmp_path / "new").exists()


def test_class_without_reference(generator, make_jets, tmp_path):
    with pytest.raises(InputError, match="class 'g' has 0 reference events"):
        run_study(generator, make_jets(50, types=("t",)), tmp_path, **SETTINGS)


def test_class_the_model_was_not_trained_on(make_jets, toy_jets, tmp_path):
    small = tiny_generator(make_jets(100, types=("t",)))
    with pytest.raises(InputError, match="class 'g' is unknown to the model, which has t"):
        run_study(small, toy_jets, tmp_path, **SETTINGS)


def test_reference_of_other_width(generator, make_jets, tmp_path):
    with pytest.raises(InputError, match="up to 12 particles, the model's up to 30"):
        run_study(generator, make_jets(50, particles=12), tmp_path, **SETTINGS)


def test_directory_of_something_else(generator, toy_jets, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="is not empty and holds no study"):
        run_study(generator, toy_jets, tmp_path, **SETTINGS)


def test_a_study_without_its_cells_is_computed_anew(generator, toy_jets, tmp_path):
    settings = {**SETTINGS, "types": ["z"], "seeds": [1]}
    first = run_study(generator, toy_jets, tmp_path, **settings)
    shutil.rmtree(tmp_path / "cells")
    again = run_study(generator, toy_jets, tmp_path, **settings)
    assert [cell.scores for cell in again.cells] == [cell.scores for cell in first.cells]


def test_damaged_cells(generator, toy_jets, tmp_path):
    settings = {**SETTINGS, "types": ["z"], "seeds": [1]}
    run_study(generator, toy_jets, tmp_path, **settings)
    file = next((tmp_path / "cells").glob("dpm*.npz"))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=r"npz: missing or damaged; delete .*json"):
        run_study(generator, toy_jets, tmp_path, **settings)
    file = next((tmp_path / "cells").glob("dpm*.json"))
    file.write_text("{}")
    with pytest.raises(InputError, match=r"json: field sampler: Field required; delete the file"):
        run_study(generator, toy_jets, tmp_path, **settings)
    file.unlink()
    assert len(run_study(generator, toy_jets, tmp_path, **settings).cells) == 3


def test_more_truth_needs_no_scaling(generator, toy_jets, make_jets, tmp_path):
    settings = {**SETTINGS, "types": ["z"], "seeds": [1]}
    study = run_study(generator, toy_jets, tmp_path, **settings, truth=make_jets(200, seed=4))
    assert study.floors[0].sizes == study.floors[0].splits == (30, 200)


def test_more_truth_of_another_form_is_refused_before_work(generator, toy_jets, tmp_path):
    settings = {**SETTINGS, "types": ["z"], "seeds": [1]}
    fewer = replace(toy_jets, particles=toy_jets.particles[:, :8], mask=toy_jets.mask[:, :8])
    with pytest.raises(InputError, match="the floor does not fit the model"):
        run_study(generator, toy_jets, tmp_path / "out", **settings, truth=fewer)
    images = made_images(20, planes=1, size=16)
    with pytest.raises(InputError, match="makes jets and the floor holds images"):
        run_study(generator, toy_jets, tmp_path / "out", **settings, truth=images)
    assert not (tmp_path / "out").exists()


def test_fingerprints_see_every_bit(generator, toy_jets):
    assert fingerprint(generator) == fingerprint(tiny_generator(toy_jets))
    before = fingerprint(generator)
    weight = next(generator.particle_level.parameters())
    old = weight.data.flatten()[0].item()
    weight.data.view(-1)[0] = old + 1e-3
    changed = fingerprint(generator)
    weight.data.view(-1)[0] = old
    assert before != changed
    assert fingerprint(generator) == before
    moved = toy_jets.particles.copy()
    moved[3, 0, 0] += 1e-6
    assert fingerprint_events(toy_jets) != fingerprint_events(replace(toy_jets, particles=moved))


def test_verdict_over_classes_is_the_worst(study):
    sampler = next(s for s in study.labels if s.startswith("em"))
    outcomes = {study.outcome(sampler, t) for t in study.types}
    overall = study.outcome(sampler)
    assert overall in outcomes
    if "worse" in outcomes:
        assert overall == "worse"


def test_tables(study):
    text = markdown(study)
    assert "## Class t" in text
    assert text.count("| RK45(1e-4) |") >= 2
    assert "W1P [1e-3]" in text
    assert "Smallest average W1" in text
    lines = comma_separated(study).splitlines()
    assert len(lines) == 1 + 6
    head = lines[0].split(",")
    row = dict(zip(head, lines[1].split(",")[-len(head) :], strict=True))
    assert {"w1p", "w1p_error", "w1p_floor", "w1p_floor_sd", "verdict"} <= set(head)
    assert np.isclose(float(row["w1p"]), study.rows[0].scores["w1p"].value)


def test_one_sampler_is_not_called_better_than_the_others(generator, toy_jets, tmp_path):
    alone = {**SETTINGS, "samplers": SETTINGS["samplers"][:1]}
    study = run_study(generator, toy_jets, tmp_path, **alone)
    assert not study.best and study.recommendation.sampler is None


def test_a_score_over_its_floor():
    floor = Floor(
        event_type="t",
        sizes=(9, 9),
        splits=(9, 9),
        scores={"w1m": Score(value=0.5, error=0.1), "w1p": Score(value=0.0, error=0.2)},
    )
    assert floor.ratio("w1m", Score(value=1.0, error=0.25)) == (2.0, 0.5)
    assert floor.ratio("w1p", Score(value=1.0, error=0.25)) == (5.0, 1.25)
