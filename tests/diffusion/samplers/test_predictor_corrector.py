"""Predictor-corrector sampling with each predictor."""

import pytest

from driftline.diffusion.grids import UniformLogSNR, UniformTime
from driftline.diffusion.samplers import (
    Ancestral,
    EulerMaruyama,
    PredictorCorrector,
    ReverseDiffusion,
    Sampler,
    describe,
    parse,
)
from driftline.diffusion.samplers.plan import LinearStep
from driftline.diffusion.samplers.predictor_corrector import PREDICTORS
from driftline.diffusion.schedules import VP
from linear_law import exact_std, linear_law
from oracles import run

END = 1e-3


@pytest.mark.parametrize("name", PREDICTORS)
def test_the_corrector_reduces_the_predictors_error(name: str) -> None:
    grid = UniformLogSNR(END)
    alone: dict[str, Sampler] = {
        "em": EulerMaruyama(150, grid),
        "reverse": ReverseDiffusion(150, grid),
        "ancestral": Ancestral(150, grid),
    }
    corrected = PredictorCorrector(150, 0.165, grid, PREDICTORS[name])
    with_it, without = (
        abs(linear_law(sampler, 0.0, 0.5)[1] - exact_std(0.5, END))
        for sampler in (corrected, alone[name])
    )
    assert with_it < 0.7 * without


@pytest.mark.parametrize("name", PREDICTORS)
def test_evaluations_are_two_a_step(name: str) -> None:
    sampler = PredictorCorrector(9, grid=UniformTime(), predictor=PREDICTORS[name])
    result = run(sampler, 4)
    assert result.calls == result.evaluations == result.evaluations_max == 18


@pytest.mark.parametrize(
    ("name", "alone"),
    [("em", EulerMaruyama(9)), ("reverse", ReverseDiffusion(9)), ("ancestral", Ancestral(9))],
)
def test_every_second_row_is_the_predictors_own(name: str, alone: Sampler) -> None:
    grid = alone.grid  # type: ignore[attr-defined]
    plan = PredictorCorrector(9, grid=grid, predictor=PREDICTORS[name]).plan(VP())
    assert plan.steps[1::2] == alone.plan(VP()).steps
    for corrector in plan.steps[::2]:
        assert isinstance(corrector, LinearStep)
        assert corrector.c == pytest.approx(2 * 0.165 * corrector.level.s)


@pytest.mark.parametrize("name", PREDICTORS)
def test_text_names_the_predictor(name: str) -> None:
    sampler = parse(f"pc:steps=7,predictor={name}")
    assert isinstance(sampler, PredictorCorrector)
    assert sampler.predictor is PREDICTORS[name] or sampler.predictor == PREDICTORS[name]
    assert parse(describe(sampler)) == sampler


def test_unknown_predictors_are_refused() -> None:
    with pytest.raises(ValueError, match="choose from em, reverse, ancestral"):
        parse("pc:predictor=none")
