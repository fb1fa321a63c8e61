r"""Distributions made of Gaussians: single ones, and curves smeared by a kernel mixture."""

import math

import torch
from torch import Tensor

from driftline.diffusion.analytic.mixtures import FullMixture, GaussianMixture, LowRankMixture


def gaussian(mean: float, std: float, dimensions: int = 1) -> GaussianMixture:
    """One isotropic Gaussian."""
    return GaussianMixture(
        torch.ones(1, dtype=torch.float64),
        torch.full((1, dimensions), mean, dtype=torch.float64),
        torch.full((1,), std, dtype=torch.float64),
    )


def full_gaussian(mean: Tensor, covariance: Tensor) -> FullMixture:
    """One Gaussian of mean (d,) and covariance (d, d)."""
    return FullMixture(torch.ones(1, dtype=torch.float64), mean[None], covariance[None])


def low_rank_gaussian(mean: Tensor, variances: Tensor, factors: Tensor) -> LowRankMixture:
    """One Gaussian of mean (d,) and covariance diag(v) + F F^T, v (d,) and F (d, r)."""
    one = torch.ones(1, dtype=torch.float64)
    return LowRankMixture(one, mean[None], variances[None], factors[None])


def kernel_mixture(points: Tensor, width: float) -> GaussianMixture:
    """Equal isotropic kernels of standard deviation ``width`` on points (K, d)."""
    count = len(points)
    weights = torch.full((count,), 1 / count, dtype=torch.float64)
    return GaussianMixture(weights, points.double(), torch.full_like(weights, width))


def ring(radius: float = 1.0, width: float = 0.1, kernels: int = 64) -> GaussianMixture:
    """A ring about the origin, made of kernels at equal angles.

    It is even to 1e-3 in density along the ring if the kernels lie at most about 1.6 widths apart.
    """
    angle = 2 * math.pi * torch.arange(kernels, dtype=torch.float64) / kernels
    return kernel_mixture(radius * torch.stack([angle.cos(), angle.sin()], 1), width)


def two_moons(width: float = 0.1, kernels: int = 64) -> GaussianMixture:
    """Two interleaved half circles of radius one, with half of the kernels on each.

    The upper about (0, 0), the lower about (1, 1/2), as in scikit-learn's ``make_moons``.
    """
    half = kernels // 2
    angle = math.pi * (torch.arange(half, dtype=torch.float64) + 0.5) / half
    upper = torch.stack([angle.cos(), angle.sin()], 1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    return kernel_mixture(torch.cat([upper, lower]), width)
