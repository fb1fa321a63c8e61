r"""Distributions whose denoiser is known exactly: the oracles that samplers are tested against."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.schedules import Schedule


@dataclass(frozen=True)
class GaussianMixture:
    """A mixture of isotropic Gaussians in d dimensions.

    Attributes:
        weights: (K,) positive, of sum one.
        means: (K, d).
        stds: (K,).
    """

    weights: Tensor
    means: Tensor
    stds: Tensor

    def log_responsibilities(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Logarithm of w_k N(x; alpha m_k, alpha^2 s_k^2 + sigma^2), (B, K).

        x is (B, d); alpha and sigma are (B, 1).
        """
        variance = alpha**2 * self.stds.to(x) ** 2 + sigma**2
        distance = (x[:, None] - alpha[..., None] * self.means.to(x)).square().sum(-1)
        norm = variance.log() + math.log(2 * math.pi)
        return self.weights.to(x).log() - (distance / variance + x.shape[1] * norm) / 2

    def log_density(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Log-density ln p_t(x) of the perturbed mixture, (B,)."""
        return self.log_responsibilities(x, alpha, sigma).logsumexp(1)

    def denoise(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """E[x_0 | x_t = x], (B, d): a responsibility-weighted mean of each component's own."""
        share = self.log_responsibilities(x, alpha, sigma).softmax(1)
        variance = alpha**2 * self.stds.to(x) ** 2 + sigma**2
        gain = alpha * self.stds.to(x) ** 2 / variance
        means = self.means.to(x)
        pulled = means + gain[..., None] * (x[:, None] - alpha[..., None] * means)
        return (share[..., None] * pulled).sum(1)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws (count, d) float64."""
        k = torch.multinomial(self.weights.double(), count, True, generator=generator)
        z = torch.randn(count, self.means.shape[1], dtype=torch.float64, generator=generator)
        return self.means.double()[k] + self.stds.double()[k, None] * z


def gaussian(mean: float, std: float, dimensions: int = 1) -> GaussianMixture:
    """One isotropic Gaussian."""
    return GaussianMixture(
        torch.ones(1, dtype=torch.float64),
        torch.full((1, dimensions), mean, dtype=torch.float64),
        torch.full((1,), std, dtype=torch.float64),
    )


@dataclass(frozen=True)
class AnalyticDenoiser:
    """The exact denoiser of a distribution under a schedule, usable wherever a trained one is.

    Events may have any shape: a mixture over d entries sees (B, ...) as (B, d). With a mask (B, P)
    each particle is an independent draw of a mixture over its own features.
    """

    distribution: GaussianMixture
    schedule: Schedule

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        d = self.distribution.means.shape[1]
        rows = x.reshape(-1, d)
        times = t.repeat_interleave(len(rows) // max(len(t), 1))[:, None]
        alpha, sigma = self.schedule.alpha(times), self.schedule.sigma(times)
        estimate = self.distribution.denoise(rows, alpha, sigma).reshape(x.shape)
        return estimate if mask is None else estimate * mask[..., None]
