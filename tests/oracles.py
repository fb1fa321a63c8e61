"""What tests of samplers share: distributions with a known flow, runs on them, measured orders."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture, gaussian
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Result, Sampler, sample
from driftline.diffusion.schedules import VP

MEAN, STD = 0.4, 0.5
NORMAL = AnalyticDenoiser(gaussian(MEAN, STD), VP())
MIXTURE = AnalyticDenoiser(
    GaussianMixture(
        torch.tensor([0.3, 0.7], dtype=torch.float64),
        torch.tensor([[-1.0], [0.6]], dtype=torch.float64),
        torch.tensor([0.2, 0.3], dtype=torch.float64),
    ),
    VP(),
)


def run(sampler: Sampler, events: int | Tensor = 50, **options: Any) -> Result:
    """Events of one number each, in float64 and from seed 5 unless told otherwise."""
    arguments = {"denoiser": MIXTURE, "shape": (1,), "noise": Noise(5), "dtype": torch.float64}
    return sample(sampler=sampler, events=events, **(arguments | options))


def normal_flow(x_hat: Tensor, s: float, there: float) -> Tensor:
    """The exact probability flow of ``NORMAL`` in hat coordinates, from s to ``there``."""
    shrink = ((STD**2 + there**2) / (STD**2 + s**2)) ** 0.5
    return MEAN + (x_hat - MEAN) * shrink


def slope(steps: Sequence[float], errors: Sequence[float]) -> float:
    """Order of convergence: minus the slope of ln(error) over ln(steps)."""
    return -float(np.polyfit(np.log(steps), np.log(np.abs(errors)), 1)[0])
