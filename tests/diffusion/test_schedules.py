"""Schedules against autograd, their inverse, a simulation of the SDE, and DPM-Solver's order."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, gaussian
from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import DPMSolver, sample
from driftline.diffusion.schedules import (
    EDM,
    SCHEDULES,
    VE,
    VP,
    Cosine,
    Linear,
    Schedule,
    SubVP,
    schedule_from_dict,
)

DEFAULTS = [kind() for kind in SCHEDULES.values()]
ALL = [
    *DEFAULTS,
    VP(0.5, 8.0),
    SubVP(0.5, 8.0),
    Cosine(12.0),
    Linear(0.1),
    VE(0.05, 20.0),
    EDM(0.01, 10.0, 3.0),
]
each_schedule = pytest.mark.parametrize("schedule", ALL, ids=str)


def at(t: float) -> Tensor:
    return torch.tensor(t, dtype=torch.float64)


@each_schedule
def test_drift_and_diffusion_follow_from_alpha_and_sigma(schedule: Schedule) -> None:
    t = torch.linspace(0.01, 1, 50, dtype=torch.float64, requires_grad=True)
    # 0 t: a constant alpha has no graph of its own.
    (f,) = torch.autograd.grad((schedule.log_alpha(t) + 0 * t).sum(), t)
    (rate,) = torch.autograd.grad((schedule.sigma(t) ** 2).sum(), t)
    (slope,) = torch.autograd.grad(schedule.log_snr(t).sum(), t)
    g2 = rate - 2 * f * schedule.sigma(t) ** 2
    torch.testing.assert_close(schedule.drift(t), f)
    torch.testing.assert_close(schedule.diffusion(t) ** 2, g2)
    torch.testing.assert_close(schedule.log_snr_slope(t), slope)


@each_schedule
@settings(deadline=None)
@given(t=st.floats(1e-5, 1.0))
def test_time_inverts_log_snr(schedule: Schedule, t: float) -> None:
    torch.testing.assert_close(schedule.time(schedule.log_snr(at(t))), at(t), rtol=1e-9, atol=0)


@each_schedule
def test_beyond_the_schedule_time_leaves_its_interval(schedule: Schedule) -> None:
    last, first = schedule.log_snr(at(1.0)), schedule.log_snr(at(0.0))
    assert float(schedule.time(last - 0.1)) > 1
    if torch.isfinite(first):
        assert float(schedule.time(first + 0.1)) < 0


@each_schedule
def test_float32_follows_float64(schedule: Schedule) -> None:
    """Also at small t, where 1 - exp would cancel, and at the end, where the cosine would."""
    t = torch.tensor([1e-5, 1e-4, 1e-3, 0.1, 0.5, 1.0])
    for name in ("alpha", "sigma", "diffusion"):
        value = getattr(schedule, name)
        torch.testing.assert_close(value(t).double(), value(t.double()), rtol=1e-5, atol=0)
    torch.testing.assert_close(
        schedule.log_snr(t).double(), schedule.log_snr(t.double()), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("schedule", DEFAULTS, ids=lambda s: type(s).__name__)
def test_forward_sde_reaches_the_transition_kernel(schedule: Schedule) -> None:
    generator = torch.Generator().manual_seed(0)
    n, steps, value = 30_000, 300, 1.5
    start, end = at(0.2), at(0.6)
    h = float(end - start) / steps
    x = torch.full((n,), value, dtype=torch.float64)
    for k in range(steps):
        t = start + (k + 0.5) * h
        dw = torch.randn(n, dtype=torch.float64, generator=generator) * math.sqrt(h)
        x = x + schedule.drift(t) * x * h + schedule.diffusion(t) * dw
    ratio = float(schedule.alpha(end) / schedule.alpha(start))
    std = float((schedule.sigma(end) ** 2 - ratio**2 * schedule.sigma(start) ** 2).sqrt())
    assert float(x.mean()) == pytest.approx(ratio * value, abs=4 * std / math.sqrt(n) + 2e-3)
    assert float(x.std()) == pytest.approx(std, rel=4 / math.sqrt(2 * n) + 2e-3)


@pytest.mark.parametrize(
    ("schedule", "t", "alpha", "sigma"),
    [
        (VP(), 1.0, math.exp(-5.025), math.sqrt(1 - math.exp(-10.05))),
        (SubVP(), 1.0, math.exp(-5.025), 1 - math.exp(-10.05)),
        (Cosine(), 0.5, math.sqrt(0.5), math.sqrt(0.5)),
        # ln(alpha^2/sigma^2) = 20, not ln(alpha/sigma)
        (Cosine(), 0.0, 1 / math.sqrt(1 + math.exp(-20)), 1 / math.sqrt(1 + math.exp(20))),
        (Linear(), 1.0, 0.01, 1.0),
        (VE(), 0.0, 1.0, 0.01),
        (VE(), 0.5, 1.0, math.sqrt(0.5)),
        (VE(), 1.0, 1.0, 50.0),
        (EDM(), 0.0, 1.0, 0.002),
        (EDM(), 1.0, 1.0, 80.0),
        # The 10th of 18 levels as computed from eq. 5 of 2206.00364.
        (EDM(), 9 / 17, 1.0, ((8 * 0.002 ** (1 / 7) + 9 * 80 ** (1 / 7)) / 17) ** 7),
    ],
    ids=str,
)
def test_published_values(schedule: Schedule, t: float, alpha: float, sigma: float) -> None:
    assert float(schedule.alpha(at(t))) == pytest.approx(alpha, rel=1e-12)
    assert float(schedule.sigma(at(t))) == pytest.approx(sigma, rel=1e-12)


@pytest.mark.parametrize("schedule", DEFAULTS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize(("order", "steps"), [(1, (80, 160, 320)), (2, (40, 80, 160))])
def test_dpm_solver_keeps_its_order(schedule: Schedule, order: int, steps: tuple[int, ...]) -> None:
    """Against the exact flow of a Gaussian to the last level and its exact clean estimate there."""
    mean, std, end = 0.4, 0.5, 0.011
    s = float((-schedule.log_snr(at(1.0))).exp())
    start = s * Noise(5).normal(torch.arange(100), (1,), dtype=torch.float64)
    gain = std**2 / (std**2 + end**2)
    exact = mean + gain * (start - mean) * math.sqrt((std**2 + end**2) / (std**2 + s**2))
    errors = []
    for n in steps:
        solver = DPMSolver(n, order=order, grid=UniformLogSNR(noise_end=end))
        result = sample(
            AnalyticDenoiser(gaussian(mean, std), schedule),
            solver,
            noise=Noise(5),
            events=100,
            shape=(1,),
            dtype=torch.float64,
        )
        errors.append(float((result.x - exact).square().mean().sqrt()))
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.25)


@each_schedule
def test_dictionary_round_trip(schedule: Schedule) -> None:
    assert schedule_from_dict(schedule.to_dict()) == schedule


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("VP", {"beta_min": 2.0, "beta_max": 1.0}, "beta_min"),
        ("SubVP", {"beta_min": 0.0}, "SubVP needs 0 < beta_min"),
        ("Cosine", {"log_snr_max": 0.0}, "log_snr_max > 0"),
        ("Linear", {"alpha_end": 0.0}, "alpha_end"),
        ("VE", {"sigma_min": 60.0}, "sigma_min"),
        ("EDM", {"sigma_min": -1.0}, "sigma_min"),
        ("EDM", {"rho": 0.0}, "rho"),
        ("none", {}, ", ".join(SCHEDULES)),
    ],
)
def test_bad_schedules_are_refused(name: str, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        schedule_from_dict({"name": name, **options})
