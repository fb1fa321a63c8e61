r"""Clouds of dependent particles: an event-level mixture over sets of any size."""

from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.analytic.mixtures import Mixture


@dataclass(frozen=True)
class CloudMixture:
    r"""Each event draws one component; all of its particles are independent draws of that one.

    :math:`p(x) = \sum_k w_k \prod_i N(x_i; m_k, C_k)`, the product over the real particles: every
    particle tells about the component and so about all others, as the particles of a jet do.

    Attributes:
        particle: weights, and the mean and covariance of one particle's d features.
    """

    particle: Mixture

    def _terms(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """ln w_k + ln p_k(event), (B, K), and each component's own estimate, (B, P, K, d)."""
        rows, a, s = self.particle.rows(x, alpha, sigma)
        log_normal, solved = self.particle.log_normals(rows, a, s)
        log_normal = log_normal.reshape(*x.shape[:2], -1)
        if mask is not None:
            log_normal = log_normal * mask[..., None]
        own = self.particle.pull(solved, a).reshape(*log_normal.shape, -1)
        return self.particle.weights.to(x).log() + log_normal.sum(1), own

    def log_density_of_events(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Log-density (B,) of clouds (B, P, d); alpha and sigma (B, 1), mask (B, P) or None."""
        return self._terms(x, alpha, sigma, mask)[0].logsumexp(1)

    def denoise_events(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """E[x_0 | x_t = x] like x (B, P, d), zero where padded."""
        log_share, own = self._terms(x, alpha, sigma, mask)
        estimate = (log_share.softmax(1)[:, None, :, None] * own).sum(2)
        return estimate if mask is None else estimate * mask[..., None]

    def sample(self, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Clouds (N, P, d) float64 with the given real particles (N, P), zero elsewhere."""
        n, slots = mask.shape
        k = torch.multinomial(self.particle.weights.double(), n, True, generator=generator)
        rows = k.repeat_interleave(slots)
        x = self.particle.means.double()[rows] + self.particle.colour(rows, generator)
        return x.reshape(n, slots, -1) * mask[..., None]
