r"""Distributions whose denoiser is known exactly: the oracles that samplers are tested against."""

from driftline.diffusion.analytic.clouds import CloudMixture
from driftline.diffusion.analytic.denoiser import AnalyticDenoiser, Distribution
from driftline.diffusion.analytic.fit import fit_mixture
from driftline.diffusion.analytic.mixtures import (
    FullMixture,
    GaussianMixture,
    LowRankMixture,
    Mixture,
)
from driftline.diffusion.analytic.shapes import (
    full_gaussian,
    gaussian,
    kernel_mixture,
    low_rank_gaussian,
    ring,
    two_moons,
)

__all__ = [
    "AnalyticDenoiser",
    "CloudMixture",
    "Distribution",
    "FullMixture",
    "GaussianMixture",
    "LowRankMixture",
    "Mixture",
    "fit_mixture",
    "full_gaussian",
    "gaussian",
    "kernel_mixture",
    "low_rank_gaussian",
    "ring",
    "two_moons",
]
