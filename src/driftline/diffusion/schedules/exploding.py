r"""Schedules whose noise grows over an untouched signal: alpha = 1, f = 0, g^2 = d sigma^2/dt."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.schedules.base import Schedule


@dataclass(frozen=True)
class VE(Schedule):
    r"""Variance-exploding SDE, geometric in t (Song et al., 2011.13456, eq. 30-31).

    :math:`\sigma = \sigma_0 (\sigma_1/\sigma_0)^t`. Data at t = 0 already carry
    :math:`\sigma_0`: a grid must not ask for less.

    Raises:
        ValueError: unless 0 < sigma_min < sigma_max.
    """

    sigma_min: float = 0.01
    sigma_max: float = 50.0

    def __post_init__(self) -> None:
        _check_sigmas(self)

    @property
    def _rate(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)

    def log_alpha(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)

    def sigma(self, t: Tensor) -> Tensor:
        return self.sigma_min * torch.exp(self._rate * t)

    def time(self, log_snr: Tensor) -> Tensor:
        return -(log_snr + math.log(self.sigma_min)) / self._rate

    def drift(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)

    def diffusion(self, t: Tensor) -> Tensor:
        return self.sigma(t) * math.sqrt(2 * self._rate)


@dataclass(frozen=True)
class EDM(Schedule):
    r"""The noise levels of Karras et al. (2206.00364, eq. 5) on t in [0, 1].

    :math:`\sigma = (\sigma_0^{1/\rho} + t (\sigma_1^{1/\rho} - \sigma_0^{1/\rho}))^\rho`: equal
    steps in t are that paper's grid. Its own time is sigma; a change of clock leaves the marginals
    and the probability-flow curves as they are.

    Raises:
        ValueError: unless 0 < sigma_min < sigma_max and rho > 0.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        _check_sigmas(self)
        if not self.rho > 0:
            raise ValueError(f"EDM needs rho > 0, got {self.rho}")

    @property
    def _first(self) -> float:
        return self.sigma_min ** (1 / self.rho)

    @property
    def _spread(self) -> float:
        return self.sigma_max ** (1 / self.rho) - self._first

    def log_alpha(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)

    def sigma(self, t: Tensor) -> Tensor:
        return (self._first + t * self._spread) ** self.rho

    def time(self, log_snr: Tensor) -> Tensor:
        return (torch.exp(-log_snr / self.rho) - self._first) / self._spread

    def drift(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)

    def diffusion(self, t: Tensor) -> Tensor:
        # g^2 = 2 sigma sigma' and sigma' = rho sigma spread / root
        return self.sigma(t) * torch.sqrt(
            2 * self.rho * self._spread / (self._first + t * self._spread)
        )


def _check_sigmas(schedule: VE | EDM) -> None:
    if not 0 < schedule.sigma_min < schedule.sigma_max:
        raise ValueError(
            f"{type(schedule).__name__} needs 0 < sigma_min < sigma_max, "
            f"got {schedule.sigma_min} and {schedule.sigma_max}"
        )
