"""Reconstruction guidance: events of which observables have been measured."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.guidance.base import Guided, check_events, evaluations_of
from driftline.diffusion.guidance.posterior import Posterior
from driftline.diffusion.observables import Observable


@dataclass(frozen=True)
class Reconstruction(Guided):
    r"""Events given y = h(x_0) + n, n normal, for any differentiable h of K numbers.

    By Bayes' and Tweedie's formulas a likelihood changes the clean estimate by

    .. math:: D_{guided} = D + \frac{\sigma^2}{\alpha} \nabla_{x_t} \ln p(y | x_t) .

    DPS (Chung et al., 2209.14687) takes h(D) for h(x_0), with a step to be tuned. Here what a noisy
    event may have been has the covariance V of ``Posterior`` too, and h is taken for linear about
    D, with rows a = dh/dx_0:

    .. math:: D_{guided} = D + V a^T (a V a^T + N)^{-1} (y - h(D)) ,

    with the exact V (2310.06721), where PiGDM (Song et al., ICLR 2023) takes an isotropic one.
    **Exact if the data are Gaussian and h is linear**; where h bends over the width of V, at large
    noise, it is not, and the obtained h(x_0) should be compared with y. Nothing is to be tuned.

    Attributes:
        denoiser: the model.
        observable: h.
        values: y, (N, K).
        noise: (N, K) standard deviation of n, positive: how sharply y is to be met.

    Raises:
        ValueError: shapes differ, a value is not finite, noise is not positive and finite; from a
            call also: the observable's shape is another one.
    """

    denoiser: CleanEstimate
    observable: Observable
    values: Tensor
    noise: Tensor

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape != self.noise.shape:
            raise ValueError(
                "values and noise must have one shape (N, K), got "
                f"{tuple(self.values.shape)} and {tuple(self.noise.shape)}"
            )
        if not self.values.isfinite().all():
            raise ValueError("values must be finite: leave out what is not known")
        if not ((self.noise > 0) & (self.noise < math.inf)).all():
            raise ValueError("noise must be positive and finite: give a small one for exact values")

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        check_events("values", self.values, x)
        posterior = Posterior.of(self.denoiser, x, t, condition, mask)
        found, rows = self._linearised(posterior.mean, condition, mask)
        pulled = torch.stack([posterior.covariance(row) for row in rows])
        # (B, K, K), of which rounding and a network's own ways leave only the positive part
        matrix = torch.einsum("jbe,kbe->bjk", rows.flatten(2), pulled.flatten(2))
        matrix = _positive(matrix) + torch.diag_embed(self.noise.to(x) ** 2)
        weights = torch.linalg.solve(matrix, self.values.to(x) - found)
        return posterior.mean + torch.einsum("bk,kb...->b...", weights, pulled)

    def evaluations(self, t: Tensor) -> Tensor:
        """One, and a gradient for each observable."""
        return evaluations_of(self.denoiser, t) * (1 + self.values.shape[1])

    def _linearised(
        self, mean: Tensor, condition: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """h (B, K) and its gradients (K, B, ...) at clean events."""
        with torch.enable_grad():
            clean = mean.detach().requires_grad_()
            found = self.observable(clean, condition, mask)
            if found.shape != self.values.shape:
                raise ValueError(
                    f"the observable gives a shape of {tuple(found.shape)} where values have "
                    f"{tuple(self.values.shape)}: let it give (B, K)"
                )
            rows = [
                torch.autograd.grad(column.sum(), clean, retain_graph=True)[0]
                for column in found.unbind(1)
            ]
        return found.detach(), torch.stack(rows)


def _positive(matrix: Tensor) -> Tensor:
    """The symmetric part of matrices (B, K, K), negative eigenvalues raised to zero."""
    values, vectors = torch.linalg.eigh((matrix + matrix.mT) / 2)
    return (vectors * values.clamp(min=0)[:, None]) @ vectors.mT
