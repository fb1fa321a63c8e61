"""Objectives: exact identities between their gradients, and the score they find by training."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from driftline.diffusion.analytic import (
    AnalyticDenoiser,
    FullMixture,
    GaussianMixture,
    full_gaussian,
)
from driftline.diffusion.denoisers import TARGETS, Denoiser
from driftline.diffusion.divergence import quadratic_forms
from driftline.diffusion.levels import LikelihoodLevels, UniformTimeLevels, stratified_uniform
from driftline.diffusion.objectives import (
    CleanWeighting,
    DenoisingScoreMatching,
    FlowWeighting,
    ImplicitScoreMatching,
    LikelihoodWeighting,
    NoiseWeighting,
    PerDensity,
    ScoreWeighting,
    SlicedScoreMatching,
    UnitVarianceWeighting,
    Weighting,
)
from driftline.diffusion.schedules import SCHEDULES, VP, Linear, Schedule

DATA = GaussianMixture(
    torch.tensor([0.35, 0.65], dtype=torch.float64),
    torch.tensor([[-1.2], [0.7]], dtype=torch.float64),
    torch.tensor([0.25, 0.35], dtype=torch.float64),
)
WEIGHTINGS: list[Weighting] = [
    CleanWeighting(),
    NoiseWeighting(),
    ScoreWeighting(),
    UnitVarianceWeighting(),
    LikelihoodWeighting(),
    FlowWeighting(),
]
Loss = Callable[[Denoiser, Tensor, Tensor, Tensor, Tensor], Tensor]


class Mlp(nn.Module):
    """A small smooth network of x (B, d) and the noise level, with a linear path."""

    def __init__(self, d: int = 1, width: int = 32) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.linear = nn.Linear(d + 1, d)
            self.curved = nn.Sequential(
                nn.Linear(d + 1, width),
                nn.SiLU(),
                nn.Linear(width, width),
                nn.SiLU(),
                nn.Linear(width, d),
            )
        self.double()

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        inputs = torch.cat([x, c_noise[:, None]], 1)
        return self.linear(inputs) + self.curved(inputs)


def quadrature(count: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes x0 and noise (n, 1) with weights (n,): exact means for smooth functions of both."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    z, w = torch.tensor(nodes), torch.tensor(weights / weights.sum())
    x0 = (DATA.means + DATA.stds[:, None] * z).flatten()
    w0 = (DATA.weights[:, None] * w).flatten()
    x, noise = torch.meshgrid(x0, z, indexing="ij")
    return x.reshape(-1, 1), noise.reshape(-1, 1), torch.outer(w0, w).flatten()


def explicit(
    denoiser: Denoiser, x0: Tensor, t: Tensor, noise: Tensor, weighting: Weighting
) -> Tensor:
    """The error of the score against the true one, which only an oracle can compute."""
    alpha, sigma = denoiser.signal_and_noise(t, x0)
    x = alpha * x0 + sigma * noise
    exact = AnalyticDenoiser(DATA, denoiser.schedule)
    error = (denoiser(x, t) - exact(x, t)).square().mean(1)
    return error * weighting(denoiser.schedule, t)


def gradient(losses: Tensor, weights: Tensor, denoiser: Denoiser) -> Tensor:
    parts = torch.autograd.grad((losses * weights).sum(), list(denoiser.parameters()))
    return torch.cat([part.flatten() for part in parts])


@pytest.mark.parametrize("predicts", list(TARGETS))
@pytest.mark.parametrize("schedule", [VP(), Linear()], ids=str)
def test_all_objectives_have_the_gradient_of_the_true_error(
    predicts: str, schedule: Schedule
) -> None:
    """Vincent's and Hyvarinen's theorems, by quadrature over x0 and the noise."""
    x0, noise, weights = quadrature()
    t = torch.full((len(x0),), 0.4, dtype=torch.float64)
    denoiser, weighting = Denoiser(Mlp(), schedule, predicts), NoiseWeighting()
    expected = gradient(explicit(denoiser, x0, t, noise, weighting), weights, denoiser)
    one = torch.ones((1, *x0.shape), dtype=torch.float64)
    found = {
        "denoising": DenoisingScoreMatching(weighting)(denoiser, x0, t, noise),
        "implicit": ImplicitScoreMatching(weighting)(denoiser, x0, t, noise),
        "sliced": SlicedScoreMatching(weighting)(denoiser, x0, t, noise, one),
        "plain sliced": SlicedScoreMatching(weighting, False)(denoiser, x0, t, noise, one),
    }
    scale = float(expected.abs().max())
    assert scale > 1e-3
    for name, losses in found.items():
        got = gradient(losses, weights, denoiser)
        assert float((got - expected).abs().max()) < 1e-6 * scale, name


@pytest.mark.parametrize("weighting", WEIGHTINGS, ids=str)
def test_weightings_do_not_depend_on_the_target(weighting: Weighting) -> None:
    """The same clean estimate has the same loss whatever its network predicts."""
    generator = torch.Generator().manual_seed(0)
    x0, noise = (torch.randn(30, 2, dtype=torch.float64, generator=generator) for _ in range(2))
    t = torch.linspace(0.05, 1, 30, dtype=torch.float64)

    class Same(nn.Module):
        """F for which D = 0.3 x."""

        def __init__(self, predicts: str) -> None:
            super().__init__()
            self.predicts = predicts

        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            alpha, sigma = VP().alpha(t)[:, None], VP().sigma(t)[:, None]  # c_in = 1
            c_skip, c_out = TARGETS[self.predicts](alpha, sigma)
            return (0.3 - c_skip) * x / c_out

    x = VP().alpha(t)[:, None] * x0 + VP().sigma(t)[:, None] * noise
    expected = (0.3 * x - x0).square().mean(1) * weighting(VP(), t)
    for predicts in TARGETS:
        denoiser = Denoiser(Same(predicts), VP(), predicts)
        loss = DenoisingScoreMatching(weighting)(denoiser, x0, t, noise)
        torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("schedule", [kind() for kind in SCHEDULES.values()], ids=str)
def test_weightings_are_the_errors_they_are_named_after(schedule: Schedule) -> None:
    generator = torch.Generator().manual_seed(1)
    x0, noise, clean = torch.randn(3, 30, dtype=torch.float64, generator=generator)
    t = torch.linspace(0.05, 0.99, 30, dtype=torch.float64, requires_grad=True)
    alpha, sigma, g = schedule.alpha(t) + 0 * t, schedule.sigma(t), schedule.diffusion(t)
    x = alpha * x0 + sigma * noise
    error = (clean - x0).square()
    eps = (x - alpha * clean) / sigma
    (alpha_rate,) = torch.autograd.grad(alpha.sum(), t, retain_graph=True)
    (sigma_rate,) = torch.autograd.grad(sigma.sum(), t, retain_graph=True)
    velocity = alpha_rate * (clean - x0) + sigma_rate * (eps - noise)
    score = (noise - eps) / sigma
    cases: list[tuple[Weighting, Tensor]] = [
        (CleanWeighting(), error),
        (NoiseWeighting(), (eps - noise).square()),
        (ScoreWeighting(), score.square()),
        (LikelihoodWeighting(), (g * score).square()),
        (FlowWeighting(), velocity.square()),
    ]
    for weighting, expected in cases:
        torch.testing.assert_close(weighting(schedule, t) * error, expected)
    # EDM's weighting (sigma^2 + 1)/sigma^2 is for alpha = 1.
    s = sigma / alpha
    torch.testing.assert_close(UnitVarianceWeighting()(schedule, t), (s**2 + 1) / s**2)


def test_no_weighting_is_unit_variance_for_the_edm_target() -> None:
    x0, noise, _ = quadrature(8)
    t = torch.linspace(0.01, 1, len(x0), dtype=torch.float64)
    denoiser = Denoiser(Mlp(), VP())
    torch.testing.assert_close(
        DenoisingScoreMatching()(denoiser, x0, t, noise),
        DenoisingScoreMatching(UnitVarianceWeighting())(denoiser, x0, t, noise),
    )


def test_importance_sampling_keeps_the_mean_and_lowers_the_variance() -> None:
    """Of the likelihood's loss over t; an untrained denoiser (D = 0) serves."""

    class Zero(nn.Module):
        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            return torch.zeros_like(x)

    generator, n = torch.Generator().manual_seed(2), 200_000
    denoiser = Denoiser(Zero(), VP(), "eps")
    x0 = DATA.sample(n, generator)
    noise = torch.randn(n, 1, dtype=torch.float64, generator=generator)
    u = torch.rand(n, dtype=torch.float64, generator=generator)
    losses = []
    for levels in (UniformTimeLevels(1e-3), LikelihoodLevels(1e-3)):
        objective = DenoisingScoreMatching(PerDensity(LikelihoodWeighting(), levels))
        losses.append(objective(denoiser, x0, levels.times(VP(), u), noise))
    # F = 0 leaves the error eps^2 of mean one: the integral of g^2/sigma^2 is twice the log-SNR's.
    ends = VP().log_snr(torch.tensor([1e-3, 1.0], dtype=torch.float64))
    exact = 2 * float(ends[0] - ends[1])
    for loss in losses:
        error = float(loss.std()) / n**0.5
        assert float(loss.mean()) == pytest.approx(exact, abs=4 * error)
    assert float(losses[1].var()) < 0.2 * float(losses[0].var())


def test_slicing_is_unbiased_and_its_reduced_form_scatters_less() -> None:
    generator = torch.Generator().manual_seed(3)
    weights = torch.randn(3, 3, dtype=torch.float64, generator=generator)

    class Curved(nn.Module):
        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            return torch.tanh(x @ weights) + 0.2 * x

    denoiser = Denoiser(Curved(), VP(), "eps")
    x0, noise = torch.randn(2, 5, 3, dtype=torch.float64, generator=generator)
    t = torch.full((5,), 0.3, dtype=torch.float64)
    exact = ImplicitScoreMatching()(denoiser, x0, t, noise)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 3)
    every = signs[:, None].expand(8, 5, 3)
    spread = []
    for reduced in (True, False):
        objective = SlicedScoreMatching(variance_reduced=reduced)
        torch.testing.assert_close(objective(denoiser, x0, t, noise, every), exact)
        single = torch.stack([objective(denoiser, x0, t, noise, v[None]) for v in every])
        spread.append(float(single.detach().var(0).mean()))
    assert spread[0] < 0.9 * spread[1]


def test_padding_enters_no_objective() -> None:
    class Plain(nn.Module):
        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            return torch.sin(x) + 1.0

    denoiser, generator = Denoiser(Plain(), VP()), torch.Generator().manual_seed(4)
    x0, noise, probe = torch.randn(3, 4, 3, 2, dtype=torch.float64, generator=generator)
    t = torch.full((4,), 0.3, dtype=torch.float64)
    mask = torch.arange(8).expand(4, 8) < 3

    def pad(x: Tensor, value: float) -> Tensor:
        return torch.cat([x, torch.full((4, 5, 2), value, dtype=torch.float64)], 1)

    wide = pad(x0, 0.0), t, pad(noise, 9.0)
    implicit, sliced = ImplicitScoreMatching(), SlicedScoreMatching()
    plain = SlicedScoreMatching(variance_reduced=False)
    torch.testing.assert_close(
        implicit(denoiser, *wide, mask=mask), implicit(denoiser, x0, t, noise)
    )
    for objective in (sliced, plain):
        torch.testing.assert_close(
            objective(denoiser, *wide, pad(probe, 9.0)[None], mask=mask),
            objective(denoiser, x0, t, noise, probe[None]),
        )


OBJECTIVES: dict[str, Loss] = {
    "denoising": lambda d, x, t, z, v: DenoisingScoreMatching()(d, x, t, z),
    "sliced": lambda d, x, t, z, v: SlicedScoreMatching()(d, x, t, z, v),
    "implicit": lambda d, x, t, z, v: ImplicitScoreMatching()(d, x, t, z),
}
PLANE = FullMixture(
    DATA.weights,
    torch.tensor([[-1.0, 0.5], [0.7, -0.3]], dtype=torch.float64),
    torch.tensor([[[0.2, 0.1], [0.1, 0.1]], [[0.1, -0.05], [-0.05, 0.2]]], dtype=torch.float64),
)


def train(predicts: str, loss: Loss, steps: int = 250) -> Denoiser:
    """A small network trained on two correlated modes at times at which they are apart."""
    generator = torch.Generator().manual_seed(5)
    denoiser = Denoiser(Mlp(2), VP(), predicts)
    optimizer = torch.optim.Adam(denoiser.parameters(), lr=0.02)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x0 = PLANE.sample(512, generator)
        t = 0.12 + 0.1 * stratified_uniform(512, generator).double()
        noise, probe = torch.randn(2, *x0.shape, dtype=torch.float64, generator=generator)
        optimizer.zero_grad()
        loss(denoiser, x0, t, noise, probe[None]).mean().backward()
        optimizer.step()
        decay.step()
    return denoiser


def fisher(score: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Mean squared error of a score over p_t, in units of the true score's own square."""
    generator, n = torch.Generator().manual_seed(6), 4_000
    t = torch.linspace(0.13, 0.21, n, dtype=torch.float64)
    noise = torch.randn(n, 2, dtype=torch.float64, generator=generator)
    x = VP().alpha(t)[:, None] * PLANE.sample(n, generator) + VP().sigma(t)[:, None] * noise
    exact = AnalyticDenoiser(PLANE, VP()).score(x, t)
    with torch.no_grad():
        return float((score(x, t) - exact).square().sum() / exact.square().sum())


def best_gaussian(x: Tensor, t: Tensor) -> Tensor:
    """The score of the Gaussian with the data's mean and covariance, a plain fit."""
    data = PLANE.sample(50_000, torch.Generator().manual_seed(7))
    return AnalyticDenoiser(full_gaussian(data.mean(0), data.T.cov()), VP()).score(x, t)


BAR = 0.04


@pytest.mark.parametrize("predicts", list(TARGETS))
@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_training_recovers_the_score(predicts: str, objective: str) -> None:
    assert fisher(train(predicts, OBJECTIVES[objective]).score) < BAR


def test_controls_of_the_training_test() -> None:
    """A Gaussian fit and an objective with a wrong sign are far above the bar."""
    assert fisher(best_gaussian) > 3 * BAR

    def wrong_sign(d: Denoiser, x0: Tensor, t: Tensor, noise: Tensor, probes: Tensor) -> Tensor:
        alpha, sigma = d.signal_and_noise(t, x0)
        x = (alpha * x0 + sigma * noise).requires_grad_()
        score = d.score(x, t)
        trace = quadratic_forms(score, x, probes, create_graph=True).mean(0)
        return (score.square().sum(1) - 2 * trace) * sigma[:, 0] ** 2

    assert fisher(train("edm", wrong_sign, 60).score) > 2
