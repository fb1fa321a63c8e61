r"""The probability-flow ODE (Song et al., 2011.13456, eq. 13) by scipy's Runge-Kutta methods."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import DOP853, RK23, RK45, OdeSolver, solve_ivp
from torch import Tensor

from driftline.diffusion.denoisers import expand, score_of
from driftline.diffusion.samplers.checks import EvaluationLimit, require
from driftline.diffusion.samplers.control import require_reach
from driftline.diffusion.samplers.plan import (
    Draw,
    Level,
    Model,
    Plan,
    State,
    Step,
    clean_estimate,
    levels,
)
from driftline.diffusion.schedules import Schedule


@dataclass(frozen=True)
class ScipyStep:
    r"""Integrates :math:`dx/dt = f x - g^2 score/2` from one time to another with scipy.

    One step size serves the whole batch: the error norm is over all its real entries.
    """

    level: Level
    there: Level
    schedule: Schedule
    method: type[OdeSolver]
    tolerance: float
    limit: int

    def __call__(self, state: State, model: Model, draw: Draw) -> State:
        like = state.x_hat
        require_reach(self.tolerance, like.dtype)
        real = torch.ones_like(like, dtype=torch.bool)
        if model.mask is not None:
            real = expand(model.mask, like).expand_as(like)

        def unflatten(flat: NDArray[np.float64]) -> Tensor:
            x = torch.zeros_like(like)
            x[real] = torch.from_numpy(flat).to(like)
            return x

        def flatten(x: Tensor) -> NDArray[np.float64]:
            return x[real].double().cpu().numpy()

        def velocity(t: float, flat: NDArray[np.float64]) -> NDArray[np.float64]:
            if model.calls >= self.limit:
                raise EvaluationLimit(
                    f"{self.method.__name__}({self.tolerance:g}) has reached t = {t:.4g} after "
                    f"{self.limit} evaluations; raise max_evaluations or the tolerance"
                )
            (level,) = levels(self.schedule, torch.tensor([t], dtype=torch.float64))
            x = unflatten(flat)
            estimate = model(x / level.alpha, level)
            time = torch.tensor(level.t, dtype=torch.float64)
            f, g = float(self.schedule.drift(time)), float(self.schedule.diffusion(time))
            alpha, sigma = torch.tensor(level.alpha), torch.tensor(level.s * level.alpha)
            slope = f * x - g**2 / 2 * score_of(estimate, x, alpha, sigma)
            # scipy would halve its step for ever.
            model.require_finite(slope, t, remedy="raise the tolerance or the last time")
            return flatten(slope)

        end = self.there.t
        solution = solve_ivp(
            velocity,
            (self.level.t, end),
            flatten(self.level.alpha * state.x_hat),
            method=self.method,
            t_eval=[end],  # otherwise every accepted step of the whole batch is kept in memory
            atol=self.tolerance,
            rtol=self.tolerance,
        )
        if not solution.success:
            raise FloatingPointError(
                f"{self.method.__name__} stopped: {solution.message}; raise the tolerance"
            )
        return State(unflatten(solution.y[:, -1]) / self.there.alpha)


@dataclass(frozen=True)
class ScipyFlow:
    """A scipy method on the probability-flow ODE over the whole batch in t.

    Attributes:
        tolerance: atol = rtol.
        t_min: the last time; there sigma/alpha is 1e-3 for the usual VP schedule, so the end of
            the flow is the event.
        denoise: whether a final clean estimate goes from there to s = 0.
        max_evaluations: of the batch, the final one aside.

    Raises:
        ValueError: tolerance or t_min is not in (0, 1), or max_evaluations < 1.
    """

    tolerance: float = 1e-5
    t_min: float = 1e-5
    denoise: bool = False
    max_evaluations: int = 100_000

    method: ClassVar[type[OdeSolver]]
    deterministic: ClassVar[bool] = True
    eventwise: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(0 < self.tolerance < 1, f"tolerance must be in (0, 1), got {self.tolerance}")
        require(0 < self.t_min < 1, f"t_min must be in (0, 1), got {self.t_min}")
        require(
            self.max_evaluations >= 1,
            f"max_evaluations must be at least 1, got {self.max_evaluations}",
        )

    @property
    def label(self) -> str:
        return f"{self.method.__name__}({self.tolerance:.0e})".replace("e-0", "e-")

    def plan(self, schedule: Schedule) -> Plan:
        start, end = levels(schedule, torch.tensor([1.0, self.t_min], dtype=torch.float64))
        steps: tuple[Step, ...] = (
            ScipyStep(start, end, schedule, self.method, self.tolerance, self.max_evaluations),
        )
        if not self.denoise:
            return Plan(start, steps, end)
        return Plan(start, (*steps, clean_estimate(end)))


class ProbabilityFlowRK45(ScipyFlow):
    """scipy's RK45, orders 5(4): the poster's reference."""

    method = RK45


class ProbabilityFlowRK23(ScipyFlow):
    """scipy's RK23, orders 3(2)."""

    method = RK23


class ProbabilityFlowDOP853(ScipyFlow):
    """scipy's DOP853, orders 8(5, 3)."""

    method = DOP853
