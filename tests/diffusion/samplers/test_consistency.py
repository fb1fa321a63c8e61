"""Multistep consistency sampling, on the exact consistency function of a Gaussian."""

import pytest
import torch
from torch import Tensor

from driftline.diffusion.samplers import DDIM, MultistepConsistency
from driftline.diffusion.schedules import VP
from oracles import MEAN, NORMAL, STD, normal_flow, run


class Consistent:
    """The end of the exact probability flow."""

    schedule = VP()

    def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
        alpha, s = VP().alpha(t)[:, None], (-VP().log_snr(t)).exp()[:, None]
        return MEAN + (x / alpha - MEAN) * STD / (STD**2 + s**2).sqrt()


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_exact_consistency_gives_the_distribution_whatever_the_steps(steps: int) -> None:
    """The start, N(0, s^2) at s = 150, is nearly the perturbed distribution N(mean, 1/4 + s^2)."""
    x = run(MultistepConsistency(steps), 20_000, denoiser=Consistent()).x
    assert float(x.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(x.std()) == pytest.approx(STD, abs=0.01)


def test_a_denoiser_in_its_place_makes_events_too_smooth() -> None:
    assert float(run(MultistepConsistency(2), 20_000, denoiser=NORMAL).x.std()) < 0.7 * STD


def test_one_step_is_the_flows_end_and_ddims_one_step() -> None:
    x = run(MultistepConsistency(1), 10, denoiser=Consistent()).x
    torch.testing.assert_close(x, run(DDIM(1), 10, denoiser=Consistent()).x)
    start = MultistepConsistency(1).plan(VP()).start
    seen: list[Tensor] = []
    run(MultistepConsistency(1), 10, record=lambda level, x: seen.append(x))
    expected = normal_flow(seen[0] / start.alpha, start.s, 0.0)
    torch.testing.assert_close(x, expected)


def test_levels_of_few_steps() -> None:
    s = [step.level.s for step in MultistepConsistency(4).plan(VP()).steps]
    assert s[1:] == pytest.approx([2.41, 1.0, 0.414], rel=0.02)
