r"""What every noise schedule offers: alpha, sigma, log-SNR and its inverse, drift, diffusion."""

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any

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
        """The time at which ln(alpha/sigma) has the given value: the inverse of ``log_snr``.

        Values outside [log_snr(1), log_snr(0)] give times outside [0, 1]: nothing is cut off, so
        that a caller can see that it left the schedule.
        """

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

    def log_snr_slope(self, t: Tensor) -> Tensor:
        r""":math:`d\lambda/dt = -g^2/(2\sigma^2)`, negative."""
        return -((self.diffusion(t) / self.sigma(t)) ** 2) / 2

    def to_dict(self) -> dict[str, Any]:
        """Name and parameters, as JSON; ``schedule_from_dict`` is the inverse."""
        return {"name": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]
