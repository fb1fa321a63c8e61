"""Observables of a teacher's events against the data's: how they are to be corrected."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.distillation import QuantileMap, advanced, quantile_map
from driftline.diffusion.observables import Observable
from driftline.diffusion.samplers.plan import Model, Plan, State
from driftline.training.loop import Events, generator_for

_BATCH = 256


@dataclass(frozen=True)
class ClassOf:
    """The class that a condition tells as its first numbers, one-hot; one more if it tells none.

    Attributes:
        types: number of classes.
    """

    types: int

    def __call__(self, condition: Tensor | None) -> Tensor:
        """Conditions (B, C) to (B,) int64."""
        assert condition is not None
        told = condition[:, : self.types]
        return torch.where(told.any(dim=1), told.argmax(dim=1), self.types)


@torch.no_grad()
def correction(
    observable: Observable,
    teacher: CleanEstimate,
    course: Plan,
    events: Events,
    group: Callable[[Tensor | None], Tensor],
    count: int,
) -> QuantileMap:
    """From the observables of what a teacher makes to those of the data, class by class.

    Args:
        observable: h, of encoded events.
        teacher: the model.
        course: its plan, which draws no noise on the way.
        events: the data; the teacher's events have the same number, form and conditions.
        group: class of a condition.
        count: of events that are compared, at most, evenly over the sample.
    """
    index = torch.linspace(0, len(events) - 1, min(len(events), count)).long()
    generator, groups, own, wanted = generator_for(0), [], [], []
    for part in index.split(_BATCH):
        x0, condition, mask = events.batch(part, generator)
        noise = torch.randn(x0.shape, generator=generator)
        start = course.start.s * (noise if mask is None else noise * expand(mask, noise))
        made = advanced(course, State(start), Model(teacher, condition, mask)).x_hat
        groups.append(group(condition))
        own.append(observable(made, condition, mask))
        wanted.append(observable(x0, condition, mask))
    return quantile_map(group, torch.cat(groups), torch.cat(own), torch.cat(wanted))
