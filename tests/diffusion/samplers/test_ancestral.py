"""Reverse diffusion and ancestral sampling: published rules, exact marginals, orders."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from driftline.diffusion.grids import UniformLogSNR, UniformTime
from driftline.diffusion.samplers.ancestral import (
    Ancestral,
    ReverseDiffusion,
    ancestral_step,
    reverse_diffusion_step,
)
from driftline.diffusion.samplers.plan import Level, levels
from driftline.diffusion.schedules import VP
from linear_law import exact_std, linear_law
from oracles import slope

END = 1e-3


@given(s=st.floats(1e-3, 1e3), fall=st.floats(0.01, 0.99))
def test_ancestral_steps_keep_the_marginals_of_a_point(s: float, fall: float) -> None:
    """With D = 0 the state is N(0, s^2) at every level, whatever the step."""
    step = ancestral_step(Level(0.5, 1.0, s), Level(0.4, 1.0, s * fall))
    assert step.a + sum(step.b) == pytest.approx(1)
    assert (step.a * s) ** 2 + step.c**2 == pytest.approx((s * fall) ** 2)


def test_ancestral_steps_draw_from_the_posterior() -> None:
    """q(x_s | x_t, x_0) from Bayes' rule on the joint Gaussian of (x_s, x_t) given x_0."""
    here, there = levels(VP(), torch.tensor([0.6, 0.5], dtype=torch.float64))
    step = ancestral_step(here, there)
    rho = here.alpha / there.alpha
    late, early = (here.s * here.alpha) ** 2, (there.s * there.alpha) ** 2
    gain = rho * early / late  # cov(x_s, x_t) / var(x_t)
    assert step.a * there.alpha / here.alpha == pytest.approx(gain)
    assert step.b[0] * there.alpha == pytest.approx(there.alpha - gain * here.alpha)
    assert (step.c * there.alpha) ** 2 == pytest.approx(early - gain * rho * early)


def test_reverse_diffusion_is_the_published_rule_for_vp() -> None:
    """x' = (2 - sqrt(1 - beta)) x + beta score + sqrt(beta) z (2011.13456, appendix E)."""
    here, there = levels(VP(), torch.tensor([0.6, 0.55], dtype=torch.float64))
    step = reverse_diffusion_step(here, there)
    beta = 1 - (here.alpha / there.alpha) ** 2
    x, d = 0.7, -0.3
    score = (here.alpha * d - x) / (here.s * here.alpha) ** 2
    got = there.alpha * (step.a * x / here.alpha + step.b[0] * d)
    assert got == pytest.approx((2 - math.sqrt(1 - beta)) * x + beta * score)
    assert there.alpha * step.c == pytest.approx(math.sqrt(beta))


@given(s=st.floats(0.1, 10), fall=st.floats(0.1, 0.9), x=st.floats(-3, 3), d=st.floats(-3, 3))
def test_reverse_diffusion_is_the_published_rule_for_ve(
    s: float, fall: float, x: float, d: float
) -> None:
    """x' = x + (sigma^2 - sigma'^2) score + sqrt(sigma^2 - sigma'^2) z."""
    step = reverse_diffusion_step(Level(0.5, 1.0, s), Level(0.4, 1.0, s * fall))
    gap = s**2 * (1 - fall**2)
    assert step.a * x + step.b[0] * d == pytest.approx(x + gap * (d - x) / s**2, abs=1e-9)
    assert step.c**2 == pytest.approx(gap)


def test_ancestral_sampling_is_of_first_order() -> None:
    steps, grid = (80, 160, 320), UniformLogSNR(END)
    errors = [linear_law(Ancestral(n, grid), 0.0, 0.5)[1] - exact_std(0.5, END) for n in steps]
    assert slope(steps, errors) == pytest.approx(1, abs=0.25)


def test_reverse_diffusion_is_of_first_order() -> None:
    steps, grid = (100, 200, 400), UniformTime(1e-4)
    end = float((-VP().log_snr(torch.tensor(1e-4, dtype=torch.float64))).exp())
    errors = [
        linear_law(ReverseDiffusion(n, grid), 0.0, 0.5)[1] - exact_std(0.5, end) for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("kind", [Ancestral, ReverseDiffusion])
def test_mean_of_gaussian_data(kind: type[Ancestral]) -> None:
    assert linear_law(kind(200), 0.4, 0.5)[0] == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("kind", [Ancestral, ReverseDiffusion])
def test_no_steps_are_refused(kind: type[Ancestral]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        kind(0)
