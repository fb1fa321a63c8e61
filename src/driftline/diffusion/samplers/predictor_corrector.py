r"""Predictor-corrector sampling: Langevin dynamics at fixed noise, then a reverse-SDE step."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Protocol

import torch

from driftline.diffusion.grids import Grid, UniformTime
from driftline.diffusion.samplers.ancestral import ancestral_step, reverse_diffusion_step
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.euler_maruyama import reverse_sde_step
from driftline.diffusion.samplers.langevin import langevin_step
from driftline.diffusion.samplers.plan import (
    Draw,
    Level,
    LinearStep,
    Model,
    Plan,
    State,
    Step,
    clean_estimate,
    levels,
)
from driftline.diffusion.schedules import Schedule


class Predictor(Protocol):
    """A rule for the step from one level to the next."""

    label: ClassVar[str]

    def __call__(self, schedule: Schedule, here: Level, there: Level) -> LinearStep: ...


@dataclass(frozen=True)
class EulerMaruyamaPredictor:
    """Euler-Maruyama for the reverse SDE in t."""

    label: ClassVar[str] = "PC"

    def __call__(self, schedule: Schedule, here: Level, there: Level) -> LinearStep:
        return reverse_sde_step(schedule, here, there)


@dataclass(frozen=True)
class ReverseDiffusionPredictor:
    """The forward chain's own discretisation, reversed: the predictor of 2011.13456."""

    label: ClassVar[str] = "reverse-diffusion PC"

    def __call__(self, schedule: Schedule, here: Level, there: Level) -> LinearStep:
        return reverse_diffusion_step(here, there)


@dataclass(frozen=True)
class AncestralPredictor:
    """The posterior of DDPM."""

    label: ClassVar[str] = "ancestral PC"

    def __call__(self, schedule: Schedule, here: Level, there: Level) -> LinearStep:
        return ancestral_step(here, there)


PREDICTORS: dict[str, Predictor] = {
    "em": EulerMaruyamaPredictor(),
    "reverse": ReverseDiffusionPredictor(),
    "ancestral": AncestralPredictor(),
}
"""Names of predictors."""


@dataclass(frozen=True)
class PredictorCorrector:
    """A predictor with one Langevin corrector a step: two evaluations a step.

    Attributes:
        steps: steps; the last predictor is the clean estimate. Evaluations = 2 x steps.
        snr: signal-to-noise ratio of the corrector (the poster uses 0.165).
        grid: where the steps lie.
        predictor: the rule of the step, one of ``PREDICTORS``.

    Raises:
        ValueError: steps < 1 or snr <= 0.
    """

    steps: int = 250
    snr: float = 0.165
    grid: Grid = field(default_factory=UniformTime)
    predictor: Predictor = field(default_factory=EulerMaruyamaPredictor)

    deterministic: ClassVar[bool] = False
    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be at least 1, got {self.steps}")
        require(self.snr > 0, f"snr must be positive, got {self.snr}")

    @property
    def label(self) -> str:
        return f"{self.predictor.label} (SNR {self.snr:g}), {self.steps} steps"

    def plan(self, schedule: Schedule) -> Plan:
        points = levels(schedule, self.grid.times(self.steps, schedule))
        steps: list[Step] = []
        for here, there in pairwise(points):
            steps += [
                langevin_step(here, self.snr),
                self.predictor(schedule, here, there),
            ]
        steps += [langevin_step(points[-1], self.snr), clean_estimate(points[-1])]
        return Plan(points[0], tuple(steps))


@dataclass(frozen=True)
class PosterStep:
    """One iteration of the poster's public code; see ``PosterPredictorCorrector``."""

    predictor: LinearStep
    rate: float
    snr: float
    last: bool
    next_alpha: float

    @property
    def level(self) -> Level:
        return self.predictor.level

    def __call__(self, state: State, model: Model, draw: Draw) -> State:
        level = self.predictor.level
        estimate = model(state.x_hat, level)
        sigma = level.s * level.alpha
        stale_score = (estimate - state.x_hat) * (level.alpha / sigma**2)
        (b,) = self.predictor.b
        x_hat = self.predictor.a * state.x_hat + b * estimate + self.predictor.c * draw()
        x = self.next_alpha * x_hat
        z = draw()
        # Whole-batch norm of the score against one event's noise norm, padding included.
        ratio = self.snr * math.sqrt(x[0].numel()) / stale_score.norm()
        size = 2 * ratio**2 * self.rate
        drifted = x + size * stale_score
        if self.last:
            return State(drifted / self.next_alpha)
        moved = drifted + size * stale_score + (2 * size).sqrt() * z
        return State((0.05 * x + 0.95 * moved) / self.next_alpha)


@dataclass(frozen=True)
class PosterPredictorCorrector:
    """The predictor-corrector of the public code behind the poster, kept as a baseline.

    It keeps that code's deviations from 2011.13456: the corrector reuses the predictor's score
    (one evaluation a step), adds its drift twice and its noise once, divides by the norm of the
    whole batch (so that results depend on the batch size), counts padding, mixes old and new states
    0.05 to 0.95, takes a step past the last time and returns the corrector's mean. One thing
    differs: the last time is 1e-3, because from the original's 1e-5 an exact score overshoots some
    400-fold.

    Attributes:
        steps: steps = evaluations.
        snr: signal-to-noise ratio of the corrector.
        t_min: the last time.

    Raises:
        ValueError: steps < 2, snr <= 0, or t_min not in (0, 1).
    """

    steps: int = 250
    snr: float = 0.165
    t_min: float = 1e-3

    deterministic: ClassVar[bool] = False
    eventwise: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(self.steps >= 2, f"steps must be at least 2, got {self.steps}")
        require(self.snr > 0, f"snr must be positive, got {self.snr}")
        require(0 < self.t_min < 1, f"t_min must be in (0, 1), got {self.t_min}")

    @property
    def label(self) -> str:
        return f"poster's PC (SNR {self.snr:g}), {self.steps} steps"

    def plan(self, schedule: Schedule) -> Plan:
        times = UniformTime(self.t_min).times(self.steps, schedule)
        h = times[0] - times[1]
        points = levels(schedule, times)
        # The step past the last time cannot have a level: its signal scale is taken as 1.
        ends = [*points[1:], Level(points[-1].t - float(h), 1.0, 0.0)]
        zero = torch.zeros((), dtype=torch.float64)
        low, high = (
            float(schedule.diffusion(t) ** 2) for t in (zero, torch.ones((), dtype=torch.float64))
        )
        n = self.steps
        steps = [
            PosterStep(
                predictor=reverse_sde_step(schedule, here, there),
                rate=1 - (high + (low - high) * k / (n - 1)) / n,
                snr=self.snr,
                last=k == n - 1,
                next_alpha=there.alpha,
            )
            for k, (here, there) in enumerate(zip(points, ends, strict=True))
        ]
        return Plan(points[0], tuple(steps))
