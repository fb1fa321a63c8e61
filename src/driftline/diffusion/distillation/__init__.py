"""Distillation: students that need one to a few evaluations, trained from a model.

A student is a ``Denoiser`` like its teacher, with the same network, schedule and target. What
changes is the meaning of its output, the end of the teacher's path in place of the mean of all
events that a noisy one may come from, and so the sampler that it is made for: ``DDIM`` on the
student's own grid, ``Bespoke`` or ``MultistepConsistency``.
"""

from driftline.diffusion.distillation.consistency import ConsistencyMatching
from driftline.diffusion.distillation.distances import (
    Distance,
    EntrywiseHuber,
    PseudoHuber,
    SquaredDistance,
)
from driftline.diffusion.distillation.distribution import DistributionMatching
from driftline.diffusion.distillation.gaps import Gap, ShrinkingGaps
from driftline.diffusion.distillation.means import GroupMeans
from driftline.diffusion.distillation.neighbours import Neighbour, SharedNoise, TeacherFlow
from driftline.diffusion.distillation.paths import (
    ObservedEnd,
    PathMatching,
    advanced,
    require_linear,
    stride,
)
from driftline.diffusion.distillation.progressive import (
    GridLevels,
    ProgressiveDistillation,
    halvings,
    student_times,
)
from driftline.diffusion.distillation.quantiles import QuantileMap, quantile_map

__all__ = [
    "ConsistencyMatching",
    "Distance",
    "DistributionMatching",
    "Gap",
    "GridLevels",
    "GroupMeans",
    "Neighbour",
    "ObservedEnd",
    "PathMatching",
    "ProgressiveDistillation",
    "EntrywiseHuber",
    "PseudoHuber",
    "QuantileMap",
    "SharedNoise",
    "ShrinkingGaps",
    "SquaredDistance",
    "TeacherFlow",
    "advanced",
    "halvings",
    "quantile_map",
    "require_linear",
    "stride",
    "student_times",
]
