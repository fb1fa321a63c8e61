r"""Denoising with more weight on the errors that observables see."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.objectives.denoising import DenoisingScoreMatching
from driftline.diffusion.objectives.weightings import LowNoiseWeighting, Weighting
from driftline.diffusion.observables import Observable


@dataclass(frozen=True)
class ObservableMatching:
    r"""Denoising score matching and a term on observables h of the clean estimate D.

    .. math:: L = L_{denoising} + \frac{w(t)}{K} \| h'(D) (D - x_0) \|^2 ,

    the difference h(D) - h(x_0) to first order, with the derivative h'(D) held fixed, as a number,
    when the gradient is taken.

    **It leaves the minimiser where it is**, for any h and any weight. Given :math:`x_t`, the
    gradient after D is :math:`2 (\ldots + \tfrac{w}{K} h'^T h') (D - E[x_0 | x_t])` with the
    denoising term's positive number for the dots: a positive definite matrix, which depends on
    :math:`x_t` alone, times what vanishes only at the mean. So the term changes where a finite
    network spends its capacity, and no more.

    **The difference itself would be biased.** :math:`\| h(D) - h(x_0) \|^2` asks for
    :math:`h(D) = E[h(x_0) | x_t]`, which the mean does not satisfy wherever h bends over the width
    of what :math:`x_0` may be: to second order they differ by :math:`\tfrac12 tr(h'' V)`, V the
    covariance of :math:`x_0` given :math:`x_t`.

    Attributes:
        observable: h; its numbers should have about unit spread (``standardised``).
        weight: of the term. At one and low noise it is of the order of the denoising term for a
            trained network, and many times larger, with long tails, for one that is not.
        weighting: w(t) over the weight.
        objective: the denoising term. One evaluation of the network serves both.

    Raises:
        ValueError: the weight is negative.
    """

    observable: Observable
    weight: float = 1.0
    weighting: Weighting = field(default_factory=LowNoiseWeighting)
    objective: DenoisingScoreMatching = field(default_factory=DenoisingScoreMatching)

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError(f"weight must not be negative, got {self.weight}")

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Loss of each event (B,); arguments as for denoising."""
        loss, estimate = self.objective.with_estimate(denoiser, x0, t, noise, condition, mask)
        # Observables add up many particles or pixels: never in the network's reduced precision.
        with torch.autocast(x0.device.type, enabled=False):
            estimate, error = estimate.detach().to(x0.dtype), estimate.to(x0.dtype) - x0
            missed = torch.func.jvp(
                lambda x: self.observable(x, condition, mask), (estimate,), (error,)
            )[1]
            term = missed.square().mean(1) * self.weighting(denoiser.schedule, t)
        return loss + self.weight * term
