"""Where a sampler evaluates the denoiser: falling times of the model's own schedule."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from driftline.diffusion.schedules import Schedule

NOISE_END = 5e-3
"""Noise-to-signal ratio at which sampling ends with a clean estimate, for data of unit scale."""


class Grid(Protocol):
    """A rule that places evaluations."""

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        """Falling times (steps,) float64, from t = 1 to the last evaluation."""
        ...


@dataclass(frozen=True)
class UniformTime:
    """Equal steps in t from 1 to ``t_min``: as in Song et al. (2011.13456)."""

    t_min: float = 1e-3

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        return torch.linspace(1.0, self.t_min, steps, dtype=torch.float64)


@dataclass(frozen=True)
class UniformLogSNR:
    """Equal steps in lambda = ln(alpha/sigma), the natural variable of exponential integrators."""

    noise_end: float = NOISE_END

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        first = schedule.log_snr(torch.ones((), dtype=torch.float64))
        last = -torch.tensor(self.noise_end, dtype=torch.float64).log()
        return schedule.time(torch.linspace(float(first), float(last), steps, dtype=torch.float64))


@dataclass(frozen=True)
class Karras:
    """Equal steps in (sigma/alpha)^(1/rho) (2206.00364, eq. 5)."""

    rho: float = 7.0
    noise_end: float = NOISE_END

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        first = schedule.log_snr(torch.ones((), dtype=torch.float64)).neg().exp()
        ends = first ** (1 / self.rho), self.noise_end ** (1 / self.rho)
        ratio = torch.linspace(float(ends[0]), float(ends[1]), steps, dtype=torch.float64)
        return schedule.time(-self.rho * ratio.log())
