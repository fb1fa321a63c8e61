"""EDM's stochastic sampler against its algorithm, written out, and against exact laws."""

import math

import pytest
import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, gaussian
from driftline.diffusion.grids import Karras
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import EDM, Heun, sample
from driftline.diffusion.samplers.plan import LinearStep
from driftline.diffusion.schedules import VP
from linear_law import exact_std, flow_std, linear_law
from oracles import slope

END = 1e-3


def algorithm_2(s: list[float], churn: float, low: float, high: float, inflation: float) -> Tensor:
    """2206.00364, algorithm 2, for Gaussian data of standard deviation 0.5 around 0.4."""

    def denoise(x: Tensor, s: float) -> Tensor:
        return 0.4 + 0.25 / (0.25 + s**2) * (x - 0.4)

    events, n = torch.arange(20), len(s)
    x = s[0] * Noise(8).normal(events, (1,), 0, torch.float64)
    interval = 1
    for i, (here, there) in enumerate(zip(s, [*s[1:], 0.0], strict=True)):
        gamma = min(churn / n, math.sqrt(2) - 1) if low <= here <= high and i > 0 else 0.0
        up = here * (1 + gamma)
        if gamma > 0:
            z = Noise(8).normal(events, (1,), interval, torch.float64)
            x, interval = x + math.sqrt(up**2 - here**2) * inflation * z, interval + 1
        slope_here = (x - denoise(x, up)) / up
        new = x + (there - up) * slope_here
        if there > 0:
            slope_there = (new - denoise(new, there)) / there
            new = x + (there - up) * (slope_here + slope_there) / 2
        x = new
    return x


@pytest.mark.parametrize("churn", [0.0, 3.0, 1e3])
def test_the_rows_are_the_published_algorithm(churn: float) -> None:
    sampler = EDM(12, churn, low=0.05, high=20.0, inflation=1.01)
    result = sample(
        AnalyticDenoiser(gaussian(0.4, 0.5), VP()),
        sampler,
        noise=Noise(8),
        events=20,
        shape=(1,),
        dtype=torch.float64,
    )
    s = (-VP().log_snr(Karras().times(12, VP()))).exp().tolist()
    torch.testing.assert_close(result.x, algorithm_2(s, churn, 0.05, 20.0, 1.01))
    assert result.calls == result.evaluations == 23


@pytest.mark.parametrize("churn", [0.0, 10.0])
def test_second_order_with_and_without_churn(churn: float) -> None:
    steps, grid = (20, 40, 80), Karras(noise_end=END)
    exact = exact_std(0.5, END) if churn else flow_std(0.5, END)
    errors = [linear_law(EDM(n, churn, grid=grid), 0.0, 0.5)[1] - exact for n in steps]
    assert slope(steps, errors) == pytest.approx(2, abs=0.25)
    assert linear_law(EDM(40, churn, grid=grid), 0.4, 0.5)[0] == pytest.approx(0.4, abs=5e-3)


def test_without_churn_it_is_heuns_method() -> None:
    mine, other = EDM(15, churn=0.0), Heun(15)
    assert mine.deterministic and not EDM(15).deterministic
    assert mine.plan(VP()) == other.plan(VP())


def test_fresh_noise_is_added_between_low_and_high_alone() -> None:
    plan = EDM(30, 10.0, low=0.1, high=2.0).plan(VP())
    noisy = [step for step in plan.steps if isinstance(step, LinearStep) and step.c > 0]
    assert 0 < len(noisy) < 29
    assert all(0.1 <= step.level.s <= 2.0 for step in noisy)


def test_the_grid_may_be_one_evaluation() -> None:
    assert len(EDM(1).plan(VP()).steps) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "at least 1"),
        ({"churn": -1.0}, "churn"),
        ({"inflation": 0.0}, "inflation"),
        ({"low": 2.0, "high": 1.0}, "low"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EDM(**settings)  # type: ignore[arg-type]
