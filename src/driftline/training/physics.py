"""The loss that a recipe asks for: denoising, and perhaps a term on observables."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from driftline.diffusion.objectives import (
    DenoisingScoreMatching,
    LowNoiseWeighting,
    ObservableMatching,
)
from driftline.diffusion.objectives.pairing import Loss
from driftline.diffusion.observables import (
    Joined,
    Observable,
    Standardised,
    standardised,
    standardised_by_group,
)
from driftline.training.classes import ClassOf
from driftline.training.loop import Batch, Events, generator_for
from driftline.training.recipe import ImagePhysics, JetPhysics

_TYPICAL_EVENTS = 4096
_BATCH = 256


def loss_of(
    physics: JetPhysics | ImagePhysics | None, named: Mapping[str, Observable], events: Events
) -> Loss:
    """Denoising score matching, with the term on observables that a recipe asks for.

    Args:
        physics: the recipe's; None: no such term.
        named: observables of encoded events, by the names that the recipe calls them.
        events: the training sample, over which the observables are standardised.
    """
    if physics is None:
        return DenoisingScoreMatching()
    return ObservableMatching(
        unit_observable(physics.observables, named, events),
        physics.weight,
        LowNoiseWeighting(physics.level),
    )


def unit_observable(
    chosen: Sequence[str],
    named: Mapping[str, Observable],
    events: Events,
    classes: ClassOf | None = None,
) -> Standardised:
    """Some observables side by side, in numbers of unit spread over a sample.

    Args:
        chosen: names.
        named: observables of encoded events.
        events: the sample.
        classes: in units of the spread of each; by default of all together.
    """
    joined = Joined(tuple(named[name] for name in chosen))
    values = observed(joined, events)
    if classes is None:
        return standardised(joined, values)
    told = torch.cat([classes(batch.condition) for batch in evenly(events, _TYPICAL_EVENTS)])
    return standardised_by_group(joined, values, told, classes, classes.number)


@torch.no_grad()
def observed(observable: Observable, events: Events) -> torch.Tensor:
    """The observable of up to 4096 events evenly over a sample, (N, K), the same at every call."""
    batches = evenly(events, _TYPICAL_EVENTS)
    return torch.cat([observable(*batch).detach() for batch in batches])


def evenly(events: Events, count: int) -> Iterator[Batch]:
    """Batches of up to ``count`` events evenly over a sample, the same at every call."""
    index = torch.linspace(0, len(events) - 1, min(len(events), count)).long()
    generator = generator_for(0)
    return (events.batch(part, generator) for part in index.split(_BATCH))
