"""Preconditioning and score matching on a Gaussian, where all is known."""

import pytest
import torch
from torch import Tensor, nn

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture, gaussian
from driftline.diffusion.denoisers import TARGETS, Denoiser, expand
from driftline.diffusion.levels import UniformTimeLevels, stratified_uniform
from driftline.diffusion.objectives import DenoisingScoreMatching, masked_mean
from driftline.diffusion.schedules import VP


class Exact(nn.Module):
    """The network output that makes a denoiser of the given target exact for N(0, 1)."""

    def __init__(self, predicts: str) -> None:
        super().__init__()
        self.predicts = predicts

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        t = VP().time(4 * c_noise)
        alpha, sigma = expand(VP().alpha(t), x), expand(VP().sigma(t), x)
        # For unit data D = alpha x; c_in = 1 because alpha^2 + sigma^2 = 1.
        c_skip, c_out = TARGETS[self.predicts](alpha, sigma)
        return (alpha * x - c_skip * x) / c_out


@pytest.mark.parametrize("predicts", list(TARGETS))
def test_views_of_every_target_agree(predicts: str) -> None:
    denoiser = Denoiser(Exact(predicts), VP(), predicts)
    t = torch.linspace(0.01, 1, 20, dtype=torch.float64)
    x = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    alpha, sigma = (v[:, None] for v in (VP().alpha(t), VP().sigma(t)))
    torch.testing.assert_close(denoiser(x, t), alpha * x)
    torch.testing.assert_close(denoiser.score(x, t), -x)
    torch.testing.assert_close(denoiser.noise(x, t), sigma * x)


@pytest.mark.parametrize("predicts", ["edm", "v"])
def test_unit_targets_have_unit_variance(predicts: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(200_000, dtype=torch.float64, generator=generator)
    noise = torch.randn(200_000, dtype=torch.float64, generator=generator)
    for time in (1e-4, 0.1, 0.5, 1.0):
        t = torch.tensor(time, dtype=torch.float64)
        alpha, sigma = VP().alpha(t), VP().sigma(t)
        c_skip, c_out = TARGETS[predicts](alpha, sigma)
        target = (x0 - c_skip * (alpha * x0 + sigma * noise)) / c_out
        assert float(target.var()) == pytest.approx(1, abs=0.02)


def test_unknown_target_is_refused() -> None:
    with pytest.raises(ValueError, match="choose from"):
        Denoiser(nn.Identity(), VP(), "score2")


class Affine(nn.Module):
    """F = w(c) x + b(c) on a fine table of noise levels: exact for a Gaussian."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(40, 2, dtype=torch.float64))

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        position = ((c_noise + 1.3) / 3.2).clamp(0, 1) * 38.999
        low = position.long()
        share = (position - low)[:, None]
        row = (1 - share) * self.table[low] + share * self.table[low + 1]
        return row[:, :1] * x + row[:, 1:]


def test_denoising_score_matching_recovers_the_score() -> None:
    generator = torch.Generator().manual_seed(1)
    data = gaussian(0.7, 0.5)
    denoiser, objective = Denoiser(Affine(), VP()), DenoisingScoreMatching()
    levels = UniformTimeLevels()
    optimizer = torch.optim.Adam(denoiser.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 600)
    for _ in range(600):
        x0 = data.sample(2048, generator)
        t = levels.times(VP(), stratified_uniform(2048, generator)).double()
        noise = torch.randn(2048, 1, dtype=torch.float64, generator=generator)
        optimizer.zero_grad()
        objective(denoiser, x0, t, noise).mean().backward()
        optimizer.step()
        schedule.step()
    t = torch.linspace(0.05, 1, 30, dtype=torch.float64)
    exact = AnalyticDenoiser(data, VP())
    x = VP().alpha(t)[:, None] * 0.7 + torch.linspace(-1, 1, 30, dtype=torch.float64)[:, None]
    with torch.no_grad():
        error = (denoiser(x, t) - exact(x, t)).abs().max()
    assert float(error) < 0.06


def test_padding_enters_neither_loss_nor_estimate() -> None:
    class Plain(nn.Module):
        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            return 0.3 * x + 1.0

    denoiser, objective = Denoiser(Plain(), VP()), DenoisingScoreMatching()
    generator = torch.Generator().manual_seed(2)
    x0, noise = (torch.randn(4, 3, 2, generator=generator) for _ in range(2))
    t = torch.full((4,), 0.3)
    padded = [torch.cat([v, torch.zeros(4, 5, 2)], 1) for v in (x0, noise + 0)]
    padded[1][:, 3:] = 9.0
    mask = torch.arange(8).expand(4, 8) < 3
    torch.testing.assert_close(
        objective(denoiser, padded[0], t, padded[1], mask=mask), objective(denoiser, x0, t, noise)
    )
    assert not denoiser(padded[0], t, None, mask)[:, 3:].any()


def test_masked_mean_takes_masks_of_particles_and_of_entries() -> None:
    values = torch.arange(12.0).reshape(2, 3, 2)
    particles = torch.tensor([[True, True, False], [True, False, False]])
    expected = torch.stack([values[0, :2].mean(), values[1, :1].mean()])
    torch.testing.assert_close(masked_mean(values, particles), expected)
    torch.testing.assert_close(
        masked_mean(values, particles[..., None].expand_as(values)), expected
    )


def test_stratified_uniforms_fill_every_cell_once() -> None:
    u = stratified_uniform(64, torch.Generator().manual_seed(0))
    assert sorted((u * 64).long().tolist()) == list(range(64))


def test_analytic_denoiser_is_the_gradient_of_its_density() -> None:
    mixture = GaussianMixture(
        torch.tensor([0.3, 0.7]), torch.tensor([[-1.0, 0.0], [0.5, 1.0]]), torch.tensor([0.2, 0.4])
    )
    t = torch.full((6,), 0.2, dtype=torch.float64)
    alpha, sigma = VP().alpha(t)[:, None], VP().sigma(t)[:, None]
    x = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    (score,) = torch.autograd.grad(mixture.log_density(x, alpha, sigma).sum(), x)
    estimate = AnalyticDenoiser(mixture, VP())(x, t)
    torch.testing.assert_close((alpha * estimate - x) / sigma**2, score)
