r"""Noise schedules: how much signal and how much noise an event keeps at time t.

The perturbation is :math:`x_t = \alpha(t) x_0 + \sigma(t) \varepsilon` with t in [0, 1] and
:math:`\varepsilon \sim N(0, 1)`; it solves :math:`dx = f(t) x dt + g(t) dw` with
:math:`f = d \ln\alpha / dt` and :math:`g^2 = d\sigma^2/dt - 2 f \sigma^2`
(Song et al., 2011.13456; Karras et al., 2206.00364, appendix B).
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor


class Schedule(ABC):
    """A pair alpha(t), sigma(t); every function maps times of any shape and float dtype alike."""

    @abstractmethod
    def log_alpha(self, t: Tensor) -> Tensor:
        """Logarithm of the scale of the signal."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Standard deviation of the noise."""

    @abstractmethod
    def time(self, log_snr: Tensor) -> Tensor:
        """The time at which ln(alpha/sigma) has the given value: the inverse of ``log_snr``."""

    @abstractmethod
    def drift(self, t: Tensor) -> Tensor:
        """f(t) of the forward SDE dx = f x dt + g dw."""

    @abstractmethod
    def diffusion(self, t: Tensor) -> Tensor:
        """g(t) of the forward SDE dx = f x dt + g dw."""

    def alpha(self, t: Tensor) -> Tensor:
        """Scale of the signal."""
        return self.log_alpha(t).exp()

    def log_snr(self, t: Tensor) -> Tensor:
        """lambda(t) = ln(alpha/sigma), half the logarithm of the ratio of powers."""
        return self.log_alpha(t) - self.sigma(t).log()

    def to_dict(self) -> dict[str, Any]:
        """Name and parameters, as JSON; ``schedule_from_dict`` is the inverse."""
        return {"name": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class VP(Schedule):
    r"""Variance-preserving SDE with a linear rate (Song et al., 2011.13456, eq. 32-33).

    :math:`\ln\alpha = -t^2 (\beta_1 - \beta_0)/4 - t \beta_0/2`, :math:`\sigma^2 = 1 - \alpha^2`.

    Raises:
        ValueError: unless 0 < beta_min < beta_max.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.beta_min < self.beta_max:
            raise ValueError(
                f"VP needs 0 < beta_min < beta_max, got {self.beta_min} and {self.beta_max}"
            )

    def beta(self, t: Tensor) -> Tensor:
        """Rate of the diffusion."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def log_alpha(self, t: Tensor) -> Tensor:
        return -t * (t * (self.beta_max - self.beta_min) / 4 + self.beta_min / 2)

    def sigma(self, t: Tensor) -> Tensor:
        # expm1: 1 - exp loses 6% at t = 1e-5 in float32.
        return torch.sqrt(-torch.expm1(2 * self.log_alpha(t)))

    def time(self, log_snr: Tensor) -> Tensor:
        # alpha^2 = sigmoid(2 lambda); then the positive root of the quadratic in t, in the form
        # that does not cancel for small t.
        c = torch.nn.functional.softplus(-2 * log_snr) / 2
        half = self.beta_min / 2
        return 2 * c / (half + torch.sqrt(half**2 + (self.beta_max - self.beta_min) * c))

    def drift(self, t: Tensor) -> Tensor:
        return -self.beta(t) / 2

    def diffusion(self, t: Tensor) -> Tensor:
        return self.beta(t).sqrt()


SCHEDULES: dict[str, type[Schedule]] = {"VP": VP}


def schedule_from_dict(saved: dict[str, Any]) -> Schedule:
    """The schedule that ``Schedule.to_dict`` described.

    Raises:
        ValueError: the name is unknown or a parameter is out of range.
    """
    options = dict(saved)
    name = options.pop("name", None)
    if name not in SCHEDULES:
        raise ValueError(f"unknown schedule {name!r}: choose from {', '.join(SCHEDULES)}")
    return SCHEDULES[name](**options)
