r"""Schedules whose signal fades: alpha falls from one to almost nothing, sigma stays below one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.schedules.base import Schedule


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
        _check_rates(self)

    def beta(self, t: Tensor) -> Tensor:
        """Rate of the diffusion."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def log_alpha(self, t: Tensor) -> Tensor:
        return _linear_rate_log_alpha(self, t)

    def sigma(self, t: Tensor) -> Tensor:
        # expm1: 1 - exp loses 6% at t = 1e-5 in float32.
        return torch.sqrt(-torch.expm1(2 * self.log_alpha(t)))

    def time(self, log_snr: Tensor) -> Tensor:
        # alpha^2 = sigmoid(2 lambda)
        return _linear_rate_time(self, torch.nn.functional.softplus(-2 * log_snr) / 2)

    def drift(self, t: Tensor) -> Tensor:
        return -self.beta(t) / 2

    def diffusion(self, t: Tensor) -> Tensor:
        return self.beta(t).sqrt()


@dataclass(frozen=True)
class SubVP(Schedule):
    r"""Sub-VP SDE: the signal of VP with less noise (Song et al., 2011.13456, eq. 28-29).

    :math:`\ln\alpha` as in ``VP``, :math:`\sigma = 1 - \alpha^2`,
    :math:`g^2 = \beta (1 - \alpha^4)`.

    Raises:
        ValueError: unless 0 < beta_min < beta_max.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        _check_rates(self)

    def beta(self, t: Tensor) -> Tensor:
        """Rate of the diffusion."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def log_alpha(self, t: Tensor) -> Tensor:
        return _linear_rate_log_alpha(self, t)

    def sigma(self, t: Tensor) -> Tensor:
        return -torch.expm1(2 * self.log_alpha(t))

    def time(self, log_snr: Tensor) -> Tensor:
        # alpha^2 + alpha s = 1 with s = sigma/alpha, so that -ln alpha = asinh(s/2).
        return _linear_rate_time(self, torch.asinh((-log_snr).exp() / 2))

    def drift(self, t: Tensor) -> Tensor:
        return -self.beta(t) / 2

    def diffusion(self, t: Tensor) -> Tensor:
        return torch.sqrt(self.beta(t) * -torch.expm1(4 * self.log_alpha(t)))


def _check_rates(schedule: VP | SubVP) -> None:
    if not 0 < schedule.beta_min < schedule.beta_max:
        raise ValueError(
            f"{type(schedule).__name__} needs 0 < beta_min < beta_max, "
            f"got {schedule.beta_min} and {schedule.beta_max}"
        )


def _linear_rate_log_alpha(schedule: VP | SubVP, t: Tensor) -> Tensor:
    return -t * (t * (schedule.beta_max - schedule.beta_min) / 4 + schedule.beta_min / 2)


def _linear_rate_time(schedule: VP | SubVP, decay: Tensor) -> Tensor:
    """The time at which -ln(alpha) has the given value."""
    # The positive root of the quadratic in t, in the form that does not cancel for small t.
    half = schedule.beta_min / 2
    spread = schedule.beta_max - schedule.beta_min
    return 2 * decay / (half + torch.sqrt(half**2 + spread * decay))


@dataclass(frozen=True)
class Cosine(Schedule):
    r"""Cosine schedule between two log-SNRs: FPCD's (2304.01266; Salimans & Ho, 2202.00512).

    :math:`\alpha = \cos\theta`, :math:`\sigma = \sin\theta` with
    :math:`\theta = b + t (\pi/2 - 2b)`, :math:`b = \arctan e^{-\Lambda/2}`,
    so that :math:`f = -\theta' \tan\theta` and :math:`g^2 = 2 \theta' \tan\theta`.

    Attributes:
        log_snr_max: :math:`\Lambda`, the largest value (and minus the smallest) of
            :math:`\ln(\alpha^2/\sigma^2)`, the papers' convention: **twice** the lambda used
            everywhere else here. 20 gives sigma/alpha from 4.5e-5 to 2.2e4.

    Raises:
        ValueError: log_snr_max <= 0.
    """

    log_snr_max: float = 20.0

    def __post_init__(self) -> None:
        if not self.log_snr_max > 0:
            raise ValueError(f"Cosine needs log_snr_max > 0, got {self.log_snr_max}")

    @property
    def _first(self) -> float:
        return math.atan(math.exp(-self.log_snr_max / 2))

    @property
    def _speed(self) -> float:
        return math.pi / 2 - 2 * self._first

    def log_alpha(self, t: Tensor) -> Tensor:
        # The cosine as the sine of the complement, which does not cancel near t = 1.
        return torch.sin(self._first + (1 - t) * self._speed).log()

    def sigma(self, t: Tensor) -> Tensor:
        return torch.sin(self._first + t * self._speed)

    def time(self, log_snr: Tensor) -> Tensor:
        return (torch.atan((-log_snr).exp()) - self._first) / self._speed

    def drift(self, t: Tensor) -> Tensor:
        return -self._speed * self.sigma(t) / self.alpha(t)

    def diffusion(self, t: Tensor) -> Tensor:
        return torch.sqrt(2 * self._speed * self.sigma(t) / self.alpha(t))


@dataclass(frozen=True)
class Linear(Schedule):
    r"""The straight path of flow matching (Lipman et al., 2210.02747; Liu et al., 2209.03003).

    :math:`\alpha = 1 - (1 - \alpha_1) t`, :math:`\sigma = t`. The ideal path has no signal left at
    t = 1, where x/alpha and the log-SNR do not exist and the SDE is singular
    (:math:`g^2 = 2t/\alpha`); so a little is kept, and a sampler starts from
    :math:`\hat x \sim N(0, 1/\alpha_1^2)` as it does under VP, of which :math:`\alpha(1)` is 0.007.

    Attributes:
        alpha_end: :math:`\alpha_1`, what is left of the signal at t = 1.

    Raises:
        ValueError: alpha_end is not in (0, 1).
    """

    alpha_end: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.alpha_end < 1:
            raise ValueError(f"Linear needs alpha_end in (0, 1), got {self.alpha_end}")

    def log_alpha(self, t: Tensor) -> Tensor:
        return torch.log1p(-(1 - self.alpha_end) * t)

    def sigma(self, t: Tensor) -> Tensor:
        return t

    def time(self, log_snr: Tensor) -> Tensor:
        return 1 / (log_snr.exp() + (1 - self.alpha_end))

    def drift(self, t: Tensor) -> Tensor:
        return -(1 - self.alpha_end) / self.alpha(t)

    def diffusion(self, t: Tensor) -> Tensor:
        return torch.sqrt(2 * t / self.alpha(t))
