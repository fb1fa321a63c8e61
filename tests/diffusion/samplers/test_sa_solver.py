"""SA-Solver: orders on exact laws, the corrector written out, limits that are other methods."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Ancestral, DPMSolver, SASolver
from driftline.diffusion.samplers.plan import LinearStep, levels
from driftline.diffusion.samplers.sa_solver import AdamsStep
from driftline.diffusion.schedules import VP
from linear_law import exact_std, flow_std, linear_law
from oracles import slope

END = 1e-3
GRID = UniformLogSNR(END)


def everywhere(steps: int, predictor: int, corrector: int, tau: float) -> SASolver:
    return SASolver(steps, predictor, corrector, tau, 0.0, 1e9, GRID)


@pytest.mark.parametrize(
    ("predictor", "corrector", "order", "steps"),
    [
        (1, 0, 1, (40, 80, 160)),
        (2, 0, 2, (40, 80, 160)),
        (1, 1, 2, (40, 80, 160)),
        (2, 2, 3, (40, 80, 160)),
    ],
)
def test_order_without_noise(
    predictor: int, corrector: int, order: int, steps: tuple[int, ...]
) -> None:
    errors = [
        linear_law(everywhere(n, predictor, corrector, 0.0), 0.0, 0.5)[1] - flow_std(0.5, END)
        for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize(("predictor", "corrector", "order"), [(1, 0, 1), (2, 0, 2), (3, 3, 2)])
def test_order_of_the_law_with_noise(predictor: int, corrector: int, order: int) -> None:
    steps = (60, 120, 240)
    errors = [
        linear_law(everywhere(n, predictor, corrector, 1.0), 0.0, 0.5)[1] - exact_std(0.5, END)
        for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(order, abs=0.25)


def test_third_order_without_noise_is_dpm_solver() -> None:
    """Whose order is tested on its own; the spread of a Gaussian alone shows one order more."""
    for mine, other in zip(everywhere(20, 3, 0, 0.0).plan(VP()), DPMSolver(20, 3, GRID).plan(VP())):
        assert isinstance(mine, LinearStep) and isinstance(other, LinearStep)
        if len(other.b) != 2:  # where DPM-Solver++ takes the middle of the step
            assert (mine.a, *mine.b, mine.c) == pytest.approx((other.a, *other.b, other.c))


def test_default_is_close_at_thirty_evaluations() -> None:
    mean, std = linear_law(SASolver(30, grid=GRID), 0.4, 0.5)
    assert mean == pytest.approx(0.4, abs=5e-3)
    assert std == pytest.approx(exact_std(0.5, END), abs=0.01)


def test_first_order_with_tau_one_is_ancestral() -> None:
    for mine, other in zip(everywhere(20, 1, 0, 1.0).plan(VP()), Ancestral(20, GRID).plan(VP())):
        assert isinstance(mine, LinearStep) and isinstance(other, LinearStep)
        assert (mine.a, *mine.b, mine.c) == pytest.approx((other.a, *other.b, other.c))


@given(tau=st.floats(0, 2), predictor=st.integers(1, 4), corrector=st.integers(0, 4))
def test_rows_leave_a_point_where_it_is_and_keep_its_noise(
    tau: float, predictor: int, corrector: int
) -> None:
    plan = everywhere(12, predictor, corrector, tau).plan(VP())
    for k, step in enumerate(plan.steps[:-1]):
        assert isinstance(step, LinearStep)
        there = plan.steps[k + 1].level
        assert step.a + sum(step.b) == pytest.approx(1, abs=1e-9)
        assert (step.a * step.level.s) ** 2 + step.c**2 == pytest.approx(there.s**2)


def test_one_row_is_predict_evaluate_correct() -> None:
    """The algorithm with its own states: correct from the last corrected state, same noise."""

    def denoise(x: float, s: float) -> float:
        return math.tanh(x) / (1 + s**2)

    points = levels(VP(), GRID.times(8, VP()))
    z = Noise(2).normal(torch.arange(1), (9,), dtype=torch.float64)[0].tolist()
    steps = [AdamsStep(points, k, 0.8) for k in range(7)]
    x = predicted = points[0].s * z[0]
    estimates: dict[int, float] = {}
    for k in range(8):
        estimates[k] = denoise(predicted, points[k].s)
        if k > 0:
            last = steps[k - 1]
            noise = last.deviation * z[k]
            weights = last.weights(k, 3)  # corrector 2: the new estimate and two old ones
            x = last.r * x + sum(w * estimates[j] for j, w in weights.items()) + noise
        if k < 7:
            weights = steps[k].weights(k, 3)
            predicted = steps[k].r * x + sum(w * estimates[j] for j, w in weights.items())
            predicted += steps[k].deviation * z[k + 1]

    state, history = points[0].s * z[0], []
    rows = everywhere(8, 3, 2, 0.8).plan(VP()).steps[:-1]
    for k, row in enumerate(rows):
        assert isinstance(row, LinearStep)
        history.insert(0, denoise(state, row.level.s))
        assert len(row.b) <= len(history)
        state = row.a * state + sum(w * d for w, d in zip(row.b, history)) + row.c * z[k + 1]
    assert state == pytest.approx(predicted, rel=1e-9)


def test_noise_lies_between_low_and_high_alone() -> None:
    plan = SASolver(40, low=0.1, high=2.0).plan(VP())
    for step in plan.steps[:-1]:
        assert isinstance(step, LinearStep)
        assert (step.c > 0) == (0.1 <= step.level.s <= 2.0)
    assert SASolver(tau=0).deterministic and not SASolver().deterministic


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "at least 1"),
        ({"predictor": 0}, "predictor"),
        ({"corrector": 5}, "corrector"),
        ({"tau": -1.0}, "tau"),
        ({"low": 2.0}, "low"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SASolver(**settings)  # type: ignore[arg-type]
