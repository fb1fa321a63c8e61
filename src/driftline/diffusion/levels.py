"""Which noise levels a network is trained at: distributions of the diffusion time."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from driftline.diffusion.schedules import Schedule


class NoiseLevels(Protocol):
    """Maps uniform numbers u (B,) in [0, 1) to the times (B,) of a schedule."""

    def times(self, schedule: Schedule, u: Tensor) -> Tensor:
        """u (B,) in [0, 1) to times (B,), rising with u."""


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
        ends = schedule.log_snr(torch.tensor([1.0, self.t_min], dtype=torch.float64))
        low, high = torch.special.ndtr((ends - self.mean) / self.deviation)
        # Small u is low noise, as in UniformTimeLevels.
        normal = torch.special.ndtri(high - (high - low) * u.double())
        log_snr = (self.mean + self.deviation * normal).clamp(ends[0], ends[1])
        return schedule.time(log_snr).clamp(self.t_min, 1.0).to(u.dtype)


@dataclass(frozen=True)
class UniformLogSNRLevels:
    """Log-SNR uniform between two values: a neutral weighting, used for validation.

    Attributes:
        low: smallest lambda = ln(alpha/sigma).
        high: largest lambda.
    """

    low: float = -3.0
    high: float = 5.0

    def times(self, schedule: Schedule, u: Tensor) -> Tensor:
        """u (B,) in [0, 1) to times (B,)."""
        return schedule.time(self.high - (self.high - self.low) * u.double()).to(u.dtype)


LEVELS: dict[str, type[UniformTimeLevels] | type[NormalLogSNRLevels]] = {
    "uniform": UniformTimeLevels,
    "normal": NormalLogSNRLevels,
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
