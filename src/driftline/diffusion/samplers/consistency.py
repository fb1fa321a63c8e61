r"""Multistep consistency sampling (Song et al., 2303.01469, algorithm 1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from driftline.diffusion.grids import Grid, UniformAngle
from driftline.diffusion.samplers.on_grid import OnGrid
from driftline.diffusion.samplers.plan import Level, LinearStep
from driftline.diffusion.schedules import Schedule


@dataclass(frozen=True)
class MultistepConsistency(OnGrid):
    r"""Denoise, add fresh noise of the next level, denoise again: for consistency models.

    :math:`\hat x' = D + s' z`. A consistency model's D is an event, the end of the probability
    flow, so that one evaluation is enough and each further one repairs some of its error. Of a
    denoiser, whose D is a mean over events, it makes events that are too smooth.

    Attributes:
        steps: evaluations, one a level.
        grid: where they lie.

    Raises:
        ValueError: steps < 1.
    """

    steps: int = 2
    grid: Grid = field(default_factory=UniformAngle)

    @property
    def label(self) -> str:
        return f"consistency, {self.steps}"

    @property
    def deterministic(self) -> bool:
        return self.steps == 1

    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[LinearStep]:
        return (LinearStep(here, a=0.0, b=(1.0,), c=there.s) for here, there in pairwise(points))
