"""Adaptive probability flows: orders of the pairs, tolerances, costs of single events, limits."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.samplers import (
    RK4,
    DormandPrince,
    DPMSolver23,
    EvaluationLimit,
    ProbabilityFlowDOP853,
    ProbabilityFlowRK23,
    ProbabilityFlowRK45,
    Sampler,
    describe,
    parse,
)
from driftline.diffusion.samplers.adaptive_ode import DormandPrincePair, Flow, Pair
from driftline.diffusion.samplers.clocks import Clock, LogSNRClock, TimeClock
from driftline.diffusion.samplers.control import Control
from driftline.diffusion.samplers.dpm_adaptive import DPMSolver23Pair
from driftline.diffusion.samplers.plan import Model, levels
from driftline.diffusion.schedules import VP
from oracles import MIXTURE, NORMAL, normal_flow, run, slope

OWN_STEPS: list[Any] = [
    DormandPrince(1e-4),
    DormandPrince(1e-4, TimeClock()),
    DPMSolver23(1e-3, 1e-3),
]


@pytest.fixture(scope="module")
def fine() -> Tensor:
    return run(RK4(500, UniformLogSNR(1e-4))).x


# Local errors: one power above the order of the method. Sizes are steps in lambda and in t.
@pytest.mark.parametrize(
    ("pair", "clock", "time", "sizes", "order", "lower"),
    [
        (DormandPrincePair(), LogSNRClock(), 0.5, (0.4, 0.2, 0.1), 5, 4),
        (DormandPrincePair(), TimeClock(), 0.3, (0.04, 0.02, 0.01), 5, 4),
        (DPMSolver23Pair(), LogSNRClock(), 0.3, (0.2, 0.1, 0.05), 3, 2),
    ],
)
def test_local_orders_of_the_pairs(
    pair: Pair, clock: Clock, time: float, sizes: tuple[float, ...], order: int, lower: int
) -> None:
    flow = Flow(Model(NORMAL), VP(), clock)
    (here,) = levels(VP(), torch.tensor([time], dtype=torch.float64))
    x, rows = torch.tensor([[1.7], [-0.9]], dtype=torch.float64), torch.arange(2)
    u = torch.full((2,), clock.read(here), dtype=torch.float64)
    sign = 1 if isinstance(clock, LogSNRClock) else -1
    errors, estimated = [], []
    for size in sizes:
        h = torch.full_like(u, sign * size)
        trial = pair.attempt(flow, x, u, h, pair.head(flow, x, u, rows), rows)
        exact = normal_flow(x, here.s, float(clock.levels(VP(), u + h).s[0]))
        errors.append(float((trial.x_hat - exact).abs().mean()))
        estimated.append(float(trial.error.abs().mean()))
    inverse = [1 / size for size in sizes]
    assert slope(inverse, errors) == pytest.approx(order + 1, abs=0.25)
    assert slope(inverse, estimated) == pytest.approx(lower + 1, abs=0.25)


def test_the_last_evaluation_of_a_step_is_the_head_of_the_next() -> None:
    flow, pair = Flow(Model(MIXTURE), VP(), LogSNRClock()), DormandPrincePair()
    x, rows = torch.tensor([[0.3]], dtype=torch.float64), torch.arange(1)
    u, h = torch.zeros(1, dtype=torch.float64), torch.full((1,), 0.3, dtype=torch.float64)
    trial = pair.attempt(flow, x, u, h, pair.head(flow, x, u, rows), rows)
    assert trial.head is not None
    torch.testing.assert_close(trial.head, pair.head(flow, trial.x_hat, u + h, rows))


@pytest.mark.parametrize(
    "family",
    [
        DormandPrince,
        lambda tolerance: DormandPrince(tolerance, TimeClock()),
        lambda tolerance: DPMSolver23(tolerance, tolerance),
        lambda tolerance: ProbabilityFlowRK45(tolerance, denoise=True),
        lambda tolerance: ProbabilityFlowRK23(tolerance, denoise=True),
        lambda tolerance: ProbabilityFlowDOP853(tolerance, denoise=True),
    ],
)
def test_errors_follow_the_tolerance(family: Any, fine: Tensor) -> None:
    tolerances = (1e-2, 1e-3, 1e-4)
    results = [run(family(tolerance)) for tolerance in tolerances]
    errors = [float((result.x - fine).abs().median()) for result in results]
    for tolerance, error in zip(tolerances, errors):
        assert error < 3 * tolerance
    assert errors[2] < 0.1 * errors[0]
    assert results[0].evaluations < results[1].evaluations < results[2].evaluations


@pytest.mark.parametrize("sampler", OWN_STEPS, ids=describe)
def test_events_pay_for_their_own_steps_alone(sampler: Sampler) -> None:
    """In a batch each event takes the evaluations, and arrives, as if it were alone."""
    together = run(sampler, 12)
    alone = [run(sampler, torch.tensor([k])) for k in range(12)]
    assert [one.evaluations == one.evaluations_max == one.calls for one in alone] == [True] * 12
    own = [one.evaluations for one in alone]
    assert together.evaluations == pytest.approx(sum(own) / 12)
    assert together.evaluations_max == max(own) > min(own)
    torch.testing.assert_close(together.x, torch.cat([one.x for one in alone]))


def test_evaluations_of_dormand_prince_are_whole_steps() -> None:
    """One, six for each attempt, and the clean estimate unless it is switched off."""
    with_estimate = run(DormandPrince(1e-3), 1)
    without = run(DormandPrince(1e-3, denoise=False), 1)
    assert (with_estimate.calls - 2) % 6 == 0
    assert without.calls == with_estimate.calls - 1


@pytest.mark.parametrize("denoise", [False, True])
@pytest.mark.parametrize("sampler", [DormandPrince(1e-6), ProbabilityFlowRK45(1e-6, t_min=1e-4)])
def test_the_final_estimate_can_be_left_out(sampler: Any, denoise: bool) -> None:
    """Without it the result is x = alpha x_hat at the last level, on the exact flow."""
    solver, seen = replace(sampler, denoise=denoise), []
    plan = solver.plan(VP())
    x = run(solver, 20, denoiser=NORMAL, record=lambda level, x: seen.append(x)).x
    exact = normal_flow(seen[0] / plan.start.alpha, plan.start.s, plan.end.s)
    torch.testing.assert_close(x, plan.end.alpha * exact, rtol=0, atol=2e-4)
    assert (plan.end.s > 0) != denoise


def test_error_is_the_events_own_over_real_entries() -> None:
    control = Control(absolute=0.1, relative=0.01, order=5)
    error = torch.tensor([[0.3, 0.1, 9.0], [0.0, 0.2, 0.2]], dtype=torch.float64)
    state = torch.zeros_like(error)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    s = torch.tensor([0.0, math.sqrt(3)], dtype=torch.float64)
    measured = control.error(error, state, state, s, mask)
    # The second event stands in noise of scale 2, which loosens the absolute tolerance.
    expected = [math.sqrt((9 + 1) / 2), math.sqrt((0 + 1 + 1) / 3)]
    assert measured.tolist() == pytest.approx(expected)
    large = torch.full_like(error, 50.0)
    assert control.error(error, state, large, s, mask)[0] == pytest.approx(expected[0] / 5)


def test_step_sizes_change_within_bounds() -> None:
    control = Control(0.1, 0.1, order=3)
    errors = torch.tensor([0.0, 0.5, 0.999, 1.001, 8.0, 1e9, math.nan], dtype=torch.float64)
    factors = control.factor(errors)[:6].tolist()
    grown = 0.9 * 0.5 ** (-1 / 3)
    assert factors == pytest.approx([5, grown, 0.9, 0.9, 0.45, 0.2], rel=1e-2)


@pytest.mark.parametrize("sampler", [*OWN_STEPS, ProbabilityFlowRK45(1e-4)], ids=describe)
def test_a_run_that_takes_too_many_evaluations_stops(sampler: Any) -> None:
    needed = run(sampler, 5).evaluations_max
    enough = replace(sampler, max_evaluations=needed)
    assert torch.equal(run(enough, 5).x, run(sampler, 5).x)
    short = replace(sampler, max_evaluations=20)
    with pytest.raises(EvaluationLimit, match=r"reached t = 0\.\d+.* raise max_evaluations"):
        run(short, 5)


@pytest.mark.parametrize("sampler", [*OWN_STEPS, ProbabilityFlowRK45(1e-4)], ids=describe)
def test_events_that_are_not_finite_are_named_with_their_time(sampler: Sampler) -> None:
    class Broken:
        schedule = VP()

        def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
            estimate = MIXTURE(x, t)
            hit = (t < 0.5) & (torch.arange(len(x)) == 2)
            return torch.where(hit[:, None], torch.nan, estimate)

    with pytest.raises(FloatingPointError, match=r"first: event 7, at t = 0\.[2-9]"):
        run(sampler, torch.arange(5, 9), denoiser=Broken())


@pytest.mark.parametrize("name", ["dopri5", "dpm23", "rk45"])
def test_a_tolerance_below_the_state_is_refused(name: str) -> None:
    sampler = parse(f"{name}:tolerance=1e-7")
    with pytest.raises(ValueError, match="below the reach of float32.*float64"):
        run(sampler, 2, dtype=torch.float32)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dopri5:tolerance=0", "tolerance"), ("dopri5:noise_end=0", "noise_end"),
        ("dopri5:max_evaluations=6", "max_evaluations"), ("dopri5:clock=hour", "unknown clock"),
        ("dopri5:denoise=maybe", "bool"), ("dpm23:tolerance=2", "tolerance"),
        ("dpm23:absolute=0", "absolute"), ("dpm23:noise_end=-1", "noise_end"),
        ("dpm23:max_evaluations=2", "max_evaluations"), ("rk45:max_evaluations=0", "max_eval"),
        ("rk23:t_min=0", "t_min"), ("dop853:tolerance=-1", "tolerance"),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_an_end_above_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="fall strictly"):
        run(DormandPrince(1e-3, noise_end=1e4), 2)
