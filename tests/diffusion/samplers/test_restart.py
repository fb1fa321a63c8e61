"""Restart: order, counts, and the contraction of error that it is for."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture, gaussian
from driftline.diffusion.grids import Karras
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Heun, Restart, sample
from driftline.diffusion.samplers.loop import run
from driftline.diffusion.samplers.plan import LinearStep, Model, levels
from driftline.diffusion.schedules import VP
from linear_law import exact_std, linear_law
from oracles import slope

END = 1e-3


def test_second_order_in_both_grids() -> None:
    steps, grid = (20, 40, 80), Karras(noise_end=END)
    errors = [
        linear_law(Restart(n, inner=n // 5, grid=grid), 0.0, 0.5)[1] - exact_std(0.5, END)
        for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize(("restarts", "inner"), [(0, 3), (1, 1), (3, 4)])
def test_evaluations_equal_the_formula(restarts: int, inner: int) -> None:
    result = sample(
        AnalyticDenoiser(gaussian(0.4, 0.5), VP()),
        Restart(10, restarts, inner),
        noise=Noise(0),
        events=3,
        shape=(1,),
    )
    assert result.calls == result.evaluations == 19 + 2 * inner * restarts


def test_a_restart_returns_to_the_high_level_with_the_right_noise() -> None:
    sampler = Restart(18, restarts=2, inner=3, low=0.06, high=0.3)
    steps = [s for s in sampler.plan(VP()).steps if isinstance(s, LinearStep)]
    jumps = [(k, s) for k, s in enumerate(steps) if s.c > 0]
    assert len(jumps) == 2
    for k, jump in jumps:
        low, high = jump.level, steps[k + 1].level
        assert high.s == pytest.approx(0.3)
        assert low.s == pytest.approx(0.06, rel=0.3)
        assert jump.c**2 == pytest.approx(high.s**2 - low.s**2)


WEIGHTS, MEANS, STDS = np.array([0.3, 0.7]), np.array([-1.0, 0.6]), np.array([0.2, 0.3])


def denoise(x: NDArray[np.float64], s: float) -> NDArray[np.float64]:
    """E[x_0 | x_0 + s z = x] of the mixture of two Gaussians."""
    total, away = STDS**2 + s**2, x[:, None] - MEANS
    share = WEIGHTS * np.exp(-(away**2) / (2 * total)) / np.sqrt(total)
    own = MEANS + STDS**2 / total * away
    return (share * own).sum(1) / share.sum(1)


def heun(x: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """2206.00364, algorithm 1, without its last step to zero."""
    for here, there in pairwise(points):
        slope = (x - denoise(x, here)) / here
        ahead = x + (there - here) * slope
        x = x + (there - here) * (slope + (ahead - denoise(ahead, there)) / there) / 2
    return x


def test_equals_the_algorithm_as_published() -> None:
    """2306.14878, algorithm 1 with one interval, written out; the same noise for both."""
    sampler = Restart(12, restarts=3, inner=4, low=0.1, high=1.5, grid=Karras(noise_end=END))
    z = np.random.default_rng(5).normal(size=(4, 6))
    points = np.array([p.s for p in levels(VP(), sampler.grid.times(12, VP()))])
    at = int(np.abs(np.log(points / 0.1)).argmin())
    x = heun(points[0] * z[0], points[: at + 1])
    inner = np.linspace(1.5 ** (1 / 7), points[at] ** (1 / 7), 5) ** 7
    for fresh in z[1:]:
        x = heun(x + math.sqrt(1.5**2 - points[at] ** 2) * fresh, inner)
    x = denoise(heun(x, points[at:]), points[-1])

    mixture = GaussianMixture(*map(torch.from_numpy, (WEIGHTS, MEANS[:, None], STDS)))
    draws = iter(torch.from_numpy(z)[..., None])
    mine = run(sampler.plan(VP()), Model(AnalyticDenoiser(mixture, VP())), lambda: next(draws))
    np.testing.assert_allclose(mine[:, 0].numpy(), x, rtol=1e-8, atol=1e-8)
    assert next(draws, None) is None


def test_restarts_contract_the_error_of_the_main_pass() -> None:
    """Seven coarse steps leave an error; restarts above the data's scale forget it."""
    grid = Karras(noise_end=END)
    errors = [
        abs(
            linear_law(Restart(7, k, inner=8, low=0.05, high=4.0, grid=grid), 0.0, 0.5)[1]
            - exact_std(0.5, END)
        )
        for k in (0, 1, 3)
    ]
    assert errors[1] < 0.7 * errors[0]
    assert errors[2] <= errors[1]


def test_without_restarts_it_is_heuns_method() -> None:
    mine = Restart(12, restarts=0)
    assert mine.deterministic and not Restart(12).deterministic
    assert mine.plan(VP()) == Heun(12).plan(VP())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 1}, "at least 2"),
        ({"restarts": -1}, "restarts"),
        ({"inner": 0}, "inner"),
        ({"low": 0.3, "high": 0.3}, "low"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Restart(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (Restart(18, low=1e5, high=1e6), "range"),
        (Restart(18, low=1e-4, high=1e-3), "no level of the grid"),
    ],
)
def test_intervals_outside_the_schedule_are_refused(sampler: Restart, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampler.plan(VP())


def test_reproducible() -> None:
    denoiser = AnalyticDenoiser(gaussian(0.4, 0.5), VP())
    runs = [
        sample(denoiser, Restart(8), noise=Noise(seed), events=10, shape=(1,)).x
        for seed in (1, 1, 2)
    ]
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
