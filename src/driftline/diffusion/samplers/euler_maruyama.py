r"""Euler-Maruyama for the reverse SDE (Song et al., 2011.13456)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import torch

from driftline.diffusion.grids import Grid, UniformTime
from driftline.diffusion.samplers.on_grid import OnGrid
from driftline.diffusion.samplers.plan import Level, LinearStep
from driftline.diffusion.schedules import Schedule


def reverse_sde_step(schedule: Schedule, here: Level, there: Level) -> LinearStep:
    r"""One step of :math:`dx = [f x - g^2 score] dt + g d\bar w`, back in time from here to there.

    The score :math:`(\alpha D - x)/\sigma^2` is linear in x and D: this too is a row of the table.
    """
    t = torch.tensor(here.t, dtype=torch.float64)
    f, g = float(schedule.drift(t)), float(schedule.diffusion(t))
    h = here.t - there.t
    sigma = here.s * here.alpha
    pull = g**2 * h / sigma**2
    scale = here.alpha / there.alpha
    return LinearStep(
        here, a=scale * (1 - f * h - pull), b=(scale * pull,), c=g * h**0.5 / there.alpha
    )


@dataclass(frozen=True)
class EulerMaruyama(OnGrid):
    """Euler-Maruyama for the reverse SDE, ending with a clean estimate: one evaluation a step.

    Attributes:
        steps: evaluations, the final clean estimate among them.
        grid: where they lie.

    Raises:
        ValueError: steps < 1.
    """

    steps: int = 300
    grid: Grid = field(default_factory=UniformTime)

    deterministic: ClassVar[bool] = False

    @property
    def label(self) -> str:
        return f"EM, {self.steps}"

    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[LinearStep]:
        return (reverse_sde_step(schedule, here, there) for here, there in pairwise(points))
