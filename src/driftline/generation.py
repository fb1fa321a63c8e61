"""What all generators have in common, whatever kind of event they make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from driftline.data.events import LabelledEvents
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.samplers import Result, Sampler
from driftline.network_samplers import NetworkSamplers


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
        """How many events needed a large correction, by what was corrected."""


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
        sampler: Sampler | NetworkSamplers | None = None,
        seed: int = 0,
        batch: int = 1000,
        first: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> Generation:
        """Generate events; event i of a seed is the same whatever count, first and batch."""
