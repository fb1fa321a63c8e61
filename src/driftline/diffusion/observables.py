"""Observables: a few numbers of a clean event that can be differentiated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_NARROWEST = 0.1
"""Least width: what varies little beside its mean would outweigh all else where it is missed."""


Group = Callable[[Tensor | None], Tensor]
"""Maps conditions (B, C) to the number of each event's group (B,) int64, from 0."""


class Observable(Protocol):
    """A few numbers of clean events, differentiable, each event on its own."""

    def __call__(self, x: Tensor, condition: Tensor | None, mask: Tensor | None, /) -> Tensor:
        """Clean events (B, ...), condition (B, C) and mask (B, P) to observables (B, K)."""
        ...


@dataclass(frozen=True)
class Joined:
    """Several observables side by side.

    Attributes:
        parts: at least one, of K_i numbers; their sum is K.
    """

    parts: tuple[Observable, ...]

    def __call__(self, x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
        return torch.cat([part(x, condition, mask) for part in self.parts], dim=1)


@dataclass(frozen=True)
class Standardised:
    """Another observable in numbers of unit spread: asinh(h / scale) / width, one by one.

    Linear up to the scale and logarithmic beyond, so that neither the long tails that charges and
    energy-flow polynomials have, nor what a model not yet trained makes, outweigh all the others.

    Attributes:
        observable: h, K numbers.
        scale: (K,) positive, or (G, K) of G groups of events.
        width: (K,) positive, or (G, K).
        group: of the events, where each has its own scale and width.
    """

    observable: Observable
    scale: Tensor
    width: Tensor
    group: Group | None = None

    def __call__(self, x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
        found = self.observable(x, condition, mask)
        scale, width = self.scale.to(found), self.width.to(found)
        if self.group is not None:
            groups = self.group(condition)
            scale, width = scale[groups], width[groups]
        return (found / scale).asinh() / width


def standardised(observable: Observable, values: Tensor) -> Standardised:
    """An observable standardised by what it is of typical events.

    Args:
        observable: h, K numbers.
        values: (N, K) of them; the scale is their mean magnitude, and the width makes the standard
            deviation one, or less of what varies by less than about a seventh of its magnitude.
            What is always zero has scale and width one.
    """
    magnitude = values.abs().mean(0)
    scale = torch.where(magnitude > 0, magnitude, 1)
    width = (values / scale).asinh().std(0, correction=0).clamp(min=_NARROWEST)
    return Standardised(observable, scale, torch.where(magnitude > 0, width, 1))


def standardised_by_group(
    observable: Observable, values: Tensor, groups: Tensor, group: Group, number: int
) -> Standardised:
    """An observable standardised in each group of events by itself.

    A group whose numbers are small, or vary little, counts as much as another.

    Args:
        observable: h, K numbers.
        values: (N, K) of them.
        groups: (N,) of the same events.
        group: of any events.
        number: of groups; one that no event has is standardised as all together.
    """
    chosen = (values[groups == g] for g in range(number))
    each = [standardised(observable, own if len(own) > 1 else values) for own in chosen]
    scale, width = (torch.stack(own) for own in zip(*((e.scale, e.width) for e in each)))
    return Standardised(observable, scale, width, group)


def above(x: Tensor, bounds: Tensor) -> Tensor:
    r"""How far numbers (...) count as above each of K bounds (K,), (..., K): from 0 to 1.

    :math:`x^4 / (x^4 + t^4)`, which can be differentiated: what is half of a positive bound t or
    twice is told from it by nine tenths. Negative numbers are above none.
    """
    # What a model not yet trained makes may overflow; beyond the clamp all count as above.
    powers = (x[..., None] / bounds).clamp(0, 1e4) ** 4
    return powers / (1 + powers)


def between(beyond: Tensor) -> Tensor:
    """What lies between K rising bounds, (..., K), of what is above each; the last bin is open."""
    return torch.cat([-beyond.diff(dim=-1), beyond[..., -1:]], dim=-1)


def root(square: Tensor) -> Tensor:
    """Square root whose gradient at zero is zero instead of infinite."""
    positive = square > 0
    return torch.where(positive, torch.where(positive, square, 1).sqrt(), 0)
