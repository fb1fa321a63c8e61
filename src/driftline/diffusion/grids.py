"""Where a sampler evaluates the denoiser: falling times of the model's own schedule."""

import math
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
        """Falling times (steps,) float64, from t = 1 to the last evaluation.

        Raises:
            ValueError: the grid cannot have this many steps, or leaves the schedule's range.
        """
        ...


def log_snr_range(schedule: Schedule) -> tuple[float, float]:
    """lambda = ln(alpha/sigma) at t = 1 and at t = 0, where some schedules have no noise (inf)."""
    first, last = schedule.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64)).tolist()
    return first, last


def _times(log_snr: Tensor, schedule: Schedule) -> Tensor:
    """Inverts the log-SNR; at the ends of the schedule the inverse may miss by its rounding."""
    return schedule.time(log_snr).clamp(0.0, 1.0)


def _require_noise(noise_end: float) -> None:
    if not 0 < noise_end < math.inf:
        raise ValueError(f"noise_end must be positive, got {noise_end}")


@dataclass(frozen=True)
class UniformTime:
    """Equal steps in t from 1 to ``t_min``: as in Song et al. (2011.13456).

    Raises:
        ValueError: t_min is not in (0, 1).
    """

    t_min: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.t_min < 1:
            raise ValueError(f"t_min must be in (0, 1), got {self.t_min}")

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        return torch.linspace(1.0, self.t_min, steps, dtype=torch.float64)


@dataclass(frozen=True)
class UniformLogSNR:
    """Equal steps in lambda = ln(alpha/sigma), the natural variable of exponential integrators.

    Attributes:
        noise_end: sigma/alpha of the last evaluation, or the schedule's least if that is larger.

    Raises:
        ValueError: noise_end <= 0.
    """

    noise_end: float = NOISE_END

    def __post_init__(self) -> None:
        _require_noise(self.noise_end)

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        first, least = log_snr_range(schedule)
        last = min(-math.log(self.noise_end), least)
        return _times(torch.linspace(first, last, steps, dtype=torch.float64), schedule)


@dataclass(frozen=True)
class Karras:
    """Equal steps in (sigma/alpha)^(1/rho) (2206.00364, eq. 5).

    Attributes:
        rho: 7 as published; 1 gives equal steps in sigma/alpha.
        noise_end: sigma/alpha of the last evaluation, or the schedule's least if that is larger.

    Raises:
        ValueError: rho or noise_end is not positive.
    """

    rho: float = 7.0
    noise_end: float = NOISE_END

    def __post_init__(self) -> None:
        _require_noise(self.noise_end)
        if not 0 < self.rho < math.inf:
            raise ValueError(f"rho must be positive, got {self.rho}")

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        first, least = log_snr_range(schedule)
        noise = math.exp(-first), max(self.noise_end, math.exp(-least))
        high, low = (s ** (1 / self.rho) for s in noise)
        ratio = torch.linspace(high, low, steps, dtype=torch.float64)
        return _times(-self.rho * ratio.log(), schedule)


@dataclass(frozen=True)
class UniformAngle:
    """Equal steps in arctan(sigma/alpha): uniform times of a cosine schedule, whatever the model's.

    The angle of the last evaluation is one step, as if the next one were free of noise; so the
    grid of half as many steps is every second of its points (2202.00512), where the schedule goes
    down to no noise. For samplers of few steps, which it places where events take shape: after the
    first, the levels of two are 1, those of four 2.4, 1 and 0.4, as sigma/alpha.
    """

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        first, least = log_snr_range(schedule)
        high = math.atan(math.exp(-first))
        low = max(high / steps, math.atan(math.exp(-least)))
        angle = torch.linspace(high, low, steps, dtype=torch.float64)
        return _times(-angle.tan().log(), schedule)


@dataclass(frozen=True)
class TunedGrid:
    """Levels found for one model (``tune_grid``), stated so that they fit any schedule.

    Attributes:
        levels: lambda = ln(alpha/sigma) of the evaluations after the first, rising; the first is
            at t = 1 whatever the schedule.

    Raises:
        ValueError: the levels do not rise strictly; from ``times`` also: another number of steps
            is asked for, or the schedule does not reach the levels.
    """

    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.levels, self.levels[1:]))
        if not rising or not all(map(math.isfinite, self.levels)):
            raise ValueError(f"levels of log-SNR must rise strictly, got {self.levels}")

    def times(self, steps: int, schedule: Schedule) -> Tensor:
        if steps != len(self.levels) + 1:
            raise ValueError(
                f"the tuned grid has {len(self.levels) + 1} evaluations, not {steps}: set "
                f"steps={len(self.levels) + 1}, or tune a grid for {steps}"
            )
        first, least = log_snr_range(schedule)
        # Levels are rounded where they are kept as text.
        if self.levels and not first < self.levels[0] <= self.levels[-1] <= least + 1e-3:
            raise ValueError(
                f"the tuned grid's log-SNR goes from {self.levels[0]:g} to {self.levels[-1]:g} and "
                f"leaves the schedule's range, {first:g} to {least:g}: tune it for this schedule"
            )
        return _times(torch.tensor([first, *self.levels], dtype=torch.float64), schedule)
