r"""The probability-flow ODE (Song et al., 2011.13456, eq. 13) by an adaptive Runge-Kutta method."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor

from driftline.diffusion.denoisers import expand, score_of
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.plan import Draw, Level, Model, Plan, State, levels
from driftline.diffusion.schedules import Schedule


@dataclass(frozen=True)
class ScipyRK45Step:
    r"""Integrates :math:`dx/dt = f x - g^2 score/2` from one time to another with scipy's RK45.

    One step size serves the whole batch: the error norm is over all its real entries.
    """

    schedule: Schedule
    here: Level
    there: Level
    tolerance: float

    def __call__(self, state: State, model: Model, draw: Draw) -> State:
        like = state.x_hat
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
            (level,) = levels(self.schedule, torch.tensor([t], dtype=torch.float64))
            x = unflatten(flat)
            estimate = model(x / level.alpha, level)
            time = torch.tensor(level.t, dtype=torch.float64)
            f, g = float(self.schedule.drift(time)), float(self.schedule.diffusion(time))
            alpha, sigma = torch.tensor(level.alpha), torch.tensor(level.s * level.alpha)
            slope = f * x - g**2 / 2 * score_of(estimate, x, alpha, sigma)
            return flatten(slope)

        end = self.there.t
        solution = solve_ivp(
            velocity,
            (self.here.t, end),
            flatten(self.here.alpha * state.x_hat),
            method="RK45",
            t_eval=[end],  # otherwise every accepted step of the whole batch is kept in memory
            atol=self.tolerance,
            rtol=self.tolerance,
        )
        if not solution.success:
            raise FloatingPointError(f"RK45 stopped: {solution.message}; raise the tolerance")
        return State(unflatten(solution.y[:, -1]) / self.there.alpha)


@dataclass(frozen=True)
class ProbabilityFlowRK45:
    """scipy's RK45 on the probability-flow ODE over the whole batch in t: the poster's reference.

    Attributes:
        tolerance: atol = rtol.
        t_min: the last time; there sigma/alpha is 1e-3 for the usual VP schedule, so the end of
            the flow is the event.

    Raises:
        ValueError: tolerance is not in (0, 1), or t_min not in (0, 1).
    """

    tolerance: float = 1e-5
    t_min: float = 1e-5

    def __post_init__(self) -> None:
        require(0 < self.tolerance < 1, f"tolerance must be in (0, 1), got {self.tolerance}")
        require(0 < self.t_min < 1, f"t_min must be in (0, 1), got {self.t_min}")

    @property
    def label(self) -> str:
        return f"RK45({self.tolerance:.0e})".replace("e-0", "e-")

    def plan(self, schedule: Schedule) -> Plan:
        start, end = levels(schedule, torch.tensor([1.0, self.t_min], dtype=torch.float64))
        return Plan(start, (ScipyRK45Step(schedule, start, end, self.tolerance),))
