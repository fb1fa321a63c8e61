"""Distributions of noise levels against their definitions."""

import pytest
import torch

from driftline.diffusion.levels import NormalLogSNRLevels, UniformLogSNRLevels, UniformTimeLevels
from driftline.diffusion.schedules import VP

U = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000


@pytest.mark.parametrize(
    "levels", [UniformTimeLevels(), NormalLogSNRLevels(), UniformLogSNRLevels()]
)
def test_times_lie_inside_the_schedule_and_rise_with_u(levels: UniformTimeLevels) -> None:
    ends = torch.tensor([0.0, 1 - 2**-24])
    for u in (U, U.float(), ends):
        t = levels.times(VP(), u)
        assert t.dtype == u.dtype
        assert t.isfinite().all()
        assert (t.diff() >= 0).all()
        assert 0.9e-5 < t[0]
        assert t[-1] <= 1


def test_normal_log_snr_is_normal_inside_its_cut() -> None:
    log_snr = VP().log_snr(NormalLogSNRLevels(mean=0.4, deviation=0.8).times(VP(), U))
    assert log_snr.mean().item() == pytest.approx(0.4, abs=1e-3)
    assert log_snr.std().item() == pytest.approx(0.8, abs=1e-3)
    quantile = torch.special.ndtri(torch.tensor(0.9, dtype=torch.float64)) * 0.8 + 0.4
    assert log_snr.quantile(0.9).item() == pytest.approx(quantile.item(), abs=1e-3)


def test_uniform_log_snr_is_uniform() -> None:
    log_snr = VP().log_snr(UniformLogSNRLevels(-2.0, 3.0).times(VP(), U))
    torch.testing.assert_close(log_snr, 3.0 - 5.0 * U, rtol=0, atol=1e-8)
