r"""Reverse diffusion and ancestral sampling: the forward Markov chain, run backwards.

Between two levels the forward process is exactly
:math:`x_t = \rho x_{t'} + G z` with :math:`\rho = \alpha/\alpha'` and
:math:`G^2 = \sigma^2 - \rho^2 \sigma'^2`; primes mark the
sampler's later step, that of lower noise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

from driftline.diffusion.grids import Grid, UniformLogSNR, UniformTime
from driftline.diffusion.samplers.on_grid import OnGrid
from driftline.diffusion.samplers.plan import Level, LinearStep
from driftline.diffusion.schedules import Schedule


def reverse_diffusion_step(here: Level, there: Level) -> LinearStep:
    r"""The forward chain's own discretisation reversed (Song et al., 2011.13456, appendix E).

    :math:`x' = (2 - \rho) x + G^2 score + G z`; with :math:`\rho = \sqrt{1 - \beta}` this is the
    rule for VP, with :math:`\rho = 1` that for VE.
    """
    rho = here.alpha / there.alpha
    # G^2 / alpha'^2 and G^2 / sigma^2 from s alone: sigma^2 - rho^2 sigma'^2 would cancel.
    fraction = 1 - (there.s / here.s) ** 2
    return LinearStep(
        here,
        a=rho * (2 - rho - fraction),
        b=(rho * fraction,),
        c=rho * (here.s**2 - there.s**2) ** 0.5,
    )


def ancestral_step(here: Level, there: Level) -> LinearStep:
    r"""Draws from the Gaussian :math:`q(x' | x, x_0 = D)` (Ho et al., 2006.11239, eq. 7).

    Its variance is the posterior's, the smaller of the two that DDPM considers; in hat coordinates
    every schedule has :math:`\hat x' = r \hat x + (1 - r) D + s' \sqrt{1 - r} z`,
    :math:`r = s'^2/s^2`, which is exact if the events are one point.
    """
    r = (there.s / here.s) ** 2
    return LinearStep(here, a=r, b=(1 - r,), c=there.s * (1 - r) ** 0.5)


@dataclass(frozen=True)
class ReverseDiffusion(OnGrid):
    """Reverse-diffusion sampling, ending with a clean estimate: one evaluation a step.

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
        return f"reverse diffusion, {self.steps}"

    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[LinearStep]:
        return (reverse_diffusion_step(*pair) for pair in pairwise(points))


@dataclass(frozen=True)
class Ancestral(OnGrid):
    """Ancestral sampling (DDPM), ending with a clean estimate: one evaluation a step.

    Attributes:
        steps: evaluations, the final clean estimate among them.
        grid: where they lie.

    Raises:
        ValueError: steps < 1.
    """

    steps: int = 100
    grid: Grid = field(default_factory=UniformLogSNR)

    deterministic: ClassVar[bool] = False

    @property
    def label(self) -> str:
        return f"ancestral, {self.steps}"

    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[LinearStep]:
        return (ancestral_step(*pair) for pair in pairwise(points))
