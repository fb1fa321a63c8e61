r"""DPM-Solver-23 with adaptive steps (Lu et al., 2206.00927, appendix C).

With the noise estimate :math:`\varepsilon = (\hat x - D)/s` the flow is
:math:`d\hat x = \varepsilon\, ds`; estimates at one and two thirds of a step in
:math:`\lambda = -\ln s` give a result of order 2 and one of order 3.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from driftline.diffusion.denoisers import expand
from driftline.diffusion.samplers.adaptive_ode import (
    AdaptiveStep,
    Attempt,
    Flow,
    adaptive_plan,
    course,
)
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.clocks import LogSNRClock
from driftline.diffusion.samplers.control import Control
from driftline.diffusion.samplers.plan import Plan
from driftline.diffusion.schedules import Schedule


def _noise(flow: Flow, x_hat: Tensor, u: Tensor, rows: Tensor) -> Tensor:
    return (x_hat - flow.estimate(x_hat, u, rows)) / expand((-u).exp(), x_hat).to(x_hat)


def _second_moment(s: Tensor, h: Tensor) -> Tensor:
    r"""Integral :math:`\int (\lambda - \lambda_0)/h\, ds` from s to :math:`s e^{-h}`."""
    decay = torch.exp(-h)
    return s * (decay - (1 - decay) / h)


@dataclass(frozen=True)
class DPMSolver23Pair:
    """DPM-Solver-2 and -3 with r1 = 1/3, r2 = 2/3 (2206.00927, algorithms 1, 2 and C.1)."""

    stages: ClassVar[int] = 3

    def head(self, flow: Flow, x_hat: Tensor, u: Tensor, rows: Tensor) -> Tensor:
        return _noise(flow, x_hat, u, rows)

    def attempt(
        self, flow: Flow, x_hat: Tensor, u: Tensor, h: Tensor, head: Tensor, rows: Tensor
    ) -> Attempt:
        s = (-u).exp()

        def moves(fraction: float) -> tuple[Tensor, Tensor]:
            """Weights of the noise and of its slope in a step of a fraction of h."""
            part = fraction * h
            weights = s * torch.expm1(-part), _second_moment(s, part)
            return expand(weights[0], x_hat).to(x_hat), expand(weights[1], x_hat).to(x_hat)

        w, _ = moves(1 / 3)
        first = _noise(flow, x_hat + w * head, u + h / 3, rows) - head
        w, v = moves(2 / 3)
        second = _noise(flow, x_hat + w * head + 2 * v * first, u + 2 * h / 3, rows) - head
        w, v = moves(1.0)
        # 2206.00927 gives DPM-Solver-2 the weight (s - s')/(2 r1) of the difference.
        lower = x_hat + w * (head + 1.5 * first)
        higher = x_hat + w * head + 1.5 * v * second
        return Attempt(higher, higher - lower)


@dataclass(frozen=True)
class DPMSolver23:
    """DPM-Solver-23 with the step sizes of every event for itself.

    An accepted step takes 3 evaluations, a rejected one 2 (its first is kept).

    Attributes:
        tolerance: relative (0.05 in the paper).
        absolute: tolerance for events of unit scale (0.0078 in the paper, a grey level).
        noise_end: sigma/alpha at which the integration ends.
        denoise: whether a final clean estimate goes from there to s = 0.
        max_evaluations: of one event, the final one aside.

    Raises:
        ValueError: a tolerance not in (0, 1), noise_end <= 0 or max_evaluations < 3.
    """

    tolerance: float = 0.05
    absolute: float = 0.0078
    noise_end: float = 1e-3
    denoise: bool = True
    max_evaluations: int = 10_000

    deterministic: ClassVar[bool] = True
    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(0 < self.tolerance < 1, f"tolerance must be in (0, 1), got {self.tolerance}")
        require(0 < self.absolute < 1, f"absolute must be in (0, 1), got {self.absolute}")
        require(self.noise_end > 0, f"noise_end must be positive, got {self.noise_end}")
        require(
            self.max_evaluations >= 3,
            f"max_evaluations must be at least 3, one step, got {self.max_evaluations}",
        )

    @property
    def label(self) -> str:
        return f"DPM-Solver-23({self.tolerance:g})"

    def plan(self, schedule: Schedule) -> Plan:
        start, end = course(schedule, self.noise_end)
        step = AdaptiveStep(
            level=start,
            there=end,
            schedule=schedule,
            clock=LogSNRClock(),
            pair=DPMSolver23Pair(),
            control=Control(self.absolute, self.tolerance, order=3),
            # The paper's first step is 0.05 in lambda.
            first=0.05 / math.log(start.s / end.s),
            limit=self.max_evaluations,
            label=self.label,
        )
        return adaptive_plan(step, self.denoise)
