"""Samplers of k-diffusion, diffusers and azula beside ours, on one problem and equal levels.

Their values were made in an environment of their own by ``fixtures/make_peers.py``. Where they
differ from ours, their order of convergence says which are right.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from driftline.diffusion import schedules
from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture
from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.samplers import (
    DDIM,
    DEIS,
    EDM,
    IPNDM,
    RK4,
    Ancestral,
    DPMSolver,
    Euler,
    Heun,
    Sampler,
    SASolver,
    UniPC,
    sa_solver,
)
from driftline.diffusion.samplers.adaptive_ode import Flow
from driftline.diffusion.samplers.clocks import LogSNRClock
from driftline.diffusion.samplers.dpm_adaptive import DPMSolver23Pair
from driftline.diffusion.samplers.loop import run
from driftline.diffusion.samplers.plan import Level, Model
from driftline.diffusion.samplers.polynomials import exponential_weights, log_steps
from driftline.diffusion.schedules import Schedule
from oracles import slope

PEERS = json.loads((Path(__file__).parents[1] / "fixtures" / "peers.json").read_text())
SCHEDULE = schedules.EDM(1e-5, 80.0)


def tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


MIXTURE = AnalyticDenoiser(
    GaussianMixture(**{name: tensor(v) for name, v in PEERS["mixture"].items()}), SCHEDULE
)


@dataclass(frozen=True)
class Explicit:
    """The levels of a fixture."""

    name: str = "levels"

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        assert steps == len(PEERS[self.name])
        return schedule.time(-tensor(PEERS[self.name]).log()).clamp(0.0, 1.0)


GRID, EQUAL, COUNT = Explicit(), Explicit("equal"), len(PEERS["levels"])


def ours(sampler: Sampler) -> Tensor:
    """Our events from the fixture's start and, where noise is drawn, its noise in turn."""
    draws = iter([tensor(PEERS["start"]) / 80.0, *tensor(PEERS["noise"])])
    return run(sampler.plan(SCHEDULE), Model(MIXTURE), lambda: next(draws))


SAME: dict[str, Sampler] = {
    "k-diffusion euler": Euler(COUNT, GRID),
    "k-diffusion heun": Heun(COUNT, GRID),
    "k-diffusion dpmpp_2m": DPMSolver(COUNT, 2, GRID),
    "k-diffusion lms-2, equal steps": IPNDM(COUNT, 2, EQUAL),
    "k-diffusion lms-4, equal steps": IPNDM(COUNT, 4, EQUAL),
    "k-diffusion euler_ancestral": Ancestral(COUNT, GRID),
    "k-diffusion dpmpp_2m_sde(0.5)": DPMSolver(COUNT, 2, GRID, 0.5),
    "k-diffusion dpmpp_2m_sde(1.0)": DPMSolver(COUNT, 2, GRID, 1.0),
    "diffusers UniPC-1": UniPC(COUNT, 1, GRID),
    "diffusers UniPC-2": UniPC(COUNT, 2, GRID),
    "diffusers UniPC-3": UniPC(COUNT, 3, GRID),
    "diffusers UniPC-3, lower last order": UniPC(COUNT, 3, GRID, lower_order_final=True),
    "diffusers DEIS-2": DEIS(COUNT, 2, GRID),
    "diffusers DEIS-3": DEIS(COUNT, 3, GRID),
    "diffusers DPM++ 2M": DPMSolver(COUNT, 2, GRID),
    "azula DDIM": DDIM(COUNT, grid=GRID),
    "azula Heun": Heun(COUNT, GRID),
    "azula zEAB-2": DEIS(COUNT, 2, GRID),
    "azula zEAB-3": DEIS(COUNT, 3, GRID),
    "azula zEAB-4": DEIS(COUNT, 4, GRID),
}
SINGLE = {"diffusers DPM++ 2M"}
"""Computed in float32 by the peer, whatever it is given."""


@pytest.mark.parametrize("name", SAME)
def test_equal_to_rounding(name: str) -> None:
    """In float64, with the peer's noise where there is any.

    LMS integrates the polynomial through its estimates on any grid, iPNDM has the coefficients of
    equal steps, so they are compared there.
    """
    tolerance = 2e-5 if name in SINGLE else 1e-9
    expected = tensor(PEERS["results"][name])
    torch.testing.assert_close(ours(SAME[name]), expected, rtol=tolerance, atol=tolerance)


def test_heun_with_churn_lifts_the_same_levels() -> None:
    """The same noise level by level: k-diffusion draws at the head of every step, ours before it.

    It draws for the steps without churn too, the first (beyond S_max) and those below S_min.
    """
    sampler = EDM(COUNT, churn=4.0, low=0.05, high=50.0, inflation=1.003, grid=GRID)
    lifted = [0.05 <= s <= 50.0 for s in PEERS["levels"]]
    assert not lifted[0] and not lifted[-1] and sum(lifted) > 5
    used = [z for z, lift in zip(PEERS["noise"], lifted) if lift]
    draws = iter([tensor(PEERS["start"]) / 80.0, *tensor(used)])
    x = run(sampler.plan(SCHEDULE), Model(MIXTURE), lambda: next(draws))
    expected = tensor(PEERS["results"]["k-diffusion heun with churn"])
    torch.testing.assert_close(x, expected, rtol=1e-9, atol=1e-9)
    assert next(draws, None) is None


def published_weights(
    past: Sequence[Level], here: Level, there: Level, eta: float = 0.0
) -> tuple[float, ...]:
    r"""diffusers' SA-Solver: of two estimates it weighs the slope by :math:`(1 + \eta) h^2 / 2`.

    That is the slope's exact weight for small steps; ours is exact for all.
    """
    if len(past) != 2:
        return exponential_weights(past, here, there, eta)
    (new, old), h = log_steps(past, here), math.log(here.s / there.s)
    total, slope = -math.expm1(-(1 + eta) * h), (1 + eta) * h**2 / 2
    return (slope - total * old) / (new - old), (total * new - slope) / (new - old)


@pytest.mark.parametrize("name", PEERS["sa"])
def test_sa_solver_equals_diffusers_but_for_two_estimates(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same noise; every run has steps of two estimates, most start with them alone."""
    tau, predictor, corrector = PEERS["sa"][name]
    sampler = SASolver(COUNT, predictor, corrector, tau, *PEERS["band"], GRID)
    expected = tensor(PEERS["results"][f"diffusers SA({name})"])
    assert distance(sa_events(sampler), expected) > 1e-6
    monkeypatch.setattr(sa_solver, "exponential_weights", published_weights)
    torch.testing.assert_close(sa_events(sampler), expected, rtol=1e-8, atol=1e-8)


def sa_events(sampler: SASolver) -> Tensor:
    """Our events with the peer's noise, which draws in steps without noise, too."""
    plan = sampler.plan(SCHEDULE)
    steps: list[Any] = list(plan)
    used = [z for z, step in zip(PEERS["noise"], steps) if step.c > 0]
    draws = iter([tensor(PEERS["start"]) / 80.0, *tensor(used)])
    x = run(plan, Model(MIXTURE), lambda: next(draws))
    assert next(draws, None) is None
    return x


def test_dpm_solver_23_takes_k_diffusions_steps() -> None:
    """Along the steps that it took: where they arrive, and the error estimate of each.

    It takes the norm of a whole batch, and another rule for the next step, so its steps are given.
    """
    flow, pair = Flow(Model(MIXTURE), SCHEDULE, LogSNRClock()), DPMSolver23Pair()
    x, rows = tensor(PEERS["start"]), torch.arange(len(PEERS["start"]))
    before = x
    steps = PEERS["adaptive"]["steps"]
    assert len(steps) == PEERS["adaptive"]["accepted"] > 5
    for step in steps:
        u = torch.full((len(x),), step["from"], dtype=torch.float64)
        h = step["to"] - u
        trial = pair.attempt(flow, x, u, h, pair.head(flow, x, u, rows), rows)
        lower = trial.x_hat - trial.error
        size = torch.maximum(lower.abs(), before.abs())
        error = (trial.error / (0.05 * size).clamp(min=0.0078)).square().mean().sqrt()
        assert float(error) == pytest.approx(step["error"], rel=1e-6, abs=1e-12)
        x, before = trial.x_hat, lower
    torch.testing.assert_close(x, tensor(PEERS["adaptive"]["x"]), rtol=1e-8, atol=1e-8)


@pytest.fixture(scope="module")
def fine() -> Tensor:
    return ours(RK4(600, UniformLogSNR(1e-4)))


def distance(x: Tensor, y: Tensor) -> float:
    return float((x - y).abs().mean())


def theirs(name: str) -> dict[int, Tensor]:
    """A peer's events by its number of evaluations, on equal steps in log s."""
    return {int(n): tensor(x) for n, x in PEERS["orders"][name].items()}


@pytest.mark.parametrize(
    ("name", "order"),
    [("k-diffusion dpmpp_3m_sde(0)", 2), ("azula xEAB-3", 3), ("azula REAB-3", 1)],
)
def test_order_of_peers_that_are_called_third(name: str, order: int, fine: Tensor) -> None:
    r"""Measured on the mixture: 1.98 for k-diffusion, 3.20 for xEAB, 1.00 for REAB.

    k-diffusion's 3M gives the second divided difference the weight :math:`\varphi_3` of
    :math:`D'' h^2`, of which it is half: the method is of second order. azula's xEAB integrates the
    polynomial, as we do. azula's REAB takes :math:`\sqrt{\alpha_s^2 + \sigma_t^2}` from two levels
    where its own equation has one: first order.
    """
    errors = [distance(x, fine) for x in theirs(name).values()]
    assert slope(list(theirs(name)), errors) == pytest.approx(order, abs=0.25)


def test_our_third_order_is_the_polynomials_integral(fine: Tensor) -> None:
    """Ours and azula's xEAB differ in the second step alone, and by far less than their error."""
    published = theirs("k-diffusion dpmpp_3m_sde(0)")
    mine = {n: ours(DPMSolver(n, 3, UniformLogSNR(1e-4))) for n in published}
    errors = {n: distance(x, fine) for n, x in mine.items()}
    assert slope(list(errors), list(errors.values())) == pytest.approx(3, abs=0.25)
    for n, x in theirs("azula xEAB-3").items():
        assert distance(x, mine[n]) < 1e-2 * errors[n]
        assert errors[n] < distance(published[n], fine) / 5
