"""A sampler for each of the two levels of a generator, and as text: ``jet level + particle level``.

The networks differ in cost and in what they have to resolve, so that each may have its own number
of steps and its own grid.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from driftline.diffusion.samplers import Sampler, describe, parse

BETWEEN = " + "
"""Stands between the two, in text and in labels."""


@dataclass(frozen=True)
class TwoLevelSampler:
    """Samplers of the jet level and the particle level.

    Attributes:
        jet_level: draws features and structure.
        particle_level: draws the particles.
    """

    jet_level: Sampler
    particle_level: Sampler

    @classmethod
    def parse(cls, text: str) -> "TwoLevelSampler":
        """Of two texts with " + " between them, or of one that is meant for both levels.

        Raises:
            ValueError: one of them is not valid; the message says what is.
        """
        jet_level, plus, particle_level = text.partition(BETWEEN)
        return cls(parse(jet_level), parse(particle_level if plus else jet_level))

    def __str__(self) -> str:
        """The text that ``parse`` reads back as the same."""
        texts = dict.fromkeys([describe(self.jet_level), describe(self.particle_level)])
        return BETWEEN.join(texts)

    @property
    def label(self) -> str:
        """For tables and figures."""
        return BETWEEN.join(dict.fromkeys([self.jet_level.label, self.particle_level.label]))

    @property
    def deterministic(self) -> bool:
        """Whether noise enters only at the start, at both levels."""
        return self.jet_level.deterministic and self.particle_level.deterministic

    def with_steps(self, steps: int) -> "TwoLevelSampler":
        """The same with another number of steps at both levels.

        Raises:
            ValueError: a sampler chooses its steps itself, or cannot take so many.
        """
        return TwoLevelSampler(
            *(_with_steps(s, steps) for s in (self.jet_level, self.particle_level))
        )


def both_levels(sampler: "Sampler | TwoLevelSampler") -> TwoLevelSampler:
    """One sampler for both levels; two as they are."""
    return sampler if isinstance(sampler, TwoLevelSampler) else TwoLevelSampler(sampler, sampler)


def _with_steps(sampler: Any, steps: int) -> Sampler:
    if "steps" not in {f.name for f in fields(sampler)}:
        raise ValueError(f"{sampler.label} chooses its steps itself; leave it out")
    changed: Sampler = replace(sampler, steps=steps)
    return changed
