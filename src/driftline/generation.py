"""What all generators have in common, whatever kind of event they make."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from driftline.data.events import LabelledEvents
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.samplers import MultistepConsistency, Result, Sampler
from driftline.errors import InputError
from driftline.network_samplers import NetworkSamplers
from driftline.networks import Accelerated

DEFAULT_SAMPLER = "dpm:steps=30"
"""Used where neither the caller nor the model file names one."""


@dataclass(frozen=True)
class Costs:
    """What drawing events has cost.

    Attributes:
        by_network: the sampling by each network, in the order in which they ran.
    """

    by_network: Mapping[str, Result]

    @property
    def evaluations(self) -> float:
        """Evaluations per event of all networks."""
        return sum(result.evaluations for result in self.by_network.values())

    @property
    def seconds(self) -> float:
        """Wall time of all samplings."""
        return sum(result.seconds for result in self.by_network.values())


@dataclass(frozen=True)
class Problem:
    """What a network is to sample: the shape of an event, and what each one is told.

    Attributes:
        shape: of one event.
        condition: (N, C), or None.
        mask: (N, P), or (N, *shape), bool, or None.
    """

    shape: tuple[int, ...]
    condition: Tensor | None = None
    mask: Tensor | None = None


class Priced(ABC):
    """Generated events that know what they cost; a base of ``Generation``."""

    @property
    @abstractmethod
    def costs(self) -> Costs:
        """Evaluations and wall time, by network."""

    @property
    def evaluations(self) -> float:
        """Evaluations per event of all networks."""
        return self.costs.evaluations

    @property
    def seconds(self) -> float:
        """Wall time of all samplings."""
        return self.costs.seconds


def stored_sampler(card: Mapping[str, Any]) -> NetworkSamplers:
    """The sampler that a model's card names, or ``DEFAULT_SAMPLER``."""
    return NetworkSamplers.parse(card.get("sampler", DEFAULT_SAMPLER))


def guided_sampler(own: NetworkSamplers, networks: Sequence[str]) -> NetworkSamplers:
    """A model's own samplers, but ``DEFAULT_SAMPLER`` for its last network, which is guided.

    A model's own sampler suits that model, with weights and a grid that may be fitted to it; a
    guided network is another one.
    """
    guided = NetworkSamplers.parse(DEFAULT_SAMPLER)
    return NetworkSamplers((*own.each(networks)[:-1], *guided.samplers))


MOST_NUMBERS = 2**48
"""Events that a seed numbers; from there on noise would repeat."""


def event_numbers(first: int, count: int, events: str) -> NDArray[np.int64]:
    """(count,) numbers of events from ``first`` on, by which their noise is drawn.

    Args:
        first: number of the first.
        count: how many.
        events: of the kind, in the plural.

    Raises:
        InputError: there are none, or a number is out of range.
    """
    if count < 1:
        raise InputError(f"count must be at least 1, got {count}; ask for some {events}")
    if not 0 <= first <= MOST_NUMBERS - count:
        raise InputError(
            f"first must be from 0 to 2**48 less the count, got {first}; number events from 0, "
            "with another seed where one's are used up"
        )
    return np.arange(first, first + count)


def refuse_student(card: Mapping[str, Any], what: str) -> None:
    """Refuse what needs the mean of the clean events, which a distilled network does not give.

    Args:
        card: of the model.
        what: needs it.

    Raises:
        InputError: the model is a student.
    """
    if is_student(card):
        raise InputError(
            f"{what}: a distilled model tells where a path ends, not the mean of what a noisy "
            "event may have been; take its teacher"
        )


def accelerated(denoiser: Denoiser) -> Denoiser:
    """The same with a compiled network in bfloat16, see ``networks.Accelerated``."""
    network = Accelerated(denoiser.network)
    return Denoiser(network, denoiser.schedule, denoiser.predicts).eval()


def class_labels(
    chosen: str | Sequence[str] | None,
    numbers: NDArray[np.int64],
    known: Sequence[str],
    types: Sequence[str],
    what: str,
    events: str,
) -> NDArray[np.int64]:
    """(N,) class of each event to be generated, an index into ``types``.

    Args:
        chosen: one class, one class an event, or None for the known ones in turn.
        numbers: (N,) of the events.
        known: the classes that the model was trained on.
        types: all classes that its labels count.
        what: a class is called in messages.
        events: and the events.

    Raises:
        InputError: a class is not known, or there is not one for each event.
    """
    if chosen is None:
        names: Sequence[str] = [known[i % len(known)] for i in numbers]
    elif isinstance(chosen, str):
        names = [chosen] * len(numbers)
    else:
        names = chosen
    if len(names) != len(numbers):
        raise InputError(f"{len(names)} classes for {len(numbers)} {events}; give one for each")
    for name in dict.fromkeys(names):
        if name not in known:
            raise InputError(f"unknown {what} {name!r}; the model knows {', '.join(known)}")
    index = {name: i for i, name in enumerate(types)}
    return np.array([index[name] for name in names], dtype=np.int64)


class Generation(Protocol):
    """Generated events and what they cost."""

    @property
    def events(self) -> LabelledEvents:
        """The events, physical."""

    @property
    def costs(self) -> Costs:
        """Evaluations and wall time."""

    @property
    def repaired(self) -> dict[str, int]:
        """How many events were corrected much, by what, and how many miss what they were told."""


class EventGenerator(Protocol):
    """A trained generator of one kind of event."""

    card: dict[str, Any]

    @property
    def kind(self) -> str:
        """Of events, in the plural: ``jets``, ``images``."""

    @property
    def types(self) -> tuple[str, ...]:
        """The classes it was trained on."""

    @property
    def denoisers(self) -> dict[str, Denoiser]:
        """By name of the network, in the order in which they run."""

    @property
    def constants(self) -> dict[str, Any]:
        """All that decides which events it makes, but for the weights; JSON-able."""

    @property
    def default_sampler(self) -> NetworkSamplers:
        """What ``generate`` uses unless told otherwise."""

    @property
    def guided_sampler(self) -> NetworkSamplers:
        """What it uses with guidance unless told otherwise."""

    @property
    def form(self) -> dict[str, Any]:
        """Options with which ``read_events`` gives events of the form that it makes."""

    def problems(self, count: int, seed: int) -> dict[str, Problem]:
        """What each network is asked when events are drawn, in equal shares of the classes."""

    def unlike(self, events: Any) -> str | None:
        """In what true events differ in form from what it makes, and the remedy; or None."""

    def to(self, device: torch.device | str) -> Self:
        """Move all networks to a device."""

    def accelerated(self) -> Self:
        """The same with compiled networks in bfloat16, for production."""

    def save(self, path: Path, force: bool = False) -> None:
        """Write one safetensors file."""

    def generate(
        self,
        count: int,
        event_type: str | Sequence[str] | None = None,
        /,
        *,
        sampler: str | Sampler | NetworkSamplers | None = None,
        seed: int = 0,
        batch: int = 1000,
        first: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> Generation:
        """Generate events; event i of a seed is the same whatever count, first and batch."""


def is_student(card: Mapping[str, Any]) -> bool:
    """Whether a model's networks are distilled: they tell the end of a path, not a mean."""
    return "distillation" in card


def check_sampler(generator: EventGenerator, sampler: NetworkSamplers) -> None:
    """Refuse a sampler that the networks of a model cannot run, before any event is drawn.

    Raises:
        InputError: there is not one for each network, or one has no plan for a network's schedule:
            it is not fitted, or its grid leaves the schedule's range; or the model is a student,
            and one is not its own.
    """
    denoisers = generator.denoisers
    each = sampler.each(list(denoisers))
    if is_student(generator.card):
        _check_of_student(each, generator.default_sampler.each(list(denoisers)))
    for (network, denoiser), own in zip(denoisers.items(), each, strict=True):
        try:
            own.plan(denoiser.schedule)
        except ValueError as error:
            raise InputError(f"sampler of the {network} ({own.label}): {error}") from error


def _check_of_student(samplers: Sequence[Sampler], own: Sequence[Sampler]) -> None:
    """Refuse all but a student's own, and of consistency students other numbers of steps.

    A student tells where a path ends from the levels of noise that it was taught, no mean.
    """
    for given, mine in zip(samplers, own, strict=True):
        consistency = isinstance(mine, MultistepConsistency)
        if given != mine and not (consistency and isinstance(given, MultistepConsistency)):
            raise InputError(
                f"sampler {given.label}: a distilled model tells where a path ends, and only for "
                f"its own sampler ({mine.label}); leave it out, or take the teacher"
            )
