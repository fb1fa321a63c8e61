"""Distributions of noise levels against their definitions."""

import pytest
import torch

from driftline.diffusion.levels import (
    LEVELS,
    LikelihoodLevels,
    NoiseLevels,
    NormalLogSNRLevels,
    UniformLogSNRLevels,
    UniformTimeLevels,
)
from driftline.diffusion.schedules import SCHEDULES, VE, VP, Schedule

U = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000
ALL = [UniformTimeLevels(), NormalLogSNRLevels(), UniformLogSNRLevels(), LikelihoodLevels()]
each_levels = pytest.mark.parametrize("levels", ALL, ids=lambda v: type(v).__name__)
each_schedule = pytest.mark.parametrize(
    "schedule", [kind() for kind in SCHEDULES.values()], ids=lambda v: type(v).__name__
)


@each_levels
@each_schedule
def test_times_lie_inside_the_schedule_and_rise_with_u(
    levels: NoiseLevels, schedule: Schedule
) -> None:
    ends = torch.tensor([0.0, 1 - 2**-24])
    for u in (U, U.float(), ends):
        t = levels.times(schedule, u)
        assert t.dtype == u.dtype
        assert t.isfinite().all()
        assert (t.diff() >= 0).all()
        assert t[0] >= 0
        assert t[-1] <= 1


@pytest.mark.parametrize("kind", list(LEVELS.values()))
def test_the_smallest_time_is_kept(kind: type[NormalLogSNRLevels]) -> None:
    for schedule in (VP(), VE()):
        assert 0.9e-4 < float(kind(t_min=1e-4).times(schedule, torch.zeros(1))[0])


@each_levels
@each_schedule
def test_density_is_that_of_the_times(levels: NoiseLevels, schedule: Schedule) -> None:
    """dt/du by central differences, away from u's ends."""
    u = torch.linspace(0.02, 0.98, 200, dtype=torch.float64)
    step = 1e-5
    slope = (levels.times(schedule, u + step) - levels.times(schedule, u - step)) / (2 * step)
    density = levels.density(schedule, levels.times(schedule, u))
    torch.testing.assert_close(density * slope, torch.ones_like(u), rtol=1e-4, atol=0)


def test_normal_log_snr_is_normal_inside_its_cut() -> None:
    log_snr = VP().log_snr(NormalLogSNRLevels(mean=0.4, deviation=0.8).times(VP(), U))
    assert log_snr.mean().item() == pytest.approx(0.4, abs=1e-3)
    assert log_snr.std().item() == pytest.approx(0.8, abs=1e-3)
    quantile = torch.special.ndtri(torch.tensor(0.9, dtype=torch.float64)) * 0.8 + 0.4
    assert log_snr.quantile(0.9).item() == pytest.approx(quantile.item(), abs=1e-3)


def test_uniform_log_snr_is_uniform() -> None:
    log_snr = VP().log_snr(UniformLogSNRLevels(-2.0, 3.0).times(VP(), U))
    torch.testing.assert_close(log_snr, 3.0 - 5.0 * U, rtol=0, atol=1e-8)


def test_uniform_log_snr_stays_inside_the_schedule() -> None:
    log_snr = VE().log_snr(UniformLogSNRLevels(-3.0, 9.0).times(VE(), U))
    high = -torch.tensor(0.01, dtype=torch.float64).log()
    torch.testing.assert_close(log_snr, high - (high + 3.0) * U, rtol=0, atol=1e-8)


@each_schedule
def test_likelihood_levels_have_density_g2_over_sigma2(schedule: Schedule) -> None:
    """Their proportion is the same at all t, and the density has integral one."""
    levels = LikelihoodLevels(t_min=1e-3)
    # Nodes dense at both ends, where the density of some schedules is large.
    low = torch.logspace(-3, -0.31, 10_000, dtype=torch.float64)
    high = 1 - torch.logspace(-0.3, -8, 10_000, dtype=torch.float64)
    t = torch.cat([low, high])
    density = levels.density(schedule, t)
    ratio = density / (schedule.diffusion(t) / schedule.sigma(t)) ** 2
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))
    assert float(torch.trapezoid(density, t)) == pytest.approx(1, abs=1e-3)
