"""Observables of a teacher's events against the data's: how they are to be corrected."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.distillation import QuantileMap, advanced, quantile_map
from driftline.diffusion.observables import Observable
from driftline.diffusion.samplers.plan import Model, Plan, State
from driftline.errors import InputError
from driftline.output import replacing
from driftline.training.classes import ClassOf
from driftline.training.loop import Batch, Events, generator_for
from driftline.training.physics import evenly

FEWEST = 20
"""Events of a class whose quantiles are worth anything."""


Finish = Callable[[Tensor, Tensor | None, Tensor | None], Tensor]
"""What is done to encoded events (B, ...) that a network has made of condition and mask."""


def as_made(x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
    """Events that are finished as they are made."""
    return x


@dataclass(frozen=True)
class Blank:
    """Events of which only form and conditions are known: their numbers are zero.

    Attributes:
        shape: of one.
        condition: (N, C).
        mask: (N, P) where they have one.
    """

    shape: tuple[int, ...]
    condition: Tensor
    mask: Tensor | None = None

    def __len__(self) -> int:
        return len(self.condition)

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """Events ``index`` (B,)."""
        mask = None if self.mask is None else self.mask[index]
        return Batch(torch.zeros(len(index), *self.shape), self.condition[index], mask)


@dataclass(frozen=True)
class Asked:
    """How a network's events are generated.

    Attributes:
        events: their form and conditions.
        finished: what is done to what the network makes of them.
    """

    events: Events
    finished: Finish = as_made


@torch.no_grad()
def correction(
    observable: Observable,
    teacher: CleanEstimate,
    course: Plan,
    asked: Asked,
    events: Events,
    group: ClassOf,
    count: int,
    device: torch.device | str = "cpu",
    progress: Callable[[int], None] = lambda more: None,
) -> QuantileMap:
    """From the observables of what a teacher makes to those of the data, class by class.

    It is the same at every call.

    Args:
        observable: h, of encoded events.
        teacher: the model.
        course: its plan, which draws no noise on the way.
        asked: how the teacher's events are generated; their classes are those of the data.
        events: the data, as many.
        group: class of a condition.
        count: of events that are compared, at most, evenly over the sample.
        device: where the teacher is.
        progress: told how many more have been compared.

    Raises:
        InputError: there are fewer than ``FEWEST`` events of a class that there is.
    """
    generator, groups, own, wanted = generator_for(1), [], [], []
    for ask, batch in zip(evenly(asked.events, count), evenly(events, count), strict=True):
        noise = torch.randn(ask.x0.shape, generator=generator).to(device)
        _, condition, mask = ask.to(torch.device(device))
        start = course.start.s * (noise if mask is None else noise * expand(mask, noise))
        made = advanced(course, State(start), Model(teacher, condition, mask)).x_hat
        data = batch.to(torch.device(device))
        groups.append(group(data.condition))
        own.append(observable(asked.finished(made, condition, mask), condition, mask))
        wanted.append(observable(*data))
        progress(len(made))
    numbers = torch.cat(groups).bincount()
    least = int(numbers[numbers > 0].min())
    if least < FEWEST:
        raise InputError(
            f"distillation: paths.corrected: {count} events of the data have only {least} of a "
            f"class; give more, so that there are {FEWEST} of each, or better some thousands"
        )
    return quantile_map(group, group.number, torch.cat(groups), torch.cat(own), torch.cat(wanted))


def kept(path: Path, group: ClassOf, make: Callable[[], QuantileMap]) -> QuantileMap:
    """The correction in a file, which is made and written if it is not there.

    Args:
        path: of the file, one that ``replacing`` wrote.
        group: class of a condition.
        make: makes it.

    Raises:
        InputError: the file is damaged, or of other classes.
    """
    if path.exists():
        try:
            found = QuantileMap(group, **load_file(path))
            if found.own.shape != found.wanted.shape or len(found.own) != group.number:
                raise ValueError(f"{len(found.own)} groups, not {group.number}")
            return found
        except (SafetensorError, OSError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: not a readable correction ({error}); remove it, and it is made again"
            ) from error
    made = make()
    with replacing(path) as temporary:
        save_file({"own": made.own.contiguous(), "wanted": made.wanted.contiguous()}, temporary)
    return made
