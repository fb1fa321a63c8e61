r"""Score matching without a known target: implicit (Hyvarinen) and sliced.

Integrating by parts removes the unknown score from the error of a model s(x):

.. math:: \tfrac12 E \| s - \nabla \ln p \|^2 = E[ tr \nabla s + \tfrac12 \| s \|^2 ] + const

(Hyvarinen 2005). Slicing replaces trace and norm by their projections on random directions (Song
et al., 1905.07088). Here p is the density p_t of the perturbed events, so that both compare with
denoising score matching level by level; at the smallest t it is that of the data.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from driftline.diffusion.denoisers import Denoiser, expand
from driftline.diffusion.divergence import quadratic_forms, unit_vectors
from driftline.diffusion.objectives.denoising import masked_mean
from driftline.diffusion.objectives.weightings import NoiseWeighting, Weighting


def _perturbed_score(
    denoiser: Denoiser,
    x0: Tensor,
    t: Tensor,
    noise: Tensor,
    condition: Tensor | None,
    mask: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """x_t, which requires gradients, and the model's score there, zero where padded."""
    if mask is not None:
        noise = noise * expand(mask, noise)
    alpha, sigma = denoiser.signal_and_noise(t, x0)
    x = (alpha * x0 + sigma * noise).detach().requires_grad_()
    return x, denoiser.score(x, t, condition, mask)


def _entries(x: Tensor, mask: Tensor | None) -> Tensor:
    """Real entries of each event, (B,)."""
    like = torch.ones_like(x) if mask is None else expand(mask, x).expand_as(x)
    return like.to(x.dtype).flatten(1).sum(1).clamp(min=1)


def _score_weight(weighting: Weighting, denoiser: Denoiser, t: Tensor) -> Tensor:
    r"""The weight of the clean estimate's error as one of the score's, w sigma^4/alpha^2."""
    schedule = denoiser.schedule
    return weighting(schedule, t) * (schedule.sigma(t) ** 2 / schedule.alpha(t)) ** 2


@dataclass(frozen=True)
class ImplicitScoreMatching:
    r""":math:`2 tr \nabla s + \| s \|^2` with the exact trace (Hyvarinen 2005).

    It needs a vector-Jacobian product for every entry of an event, and its gradient a second
    derivative: for few dimensions. Up to a constant it is the squared error of the score.

    Attributes:
        weighting: w(t) of the clean estimate's error, as in ``DenoisingScoreMatching``.
    """

    weighting: Weighting = field(default_factory=NoiseWeighting)

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Loss of each event (B,), a mean over its real entries; arguments as for denoising."""
        x, score = _perturbed_score(denoiser, x0, t, noise, condition, mask)
        units = unit_vectors(x) if mask is None else unit_vectors(x) * expand(mask, x)
        trace = quadratic_forms(score, x, units, create_graph=True).sum(0) / _entries(x, mask)
        loss = 2 * trace + masked_mean(score.square(), mask)
        return loss * _score_weight(self.weighting, denoiser, t)


@dataclass(frozen=True)
class SlicedScoreMatching:
    r""":math:`2 v^T \nabla s\, v + (v^T s)^2`, a mean over probes v (Song et al., 1905.07088).

    Attributes:
        weighting: w(t) of the clean estimate's error, as in ``DenoisingScoreMatching``.
        variance_reduced: replace :math:`(v^T s)^2` by its mean :math:`\| s \|^2` (eq. 8), which
            holds for probes of unit covariance.
    """

    weighting: Weighting = field(default_factory=NoiseWeighting)
    variance_reduced: bool = True

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        probes: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Loss of each event (B,), a mean over its real entries.

        Args:
            denoiser: the model to train.
            x0: clean events (B, ...), zero where padded.
            t: times (B,).
            noise: standard normal, like x0.
            probes: (K, B, ...) of mean zero and unit covariance.
            condition: (B, C) or None.
            mask: (B, P) or None; true for real entries.
        """
        x, score = _perturbed_score(denoiser, x0, t, noise, condition, mask)
        if mask is not None:
            probes = probes * expand(mask, x)
        entries = _entries(x, mask)
        trace = quadratic_forms(score, x, probes, create_graph=True).mean(0) / entries
        if self.variance_reduced:
            square = masked_mean(score.square(), mask)
        else:
            square = (probes * score).flatten(2).sum(2).square().mean(0) / entries
        return (2 * trace + square) * _score_weight(self.weighting, denoiser, t)
