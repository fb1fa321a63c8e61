"""Langevin dynamics: stationary laws, the techniques of 2006.09011, annealing."""

import math

import pytest
import torch

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture
from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    Ancestral,
    AnnealedLangevin,
    ConsistentAnnealedLangevin,
    Langevin,
    Sampler,
    sample,
)
from driftline.diffusion.samplers.langevin import (
    geometric_levels,
    langevin_step,
    level_at,
    level_count,
    spread,
    step_size,
)
from driftline.diffusion.samplers.plan import LinearStep
from driftline.diffusion.schedules import VP
from linear_law import exact_std, linear_law
from oracles import slope

END = 1e-3


def test_the_stationary_law_of_a_point_is_wider_by_half_the_step() -> None:
    """x' = (1 - delta) x + sqrt(2 delta) s z has variance s^2 / (1 - delta/2)."""
    step = langevin_step(level_at(VP(), 0.3), snr=0.2)
    variance = 0.0
    for _ in range(400):
        variance = step.a**2 * variance + step.c**2
    assert variance == pytest.approx(0.3**2 / (1 - 0.04))


def test_langevin_converges_to_the_perturbed_law() -> None:
    """The error of the stationary law falls in proportion to the step epsilon = 2 (snr sigma)^2."""
    noise, std = 0.5, 0.5
    exact = exact_std(std, noise)
    snr = (0.4, 0.28, 0.2)
    errors = [linear_law(Langevin(300, r, noise), 0.0, std)[1] - exact for r in snr]
    assert slope([1 / r**2 for r in snr], errors) == pytest.approx(1, abs=0.25)  # type: ignore[misc]
    assert linear_law(Langevin(300, 0.28, noise), 0.4, std)[0] == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize("repeats", [1, 3, 5])
def test_spread_is_what_the_steps_of_a_level_leave(repeats: int) -> None:
    points = geometric_levels(VP(), 100, END)
    size = step_size(points[0].s / points[1].s, repeats)
    variance = points[0].s ** 2
    for _ in range(repeats):
        step = langevin_step(points[1], math.sqrt(size / 2))
        variance = step.a**2 * variance + step.c**2
    expected = spread(size, points[0].s / points[1].s, repeats)
    assert variance / points[1].s ** 2 == pytest.approx(expected)
    for other in (0.8 * size, 1.2 * size):
        assert spread(other, points[0].s / points[1].s, repeats) > expected


def test_step_size_of_one_repeat_in_closed_form() -> None:
    assert step_size(1.3, 1) == pytest.approx(1 - 1 / 1.3**2, abs=1e-6)


@pytest.mark.parametrize(
    ("high", "count", "published"),
    [(50, 232, 6.2e-6), (90, 500, 3.3e-6)],  # CIFAR-10 and CelebA, T = 5 (2006.09011, appendix)
)
def test_step_size_reproduces_the_published_ones(high: float, count: int, published: float) -> None:
    low = 0.01
    size = step_size((high / low) ** (1 / (count - 1)), 5)
    assert size * low**2 == pytest.approx(published, rel=0.02)


def test_level_count_keeps_half_of_the_norm_common() -> None:
    high, low, d = 50.0, 0.01, 3072
    count = level_count(high, low, d)
    ratio = (high / low) ** (1 / (count - 1))
    phi = torch.distributions.Normal(0.0, 1.0).cdf
    a, b = math.sqrt(2 * d) * (ratio - 1), 3 * ratio
    overlap = float(phi(torch.tensor(a + b)) - phi(torch.tensor(a - b)))
    assert overlap == pytest.approx(0.5, abs=0.01)


def test_annealed_langevin_improves_with_levels_and_repeats() -> None:
    exact = exact_std(0.5, END)
    few, more, repeated = (
        abs(linear_law(AnnealedLangevin(*setting, END), 0.0, 0.5)[1] - exact)
        for setting in ((30, 3), (90, 3), (90, 9))
    )
    assert repeated < 0.8 * more < 0.8 * 0.7 * few
    assert linear_law(AnnealedLangevin(100, 5, END), 0.4, 0.5)[0] == pytest.approx(0.4, abs=1e-6)


def test_consistent_annealing_holds_the_noise_that_plain_annealing_exceeds() -> None:
    """For a point at 0 the state should be N(0, s^2) at every level."""
    for sampler, ratio in (
        (AnnealedLangevin(60, 1, END), pytest.approx(2)),  # the fixed point of ``spread``
        (ConsistentAnnealedLangevin(60, 0.7, END), pytest.approx(1)),
    ):
        plan = sampler.plan(VP())
        variance = plan.start.s**2
        for step in plan.steps[:-1]:
            assert isinstance(step, LinearStep)
            variance = step.a**2 * variance + step.c**2
        final = plan.steps[-1].level.s
        assert variance / final**2 == ratio


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_consistent_annealing_is_of_first_order(strength: float) -> None:
    steps = (100, 200, 400)
    errors = [
        linear_law(ConsistentAnnealedLangevin(n, strength, END), 0.0, 0.5)[1] - exact_std(0.5, END)
        for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(1, abs=0.25)


def test_consistent_annealing_of_strength_one_is_ancestral() -> None:
    consistent = ConsistentAnnealedLangevin(30).plan(VP())
    ancestral = Ancestral(30, UniformLogSNR()).plan(VP())
    for mine, other in zip(consistent, ancestral, strict=True):
        assert isinstance(mine, LinearStep) and isinstance(other, LinearStep)
        assert (mine.a, *mine.b, mine.c) == pytest.approx((other.a, *other.b, other.c))


def test_plain_langevin_keeps_the_weights_of_its_start() -> None:
    """Two modes far apart: only annealing gives them their weights."""
    mixture = GaussianMixture(
        torch.tensor([0.2, 0.8], dtype=torch.float64),
        torch.tensor([[-2.0], [2.0]], dtype=torch.float64),
        torch.tensor([0.2, 0.2], dtype=torch.float64),
    )

    def share(sampler: Sampler) -> float:
        x = sample(
            AnalyticDenoiser(mixture, VP()),
            sampler,
            noise=Noise(4),
            events=2000,
            shape=(1,),
            dtype=torch.float64,
        ).x
        return float((x < 0).double().mean())

    assert abs(share(Langevin(100, 0.2, 0.1)) - 0.5) < 0.06
    assert abs(share(AnnealedLangevin(80, 5)) - 0.2) < 0.06


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Langevin(0), "at least 1"),
        (lambda: Langevin(snr=0), "snr"),
        (lambda: Langevin(snr=1), "snr"),
        (lambda: Langevin(noise=0), "noise"),
        (lambda: Langevin(start=-1), "start"),
        (lambda: Langevin(noise=1e6).plan(VP()), "range"),
        (lambda: AnnealedLangevin(1), "at least 2"),
        (lambda: AnnealedLangevin(repeats=0), "repeats"),
        (lambda: AnnealedLangevin(noise_end=0), "noise_end"),
        (lambda: AnnealedLangevin(noise_end=1e6).plan(VP()), "less noise"),
        (lambda: ConsistentAnnealedLangevin(1), "at least 2"),
        (lambda: ConsistentAnnealedLangevin(strength=-0.1), "strength"),
        (lambda: level_count(1.0, 2.0, 100), "fall"),
        (lambda: level_count(2.0, 1.0, 3), "dimensions"),
    ],
)
def test_bad_settings_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
