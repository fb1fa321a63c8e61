r"""How much the error at each noise level counts.

All errors that a network may be asked to minimise are the error of its clean estimate times a
function of time: with :math:`e = D - x_0`, the noise estimate is off by :math:`(\alpha/\sigma) e`,
the score by :math:`(\alpha/\sigma^2) e`, and the velocity :math:`dx/dt` of the path by
:math:`\alpha \lambda' e`, :math:`\lambda' = -g^2/(2\sigma^2)`. So a weighting is a function w(t)
that multiplies :math:`\|e\|^2`, whatever the network predicts.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from driftline.diffusion.levels import NoiseLevels
from driftline.diffusion.schedules import Schedule


class Weighting(Protocol):
    """w(t) of the squared error of the clean estimate."""

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        """w (B,) at times t (B,)."""
        ...


@dataclass(frozen=True)
class CleanWeighting:
    """w = 1: the error of the clean estimate, x_0."""

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        return torch.ones_like(t)


@dataclass(frozen=True)
class NoiseWeighting:
    r""":math:`w = \alpha^2/\sigma^2`: the error of the noise, DDPM's simple loss (2006.11239)."""

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        return (schedule.alpha(t) / schedule.sigma(t)) ** 2


@dataclass(frozen=True)
class ScoreWeighting:
    r""":math:`w = \alpha^2/\sigma^4`: the plain error of the score."""

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        return (schedule.alpha(t) / schedule.sigma(t) ** 2) ** 2


@dataclass(frozen=True)
class UnitVarianceWeighting:
    r""":math:`w = (\alpha^2 + \sigma^2)/\sigma^2`: EDM's for unit data (2206.00364, table 1).

    Attributes:
        power: of w; one half makes a distance, rather than its square, one of unit variance.
    """

    power: float = 1.0

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        return (1 + (schedule.alpha(t) / schedule.sigma(t)) ** 2) ** self.power


@dataclass(frozen=True)
class LowNoiseWeighting:
    r""":math:`w = (1 + 1/s^2) e^{-(s/level)^2}`, :math:`s = \sigma/\alpha`: EDM's, where it fades.

    For what can be told at low noise only. Data of unit spread.

    Attributes:
        level: the noise s above which the weight fades.

    Raises:
        ValueError: the level is not positive.
    """

    level: float = 0.5

    def __post_init__(self) -> None:
        if not self.level > 0:
            raise ValueError(f"level must be positive, got {self.level}")

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        s = schedule.sigma(t) / schedule.alpha(t)
        return (1 + s**-2) * (-((s / self.level) ** 2)).exp()


@dataclass(frozen=True)
class LikelihoodWeighting:
    r""":math:`w = g^2 \alpha^2/\sigma^4`: g^2 times the score's error (Song et al., 2101.09258).

    Half of its integral over t bounds the Kullback-Leibler divergence of data and model, up to the
    divergence at t = 1 (theorem 1). It diverges as 1/t for t to 0: draw the times from
    ``LikelihoodLevels`` and divide by their density (``PerDensity``).
    """

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        return (schedule.diffusion(t) * schedule.alpha(t) / schedule.sigma(t) ** 2) ** 2


@dataclass(frozen=True)
class FlowWeighting:
    r""":math:`w = (\alpha \lambda')^2`: conditional flow matching (Lipman et al., 2210.02747).

    The velocity of the path, :math:`\alpha' x_0 + \sigma' \varepsilon`, is matched by
    :math:`\alpha' D + \sigma' (x - \alpha D)/\sigma`. For the ``Linear`` schedule
    :math:`w = 1/t^2`.
    """

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        return (schedule.alpha(t) * schedule.log_snr_slope(t)) ** 2


@dataclass(frozen=True)
class PerDensity:
    """Another weighting over the density of the times: importance sampling.

    With times from ``levels`` the mean of the loss is the integral over t of the loss with
    ``weighting``, whatever the levels; their choice decides its variance.

    Attributes:
        weighting: w(t) of the integral.
        levels: where the times come from.
    """

    weighting: Weighting
    levels: NoiseLevels

    def __call__(self, schedule: Schedule, t: Tensor) -> Tensor:
        return self.weighting(schedule, t) / self.levels.density(schedule, t)
