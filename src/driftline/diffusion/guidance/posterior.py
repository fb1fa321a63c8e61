r"""The covariance of what a noisy event may have been, by a gradient through the denoiser.

Of :math:`x_0` given :math:`x_t` the denoiser is the mean, and its Jacobian the covariance
(Tweedie's formula of second order; Boys et al., 2310.06721):

.. math:: V = \frac{\sigma^2}{\alpha} \frac{\partial D}{\partial x_t} .

If the data are Gaussian, V is exact and does not depend on :math:`x_t`. A trained denoiser's
Jacobian is only nearly symmetric; what is calculated is the product with its transpose.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand

Linear = Callable[[Tensor], Tensor]
"""A linear map of events (B, ...) to such, each on its own."""


@dataclass(frozen=True)
class Posterior:
    """Mean and covariance of clean events given noisy ones.

    Attributes:
        mean: D(x_t), like x_t (B, ...), without a graph.
        covariance: V v for any v like the mean; one vector-Jacobian product, of dtype of x.
    """

    mean: Tensor
    covariance: Linear

    @classmethod
    def of(
        cls,
        denoiser: CleanEstimate,
        x: Tensor,
        t: Tensor,
        condition: Tensor | None,
        mask: Tensor | None,
    ) -> Self:
        """At noisy events x (B, ...) and times t (B,), with gradients whatever surrounds it.

        Raises:
            ValueError: the denoiser has no gradient.
        """
        with torch.enable_grad():
            noisy = x.detach().requires_grad_()
            mean = denoiser(noisy, t, condition, mask)
        if not mean.requires_grad:
            raise ValueError(
                "the clean estimate has no gradient: guide a model that is not guided by gradients "
                "already; what is measured together belongs into one observable"
            )
        schedule = denoiser.schedule
        scale = expand(schedule.sigma(t) ** 2 / schedule.alpha(t), x)

        def covariance(vector: Tensor) -> Tensor:
            (product,) = torch.autograd.grad(mean, noisy, vector.to(mean.dtype), retain_graph=True)
            product = scale * product
            return product if mask is None else product * expand(mask, product)

        return cls(mean.detach(), covariance)


def conjugate_gradients(matrix: Linear, b: Tensor, iterations: int) -> Tensor:
    """Solution v of M v = b of every event by Hestenes and Stiefel's method (1952), from v = 0.

    M must be symmetric and not negative; exact, in exact arithmetic, after as many iterations as M
    has different eigenvalues. An event stops where a direction has no positive curvature, which M
    made of a trained network may have.

    Args:
        matrix: v (B, ...) to M v.
        b: (B, ...).
        iterations: products with M.
    """
    v, residual, direction = torch.zeros_like(b), b, b
    square = _dot(residual, residual)
    # What is left after convergence is rounding: it must not be amplified.
    smallest = square * torch.finfo(b.dtype).eps ** 2
    for _ in range(iterations):
        product = matrix(direction)
        curvature = _dot(direction, product)
        goes_on = (curvature > 0) & (square > smallest)
        step = torch.where(goes_on, square / torch.where(goes_on, curvature, 1), 0)
        v = v + expand(step, b) * direction
        residual = residual - expand(step, b) * product
        before, square = square, _dot(residual, residual)
        ratio = torch.where(goes_on, square / torch.where(goes_on, before, 1), 0)
        direction = residual + expand(ratio, b) * direction
    return v


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """(B,) inner products of events (B, ...)."""
    return (a * b).flatten(1).sum(1)
