"""What a training minimises, where, and by what it is validated."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.levels import UniformLogSNRLevels
from driftline.diffusion.objectives import DenoisingScoreMatching
from driftline.diffusion.schedules import Schedule


class TrainingLevels(Protocol):
    """Where a network is trained: maps uniform numbers (B,) in [0, 1) to times (B,)."""

    def times(self, schedule: Schedule, u: Tensor) -> Tensor: ...


class Objective(Protocol):
    """What is minimised: losses (B,) of a batch at times t (B,) with standard normal noise."""

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
        /,
    ) -> Tensor: ...


Objectives = Callable[[float], Objective]
"""The objective when the given fraction of the training, from 0 to 1, has been done."""


def denoising(done: float) -> Objective:
    """Denoising score matching throughout."""
    return DenoisingScoreMatching()


def always(objective: Objective) -> Objectives:
    """The same objective throughout."""
    return lambda done: objective


@dataclass(frozen=True)
class Validation:
    """What is compared between steps: an objective that does not change, and its noise levels.

    The default, the mean squared error of the network's output at noise levels uniform in log-SNR
    (-3 to 5), can also be compared between networks of equal data, schedule and target.

    Attributes:
        objective: as in training.
        levels: as in training.
    """

    objective: Objective = field(default_factory=DenoisingScoreMatching)
    levels: TrainingLevels = field(default_factory=UniformLogSNRLevels)
