"""``--against-simulation``: what is timed, and its way to tables, page and file."""

import csv
import io
import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from driftline.data.clouds import JET_TYPES, Jets
from driftline.errors import InputError
from driftline.metrics import kinds
from driftline.report import study_page as module
from driftline.report.economy import economy_figure
from driftline.report.page import render
from driftline.report.study_page import study_page
from driftline.simulation.origin import Origin
from driftline.study import Study, run_study
from driftline.study.against_simulation import time_in_turns
from driftline.study.economy import break_even
from driftline.study.economy_tables import break_even_text, with_error
from driftline.study.tables import comma_separated, markdown, recommendation, verdict
from tiny_models import tiny_generator

COMMON = {
    "samplers": ["dpm:steps=4", "dpm:steps=2"],
    "count": 20,
    "types": ["t", "g"],
    "draws": 120,
    "against_simulation": True,
}


def burn(seconds):
    """Use so much processor time."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def made_simulation(seconds, particles=30):
    """Gives four jets at a time and burns so many seconds over each; over gluons twice as many."""

    def stream(event_type):
        label = JET_TYPES.index(event_type)
        jets = Jets(
            particles=np.zeros((4, particles, 3), np.float32),
            mask=np.zeros((4, particles), bool),
            features=np.zeros((4, 4), np.float32),
            labels=np.full(4, label),
            types=JET_TYPES,
        )
        while True:
            burn(4 * seconds * (2 if event_type == "g" else 1))
            yield jets

    return Origin("a made simulation", stream)


def simulated_by(monkeypatch, origin):
    """Jets come from ``origin`` wherever a study asks for their kind."""
    made = replace(kinds.JETS, origin=lambda jets: origin)
    monkeypatch.setattr(kinds, "KINDS", (made, kinds.IMAGES))


@pytest.fixture(scope="module")
def model(toy_jets):
    model = tiny_generator(toy_jets)
    stages = {"particle_level": {"steps": 5, "seconds": 1800.0}}
    model.card = {"name": "tiny", "training": {"stages": stages, "threads": 2}}
    return model


@pytest.fixture(scope="module")
def out(model, toy_jets, tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        simulated_by(patch, made_simulation(0.005))
        run_study(model, toy_jets, out, **COMMON)
    return out


def test_costs_are_those_of_events_made_in_turns():
    turns = []

    def at_least(size):
        turns.append("a")
        burn(0.002 * (size + 1))
        return size + 1

    def exactly(size):
        turns.append("b")
        burn(0.005 * size)
        return size

    costs = time_in_turns({("a", "t"): at_least, ("b", "t"): exactly}, 4, lambda text: None)
    assert turns == ["a", "b"] * 5
    assert [cost.events for cost in costs.values()] == [25, 20]
    assert costs["a", "t"].seconds == pytest.approx(0.002, rel=0.3)
    assert costs["b", "t"].seconds == pytest.approx(0.005, rel=0.3)


def test_a_study_holds_costs_and_break_even(out, model):
    economy = Study.read(out / "study.json").economy
    assert list(economy.simulated) == list(model.types)
    assert [list(costs) for costs in economy.generated.values()] == [["t", "g"]] * 2
    assert economy.simulated["t"].seconds == pytest.approx(0.005, rel=0.3)
    assert economy.simulated["g"].seconds == pytest.approx(0.01, rel=0.3)
    assert economy.training.seconds == 3600.0
    for sampler, costs in economy.generated.items():
        expected = break_even(economy.simulated, costs, economy.training)
        assert economy.break_even[sampler] == expected


def test_the_verdict_tells_speed_and_break_even(out):
    study = Study.read(out / "study.json")
    economy, text = study.economy, verdict(study)
    chosen = study.recommendation.cheaper or study.baseline
    cost, simulated = economy.generation_cost(chosen), economy.simulation_cost()
    speed = with_error(*cost.times_faster(simulated))
    assert text.startswith(recommendation(study))
    assert f"{study.labels[chosen]} makes {speed} times as many jets a second" in text
    assert text.endswith(f"Break-even [jets]: {break_even_text(economy.break_even[chosen])}.")
    assert markdown(study).splitlines()[2] == f"**{text}**"
    assert text in render(study_page(study))


def test_both_run_on_one_thread_and_no_noise_twice(model, toy_jets, tmp_path, monkeypatch):
    simulated_by(monkeypatch, made_simulation(0.0))
    seen, generate = [], model.generate

    def watched(count, *arguments, seed, **options):
        if seed > 1:  # not a cell
            seen.append((count, seed, torch.get_num_threads()))
        return generate(count, *arguments, seed=seed, **options)

    monkeypatch.setattr(model, "generate", watched)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        one = {"samplers": ["dpm:steps=2"], "types": ["t"]}
        run_study(model, toy_jets, tmp_path / "out", **COMMON | one)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    counts, seeds, threads = zip(*seen, strict=True)
    assert counts == (1, 4, 4, 4, 4, 4)
    assert len(set(seeds)) == 6
    assert set(threads) == {1}


def test_tables_and_page(out, monkeypatch):
    study = Study.read(out / "study.json")
    text = markdown(study)
    assert "## Cost against simulation" in text
    assert "| W1M / floor | W1P / floor | W1EFP / floor | Break-even [jets] |" in text
    assert "a made simulation" in text
    assert "(1,000 jets" in text
    assert text.index("| Simulation |") < text.index("DPM-Solver++(2M), 4", text.index("## Cost"))
    columns, *lines = csv.reader(io.StringIO(comma_separated(study)))
    assert columns[-3:] == ["simulated_event_seconds", "simulated_event_seconds_error", "verdict"]
    assert {len(line) for line in lines} == {len(columns)}
    drawn = {"against_simulation": economy_figure(study)}
    monkeypatch.setattr(module, "draw_study", lambda _: drawn)
    page = render(study_page(study))
    assert "Cost against simulation" in page
    assert "Break-even [jets]" in page


def test_a_file_without_costs_is_still_read(out, tmp_path):
    content = json.loads((out / "study.json").read_text())
    del content["economy"]
    (tmp_path / "study.json").write_text(json.dumps(content))
    study = Study.read(tmp_path / "study.json")
    assert study.economy is None
    assert "Cost against" not in markdown(study)
    assert "generated_event" not in comma_separated(study)
    assert economy_figure(study) is None


def test_what_cannot_be_compared_is_refused(model, toy_jets, tmp_path, monkeypatch):
    simulated_by(monkeypatch, made_simulation(0.0, particles=20))
    with pytest.raises(InputError, match="does not fit the reference"):
        run_study(model, toy_jets, tmp_path / "out", **COMMON)
    monkeypatch.setattr("driftline.simulation.pythia.find_spec", lambda name: None)
    monkeypatch.setattr(kinds, "KINDS", (kinds.JETS, kinds.IMAGES))
    with pytest.raises(InputError, match=r"needs pythia8mc and fastjet.*pip install"):
        run_study(model, toy_jets, tmp_path / "out", **COMMON)
    assert not (tmp_path / "out" / "study.json").exists()
