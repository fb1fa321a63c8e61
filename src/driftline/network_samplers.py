"""A sampler for each network of a generator, and as text: ``jet level + particle level``.

Networks differ in cost and in what they have to resolve, so that each may have its own number of
steps and its own grid. Generators of one network have one sampler.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from driftline.diffusion.samplers import Sampler, describe, parse
from driftline.errors import InputError

BETWEEN = " + "
"""Stands between two samplers, in text and in labels."""


@dataclass(frozen=True)
class NetworkSamplers:
    """Samplers of a generator's networks, in the order in which these run.

    Attributes:
        samplers: one a network; or a single one, which is meant for all of them.
    """

    samplers: tuple[Sampler, ...]

    def __post_init__(self) -> None:
        if all(sampler == self.samplers[0] for sampler in self.samplers):
            object.__setattr__(self, "samplers", self.samplers[:1])

    @classmethod
    def parse(cls, text: str) -> "NetworkSamplers":
        """Of texts with " + " between them, or of one that is meant for all networks.

        Raises:
            ValueError: one of them is not valid; the message says what is.
        """
        return cls(tuple(parse(part) for part in text.split(BETWEEN)))

    def __str__(self) -> str:
        """The text that ``parse`` reads back as the same."""
        return BETWEEN.join(map(describe, self.samplers))

    @property
    def label(self) -> str:
        """For tables and figures."""
        return BETWEEN.join(dict.fromkeys(sampler.label for sampler in self.samplers))

    @property
    def deterministic(self) -> bool:
        """Whether noise enters only at the start, for all networks."""
        return all(sampler.deterministic for sampler in self.samplers)

    def each(self, networks: Sequence[str]) -> tuple[Sampler, ...]:
        """The sampler of each network.

        Args:
            networks: their names.

        Raises:
            InputError: there are several samplers, but not one for each network.
        """
        if len(self.samplers) == 1:
            return self.samplers * len(networks)
        if len(self.samplers) != len(networks):
            raise InputError(
                f"sampler: {self} names {len(self.samplers)} samplers and the model has "
                f"{len(networks)} network(s), {' and '.join(networks)}; give one for each, or one "
                "for all"
            )
        return self.samplers

    def with_steps(self, steps: int) -> "NetworkSamplers":
        """The same with another number of steps throughout.

        Raises:
            ValueError: a sampler chooses its steps itself, or cannot take so many.
        """
        return NetworkSamplers(tuple(_with_steps(sampler, steps) for sampler in self.samplers))


def for_networks(sampler: "str | Sampler | NetworkSamplers") -> NetworkSamplers:
    """One sampler for all networks; several as they are; text as ``NetworkSamplers.parse``.

    Raises:
        InputError: the text is not valid.
    """
    if isinstance(sampler, str):
        try:
            return NetworkSamplers.parse(sampler)
        except ValueError as error:
            raise InputError(f"sampler: {error}") from error
    return sampler if isinstance(sampler, NetworkSamplers) else NetworkSamplers((sampler,))


def _with_steps(sampler: Any, steps: int) -> Sampler:
    if "steps" not in {f.name for f in fields(sampler)}:
        raise ValueError(f"{sampler.label} chooses its steps itself; leave it out")
    changed: Sampler = replace(sampler, steps=steps)
    return changed
