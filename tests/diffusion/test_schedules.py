"""Schedules against autograd, their own inverse, and a simulation of the forward SDE."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from driftline.diffusion.schedules import SCHEDULES, VP, Schedule, schedule_from_dict

ALL = [VP(), VP(0.5, 8.0)]


@pytest.mark.parametrize("schedule", ALL)
def test_drift_and_diffusion_follow_from_alpha_and_sigma(schedule: Schedule) -> None:
    t = torch.linspace(0.01, 1, 50, dtype=torch.float64, requires_grad=True)
    (f,) = torch.autograd.grad(schedule.log_alpha(t).sum(), t)
    (rate,) = torch.autograd.grad((schedule.sigma(t) ** 2).sum(), t)
    g2 = rate - 2 * f * schedule.sigma(t) ** 2
    torch.testing.assert_close(schedule.drift(t), f)
    torch.testing.assert_close(schedule.diffusion(t) ** 2, g2)


@pytest.mark.parametrize("schedule", ALL)
@given(t=st.floats(1e-5, 1.0))
def test_time_inverts_log_snr(schedule: Schedule, t: float) -> None:
    time = torch.tensor(t, dtype=torch.float64)
    torch.testing.assert_close(schedule.time(schedule.log_snr(time)), time, rtol=1e-9, atol=0)


def test_sigma_does_not_cancel_in_float32() -> None:
    t = torch.tensor([1e-5, 1e-4, 1e-3])
    exact = VP().sigma(t.double())
    torch.testing.assert_close(VP().sigma(t).double(), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("schedule", ALL)
def test_forward_sde_reaches_the_transition_kernel(schedule: Schedule) -> None:
    generator = torch.Generator().manual_seed(0)
    n, steps, start = 40_000, 400, 1.5
    x = torch.full((n,), start, dtype=torch.float64)
    for k in range(steps):
        t = torch.tensor((k + 0.5) / steps * 0.5, dtype=torch.float64)
        dw = torch.randn(n, dtype=torch.float64, generator=generator) * math.sqrt(0.5 / steps)
        x = x + schedule.drift(t) * x * 0.5 / steps + schedule.diffusion(t) * dw
    end = torch.tensor(0.5, dtype=torch.float64)
    alpha, sigma = float(schedule.alpha(end)), float(schedule.sigma(end))
    assert float(x.mean()) == pytest.approx(alpha * start, abs=4 * sigma / math.sqrt(n) + 2e-3)
    assert float(x.std()) == pytest.approx(sigma, rel=4 / math.sqrt(2 * n) + 2e-3)


@pytest.mark.parametrize("schedule", ALL)
def test_dictionary_round_trip(schedule: Schedule) -> None:
    assert schedule_from_dict(schedule.to_dict()) == schedule


def test_bad_schedules_are_refused() -> None:
    with pytest.raises(ValueError, match="beta_min"):
        VP(2.0, 1.0)
    with pytest.raises(ValueError, match=", ".join(SCHEDULES)):
        schedule_from_dict({"name": "none"})
