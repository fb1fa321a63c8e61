"""Which noise levels a network is trained at: distributions of the diffusion time."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from driftline.diffusion.schedules import Schedule


class NoiseLevels(Protocol):
    """Maps uniform numbers u (B,) in [0, 1) to the times (B,) of a schedule."""

    def times(self, schedule: Schedule, u: Tensor) -> Tensor:
        """u (B,) in [0, 1) to times (B,), rising with u."""
        ...

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """Probability density (B,) of the times at t (B,) inside their range: du/dt."""
        ...


@dataclass(frozen=True)
class UniformTimeLevels:
    """Times uniform in [t_min, 1], as in score-SDE (2011.13456) and FPCD (2304.01266).

    Attributes:
        t_min: smallest time trained at.
    """

    t_min: float = 1e-5

    def times(self, schedule: Schedule, u: Tensor) -> Tensor:
        """u (B,) in [0, 1) to times (B,)."""
        return self.t_min + (1 - self.t_min) * u

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """Density (B,) at times t (B,)."""
        return torch.full_like(t, 1 / (1 - self.t_min))


@dataclass(frozen=True)
class NormalLogSNRLevels:
    """Log-SNR from a normal distribution, cut off at the ends of the schedule.

    Karras et al. (2206.00364, table 1) draw ln(sigma/alpha) in this way. With a VP schedule uniform
    times would spend most of the training where almost nothing of the signal is left.

    Attributes:
        mean: mean of lambda = ln(alpha/sigma).
        deviation: its standard deviation before the cut.
        t_min: smallest time trained at.
    """

    mean: float = 0.5
    deviation: float = 1.6
    t_min: float = 1e-5

    def times(self, schedule: Schedule, u: Tensor) -> Tensor:
        """u (B,) in [0, 1) to times (B,)."""
        ends, (low, high) = self._cut(schedule)
        # Small u is low noise, as in UniformTimeLevels.
        normal = torch.special.ndtri(high - (high - low) * u.double())
        log_snr = (self.mean + self.deviation * normal).clamp(ends[0], ends[1])
        return schedule.time(log_snr).clamp(self.t_min, 1.0).to(u.dtype)

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """Density (B,) at times t (B,)."""
        _, (low, high) = self._cut(schedule)
        normal = (schedule.log_snr(t) - self.mean) / self.deviation
        scale = math.sqrt(2 * math.pi) * self.deviation * float(high - low)
        return torch.exp(-(normal**2) / 2) / scale * schedule.log_snr_slope(t).abs()

    def _cut(self, schedule: Schedule) -> tuple[Tensor, Tensor]:
        """Log-SNR at t = 1 and t_min, and the normal distribution function there, float64."""
        ends = schedule.log_snr(torch.tensor([1.0, self.t_min], dtype=torch.float64))
        return ends, torch.special.ndtr((ends - self.mean) / self.deviation)


@dataclass(frozen=True)
class UniformLogSNRLevels:
    """Log-SNR uniform between two values: a neutral weighting, used for validation.

    Attributes:
        low: smallest lambda = ln(alpha/sigma); the schedule's own if that is larger.
        high: largest lambda; the schedule's own if that is smaller.
    """

    low: float = -3.0
    high: float = 5.0

    def times(self, schedule: Schedule, u: Tensor) -> Tensor:
        """u (B,) in [0, 1) to times (B,)."""
        low, high = self._range(schedule)
        # A schedule that begins at low noise returns to t = 0 only up to rounding.
        return schedule.time(high - (high - low) * u.double()).clamp(0.0, 1.0).to(u.dtype)

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """Density (B,) at times t (B,)."""
        low, high = self._range(schedule)
        return schedule.log_snr_slope(t).abs() / (high - low)

    def _range(self, schedule: Schedule) -> tuple[float, float]:
        last, first = schedule.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64)).tolist()
        return max(self.low, last), min(self.high, first)


@dataclass(frozen=True)
class LikelihoodLevels:
    r"""Times of density ~ g^2/sigma^2: importance sampling for the likelihood weighting.

    Song et al. (2101.09258, section 5.1 and appendix D) draw from this density since the likelihood
    weights the error of the noise, which is of order one everywhere, by :math:`g^2/\sigma^2`. As
    :math:`g^2/\sigma^2 = -2 \lambda'` for every schedule, this is log-SNR uniform between the ends
    of the schedule.

    Attributes:
        t_min: smallest time trained at.
    """

    t_min: float = 1e-5

    def times(self, schedule: Schedule, u: Tensor) -> Tensor:
        """u (B,) in [0, 1) to times (B,)."""
        last, first = self._range(schedule)
        t = schedule.time(first - (first - last) * u.double())
        return t.clamp(self.t_min, 1.0).to(u.dtype)

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """Density (B,) at times t (B,)."""
        last, first = self._range(schedule)
        return schedule.log_snr_slope(t).abs() / (first - last)

    def _range(self, schedule: Schedule) -> tuple[float, float]:
        ends = schedule.log_snr(torch.tensor([1.0, self.t_min], dtype=torch.float64))
        return float(ends[0]), float(ends[1])


LEVELS: dict[str, type[UniformTimeLevels] | type[NormalLogSNRLevels] | type[LikelihoodLevels]] = {
    "uniform": UniformTimeLevels,
    "normal": NormalLogSNRLevels,
    "likelihood": LikelihoodLevels,
}
"""Names under which recipes know the distributions."""


def stratified_uniform(
    count: int, generator: torch.Generator, device: torch.device | str = "cpu"
) -> Tensor:
    """Low-discrepancy uniforms (count,): one in each of ``count`` equal cells, shuffled.

    It lowers the variance of the loss over a batch (Kingma et al., 2107.00630, appendix I.1).
    """
    order = torch.randperm(count, generator=generator)
    offset = torch.rand((), generator=generator)
    return (((order + offset) / count) % 1.0).to(device)
