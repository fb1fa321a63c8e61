"""What tests of guidance share: Gaussians whose conditional distributions are known."""

from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, FullMixture, full_gaussian
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import parse, sample
from driftline.diffusion.schedules import VP

F64 = torch.float64
COUNT = 3000


def given(mixture: FullMixture, a: Tensor, y: Tensor, noise: Tensor) -> FullMixture:
    """The distribution of x given a x + n = y: a mixture of each component's own conditional."""
    log_weights, means, covariances = [], [], []
    for w, m, c in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
        total, missed = a @ c @ a.T + torch.diag(noise**2), y - a @ m
        gain = c @ a.T @ torch.linalg.inv(total)
        chi2 = missed @ torch.linalg.solve(total, missed)
        log_weights.append(w.log() - (chi2 + torch.logdet(total)) / 2)
        means.append(m + gain @ missed)
        left = c - gain @ a @ c
        covariances.append((left + left.T) / 2)
    weights = torch.stack(log_weights).softmax(0)
    return FullMixture(weights, torch.stack(means), torch.stack(covariances))


def correlated(d: int = 4) -> FullMixture:
    """A Gaussian of d entries, none of them independent of another."""
    generator = torch.Generator().manual_seed(2)
    root = torch.randn(d, d, dtype=F64, generator=generator) / d
    return full_gaussian(
        torch.linspace(-0.5, 0.5, d, dtype=F64), root @ root.T + 0.02 * torch.eye(d)
    )


@dataclass(frozen=True)
class Whole:
    """Events of any shape, all entries of which are one draw of a distribution of vectors."""

    vectors: FullMixture

    def log_density_of_events(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        return self.vectors.log_density_of_events(x.flatten(1), alpha, sigma)

    def denoise_events(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        found = self.vectors.denoise_events(x.flatten(1).to(F64), alpha, sigma)
        return found.reshape(x.shape).to(x)


def whole(vectors: FullMixture) -> AnalyticDenoiser:
    """The exact denoiser of such events."""
    return AnalyticDenoiser(Whole(vectors), VP())


def check_conditional(
    guided: object, data: FullMixture, known: Tensor, values: Tensor, noise: float
) -> None:
    """Events that a guided model draws have the mean and covariance of the conditional.

    Args:
        guided: the model, of ``COUNT`` events drawn together.
        data: the distribution of all entries of an event.
        known: bool, of the shape of an event.
        values: of all entries, likewise; those known were measured
        noise: with this error.
    """
    drawn = sample(
        guided,  # type: ignore[arg-type]
        parse("dpm:steps=30"),
        noise=Noise(1),
        events=COUNT,
        shape=tuple(known.shape),
        mask=torch.ones(COUNT, known.shape[0], dtype=torch.bool) if known.ndim == 2 else None,
    ).x
    x, flat = drawn.flatten(1).to(F64), known.flatten()
    a = torch.eye(len(flat), dtype=F64)[flat]
    y = values.flatten().to(F64)[flat]
    exact = given(data, a, y, torch.full_like(y, noise))
    mean, covariance = exact.means[0], exact.covariances[0]
    deviation = covariance.diag().sqrt()
    assert (((x.mean(0) - mean) / deviation).abs() < 4.5 / COUNT**0.5).all()
    # Of a sample covariance: var C_ij = (C_ii C_jj + C_ij^2) / N.
    error = ((torch.outer(deviation, deviation) ** 2 + covariance**2) / COUNT).sqrt()
    assert ((x.T.cov() - covariance).abs() < 4.5 * error).all()
    # What is known tells of what is not: neither mean nor width is that of all events.
    free, every = ~flat, data.covariances[0].diag().sqrt()
    assert (((data.means[0] - mean) / deviation)[free].abs() > 9 / COUNT**0.5).any()
    assert (deviation[free] < 0.9 * every[free]).any()
