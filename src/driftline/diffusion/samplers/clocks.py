r"""The variable u in which an adaptive method steps along the flow: lambda or the schedule's time.

The flow is :math:`d\hat x/du = (D - \hat x)\, d\lambda/du` with :math:`\lambda = -\ln s`.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from driftline.diffusion.samplers.plan import EventLevels, Level, event_levels
from driftline.diffusion.schedules import Schedule


class Clock(Protocol):
    """The variable u in which a method takes its steps."""

    def read(self, level: Level) -> float:
        """u at a level."""
        ...

    def levels(self, schedule: Schedule, u: Tensor) -> EventLevels:
        """The levels at u (M,) float64."""
        ...

    def rate(self, schedule: Schedule, where: EventLevels) -> Tensor:
        """d lambda/du (M,) float64."""
        ...


@dataclass(frozen=True)
class LogSNRClock:
    """u = lambda = -ln s, in which the flow of every schedule is the same."""

    def read(self, level: Level) -> float:
        return -math.log(level.s)

    def levels(self, schedule: Schedule, u: Tensor) -> EventLevels:
        t = schedule.time(u).clamp(0.0, 1.0)
        return EventLevels(t, schedule.alpha(t), (-u).exp())

    def rate(self, schedule: Schedule, where: EventLevels) -> Tensor:
        return torch.ones_like(where.t)


@dataclass(frozen=True)
class TimeClock:
    r"""u = t, the schedule's own time: :math:`d\lambda/dt = -g^2/(2 \sigma^2)`."""

    def read(self, level: Level) -> float:
        return level.t

    def levels(self, schedule: Schedule, u: Tensor) -> EventLevels:
        return event_levels(schedule, u)

    def rate(self, schedule: Schedule, where: EventLevels) -> Tensor:
        return -((schedule.diffusion(where.t) / (where.alpha * where.s)) ** 2) / 2
