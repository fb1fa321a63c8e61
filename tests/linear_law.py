"""The exact law that a sampler gives to Gaussian data, without sampling.

With Gaussian data every sampler of fixed steps is linear in its draws. One event sees no noise, the
others each a unit draw in one interval: their ends are the mean and the weights of the draws.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, gaussian
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Sampler, sample
from driftline.diffusion.schedules import VP, Schedule


@dataclass(frozen=True)
class Impulses(Noise):
    """Event 0 sees no noise, event i a one in interval i - 1."""

    def normal(
        self,
        events: Tensor,
        shape: tuple[int, ...],
        interval: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        assert interval + 1 < 1 + events.max()  # every draw has an event of its own
        hit = (events == interval + 1).to(dtype)
        return hit.reshape(-1, *(1 for _ in shape)).expand(-1, *shape)


def linear_law(
    sampler: Sampler, mean: float, std: float, schedule: Schedule | None = None
) -> tuple[float, float]:
    """Mean and standard deviation of the sampler's events when the data are N(mean, std^2)."""
    denoiser = AnalyticDenoiser(gaussian(mean, std), schedule or VP())
    draws = len(sampler.plan(denoiser.schedule).steps) + 1
    result = sample(
        denoiser,
        sampler,
        noise=Impulses(0),
        events=draws + 2,
        shape=(1,),
        dtype=torch.float64,
        batch=draws + 2,
    )
    x = result.x.ravel()
    return float(x[0]), float((x[1:] - x[0]).norm())


def exact_std(std: float, noise_end: float) -> float:
    """Of the clean estimate at the last noise level, when the events there have the true law."""
    return std**2 / (std**2 + noise_end**2) ** 0.5


def flow_std(std: float, noise_end: float, schedule: Schedule | None = None) -> float:
    """The same for the exact probability flow, which keeps the prior's slight mismatch at t = 1."""
    first = float((-(schedule or VP()).log_snr(torch.ones((), dtype=torch.float64))).exp())
    return exact_std(std, noise_end) * first / (std**2 + first**2) ** 0.5
