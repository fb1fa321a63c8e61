"""Consistency matching, on a Gaussian whose consistency function is known, and by training."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.distillation import (
    ConsistencyMatching,
    Distance,
    EntrywiseHuber,
    Gap,
    Neighbour,
    PseudoHuber,
    SharedNoise,
    ShrinkingGaps,
    SquaredDistance,
    TeacherFlow,
)
from driftline.diffusion.levels import NormalLogSNRLevels, stratified_uniform
from driftline.diffusion.noise import Noise
from driftline.diffusion.objectives import DenoisingScoreMatching, UnitVarianceWeighting
from driftline.diffusion.samplers import RK4, MultistepConsistency, sample
from driftline.diffusion.schedules import EDM, VP, Schedule
from oracles import MEAN, MIXTURE, NORMAL, STD, normal_flow, slope

CONSTANT = {"widening": 0.0}
"""Of a gap that is the same relative to all noise."""


class Consistency(nn.Module):
    """F for which D = mean + exponent-changed exact gain times (x_hat - mean); exact at power 1."""

    def __init__(self, power: float = 1.0) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(power, dtype=torch.float64))

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        s = (-4 * c_noise).exp()[:, None]
        alpha, sigma = 1 / (1 + s**2).sqrt(), s / (1 + s**2).sqrt()
        gain = (STD / (STD**2 + s**2).sqrt()) ** self.power
        return (MEAN + gain * (x / alpha - MEAN) - alpha * x) / sigma


def quadrature(count: int = 24) -> tuple[Tensor, Tensor, Tensor]:
    """Events of the Gaussian, noise (n, 1) and weights (n,), exact for polynomials."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    z, w = torch.tensor(nodes), torch.tensor(weights / weights.sum())
    x0, noise = torch.meshgrid(MEAN + STD * z, z, indexing="ij")
    return x0.reshape(-1, 1), noise.reshape(-1, 1), torch.outer(w, w).flatten()


def mean_gradient(neighbour: Neighbour, width: float, s: float = 0.8) -> float:
    """d loss / d power of the squared distance at the exact function, for one level."""
    x0, noise, weights = quadrature()
    t = VP().time(-torch.full((len(x0),), s, dtype=torch.float64).log())
    student = Denoiser(Consistency(), VP())
    objective = ConsistencyMatching(Gap(width, **CONSTANT), neighbour, SquaredDistance())
    loss = (objective(student, x0, t, noise) * weights).sum()
    return float(torch.autograd.grad(loss, student.network.power)[0])


@pytest.mark.parametrize(
    ("neighbour", "order"), [(SharedNoise(), 2), (TeacherFlow(NORMAL), 3)], ids=["tuning", "heun"]
)
def test_the_exact_function_is_stationary_to_the_order_of_the_step(
    neighbour: Neighbour, order: int
) -> None:
    """The gradient falls as the local error of Euler's step, and of Heun's: gap^2 and gap^3."""
    widths = [0.08, 0.04, 0.02, 0.01]
    gradients = [mean_gradient(neighbour, width) for width in widths]
    assert slope([1 / w for w in widths], gradients) == pytest.approx(order, abs=0.15)


def test_anything_else_is_not_stationary() -> None:
    """At power 1.1 the gradient falls with the gap alone, and leads back."""
    x0, noise, weights = quadrature()
    t = VP().time(-torch.full((len(x0),), 0.8, dtype=torch.float64).log())
    gradients = []
    widths = [0.04, 0.02, 0.01]
    for width in widths:
        student = Denoiser(Consistency(1.1), VP())
        objective = ConsistencyMatching(Gap(width, **CONSTANT), distance=SquaredDistance())
        loss = (objective(student, x0, t, noise) * weights).sum()
        gradients.append(float(torch.autograd.grad(loss, student.network.power)[0]))
    assert min(gradients) > 0
    assert slope([1 / w for w in widths], gradients) == pytest.approx(1, abs=0.1)


def test_the_widest_gap_is_denoising() -> None:
    """r = 0 for all: squared, the loss is that of denoising score matching."""
    x0, noise, _ = quadrature(8)
    t = torch.linspace(0.01, 1, len(x0), dtype=torch.float64)
    student = Denoiser(Consistency(0.7), VP())
    objective = ConsistencyMatching(Gap(1.0), distance=SquaredDistance())
    expected = DenoisingScoreMatching(UnitVarianceWeighting())(student, x0, t, noise)
    torch.testing.assert_close(objective(student, x0, t, noise), expected)


@pytest.mark.parametrize("schedule", [VP(), EDM()], ids=str)
def test_the_teachers_step_is_heuns(schedule: Schedule) -> None:
    """Its local error on the exact flow of a Gaussian is of third order; to r = 0 it is D."""
    x0, noise, _ = quadrature(6)
    teacher = type(NORMAL)(NORMAL.distribution, schedule)
    neighbour, s = TeacherFlow(teacher), torch.full((len(x0),), 1.3, dtype=torch.float64)
    steps, errors = [10, 20, 40, 80], []
    for n in steps:
        r = s * (1 - 1 / n)
        exact = normal_flow(x0 + 1.3 * noise, 1.3, float(r[0]))
        errors.append(float((neighbour(x0, noise, s, r) - exact).abs().max()))
    assert slope(steps, errors) == pytest.approx(3, abs=0.2)
    t = schedule.time(-s.log())
    clean = teacher(schedule.alpha(t)[:, None] * (x0 + 1.3 * noise), t)
    torch.testing.assert_close(neighbour(x0, noise, s, torch.zeros_like(s)), clean)


def test_the_target_gets_no_gradient_and_comes_from_the_lower_level() -> None:
    """With the target's path cut, the gradient is that of a fixed target."""
    x0, noise, _ = quadrature(6)
    s = torch.full((len(x0),), 0.9, dtype=torch.float64)
    student = Denoiser(Consistency(0.8), VP())
    gap = Gap(0.3, **CONSTANT)
    loss = ConsistencyMatching(gap, distance=SquaredDistance())(
        student, x0, VP().time(-s.log()), noise
    )

    def estimate(level: Tensor) -> Tensor:
        t = VP().time(-level.log())
        return student(VP().alpha(t)[:, None] * (x0 + level[:, None] * noise), t)

    target = estimate(gap.below(s)).detach()
    expected = (estimate(s) - target).square().mean(1) * (1 + 1 / s**2)
    torch.testing.assert_close(loss, expected)
    found, wanted = (
        torch.autograd.grad(v.sum(), student.network.power)[0] for v in (loss, expected)
    )
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("distance", [SquaredDistance(), PseudoHuber(0.1), EntrywiseHuber()])
def test_padding_changes_no_loss(distance: Distance) -> None:
    class Network(nn.Module):
        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            return torch.sin(3 * x) + 1

    teacher = student = Denoiser(Network(), VP())
    x0, noise = torch.randn(2, 6, 3, 2, dtype=torch.float64, generator=torch.Generator())
    t = torch.linspace(1e-5, 1, 6, dtype=torch.float64)
    mask = torch.arange(5).expand(6, 5) < 3

    def pad(x: Tensor, value: float) -> Tensor:
        return torch.cat([x, torch.full((6, 2, 2), value, dtype=x.dtype)], 1)

    for neighbour in (SharedNoise(), TeacherFlow(teacher)):
        objective = ConsistencyMatching(Gap(0.2), neighbour, distance)
        wide = objective(student, pad(x0, 0.0), t, pad(noise, 7.0), None, mask)
        assert wide.isfinite().all()
        torch.testing.assert_close(wide, objective(student, x0, t, noise))


def test_gaps_narrow_by_stages_and_are_wider_at_low_noise() -> None:
    gaps = ShrinkingGaps(stages=4, factor=4.0, widening=8.0, rate=0.5)
    widths = [gaps.at(done).width for done in (0.0, 0.24, 0.25, 0.5, 0.99, 1.0)]
    assert widths == [1 / 4, 1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 256]
    s = torch.tensor([1e-3, 100.0], dtype=torch.float64)
    relative = 1 - Gap(1 / 256).below(s) / s
    torch.testing.assert_close(relative * 256, torch.tensor([5.0, 1.0]).double(), rtol=1e-3, atol=0)
    assert (Gap(0.5).below(torch.tensor([0.01, 1e3])) >= 0).all()
    for bad in (
        lambda: Gap(0.0),
        lambda: Gap(0.1, widening=-1),
        lambda: ShrinkingGaps(0),
        lambda: ShrinkingGaps(factor=1.0),
        lambda: PseudoHuber(0.0),
        lambda: EntrywiseHuber(0.0),
    ):
        with pytest.raises(ValueError, match="must"):
            bad()


def test_pseudo_huber_is_square_below_and_absolute_above() -> None:
    difference = torch.tensor([[1e-9], [1e-6], [3.0]], dtype=torch.float64)
    expected = [1e-18 / 2e-2, 1e-12 / 2e-2, math.sqrt(9 + 1e-4) - 1e-2]
    assert PseudoHuber(0.01)(difference, None).tolist() == pytest.approx(expected, rel=1e-8)


def test_entry_by_entry_the_estimate_is_the_median() -> None:
    """An entry that is 0 in six of ten events and 1 in four: 0, where of the squares it is 0.4."""
    truth = (torch.arange(10, dtype=torch.float64) >= 6).double()[:, None]
    estimates = torch.linspace(-0.5, 1.5, 2001, dtype=torch.float64)
    differences = estimates[:, None, None] - truth
    for distance, expected in ((EntrywiseHuber(1e-3), 0.0), (SquaredDistance(), 0.4)):
        losses = torch.stack([distance(d, None).mean() for d in differences])
        assert float(estimates[losses.argmin()]) == pytest.approx(expected, abs=5e-3)
    one = torch.tensor([[3.0, 0.0]], dtype=torch.float64)
    assert float(EntrywiseHuber(0.01)(one, None)) == pytest.approx(math.hypot(3, 0.01) / 2 - 0.005)


def test_half_the_power_weighs_a_distance_as_the_whole_weighs_its_square() -> None:
    t = torch.linspace(1e-3, 1, 9, dtype=torch.float64)
    whole, half = (UnitVarianceWeighting(power)(VP(), t) for power in (1.0, 0.5))
    torch.testing.assert_close(half**2, whole)
    error = torch.full((9, 2), 3e-2, dtype=torch.float64)
    with_root = half * PseudoHuber(1e-12)(error, None)
    torch.testing.assert_close(with_root**2, whole * SquaredDistance()(error, None))


class Mlp(nn.Module):
    """A small smooth network of x (B, 1) and the noise level."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layers = nn.Sequential(
                nn.Linear(3, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1)
            )

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        c = c_noise[:, None]
        return self.layers(torch.cat([x, c, torch.tanh(4 * c)], 1))


def trained(objective: Callable[[float], object], start: Denoiser, steps: int) -> Denoiser:
    generator = torch.Generator().manual_seed(5)
    optimizer = torch.optim.Adam(start.parameters(), lr=4e-3)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    levels = NormalLogSNRLevels(0.4, 2.0)
    for step in range(steps):
        x0 = MIXTURE.distribution.sample(256, generator).float()
        t = levels.times(VP(), stratified_uniform(256, generator))
        noise = torch.randn(x0.shape, generator=generator)
        optimizer.zero_grad()
        objective(step / steps)(start, x0, t, noise).mean().backward()  # type: ignore[operator]
        optimizer.step()
        decay.step()
    return start


def test_a_tuned_network_draws_the_mixture_in_one_step() -> None:
    """From a denoiser; judged event by event against the fine solution at equal noise."""
    denoiser = trained(lambda done: DenoisingScoreMatching(), Denoiser(Mlp(), VP()), 250)
    options = {"noise": Noise(3), "events": 400, "shape": (1,)}
    exact = sample(MIXTURE, RK4(60), dtype=torch.float64, **options).x  # type: ignore[arg-type]

    def error() -> float:
        drawn = sample(denoiser, MultistepConsistency(1), **options).x  # type: ignore[arg-type]
        return float((drawn - exact).abs().mean())

    before = error()  # one mean for all events
    gaps = ShrinkingGaps(stages=6)
    trained(lambda done: ConsistencyMatching(gaps.at(done)), denoiser, 450)
    assert before > 0.6
    assert error() < 0.45 * before
