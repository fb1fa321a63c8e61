"""Quantile mapping: numbers that are distributed in one way to where another has as many below."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Group = Callable[[Tensor | None], Tensor]
"""Maps conditions (B, C) to the number of each event's group (B,) int64."""

QUANTILES = 50


@dataclass(frozen=True)
class QuantileMap:
    """Takes numbers of events to the distribution that those of their group should have.

    Each number by a rising map: what has a share u of the group's own below it goes to what has
    that share of the wanted ones below. It is linear between quantiles, and a shift beyond the
    outermost; a number that is several quantiles counts as the middle one.

    Attributes:
        group: of the events.
        own: (G, K, Q) quantiles of K numbers in G groups, not falling.
        wanted: likewise.
    """

    group: Group
    own: Tensor
    wanted: Tensor

    def __call__(self, values: Tensor, condition: Tensor | None) -> Tensor:
        """Numbers (B, K) of events to where they should be (B, K); without a derivative."""
        groups = self.group(condition)
        own, wanted = (table.to(values)[groups] for table in (self.own, self.wanted))
        last = own.shape[2] - 1
        x = values.detach()[..., None].contiguous()
        low, high = torch.searchsorted(own, x), torch.searchsorted(own, x, right=True)
        below, above = (low - 1).clamp(0, last), low.clamp(0, last)
        start, end = own.gather(2, below), own.gather(2, above)
        between = below + (x - start) / torch.where(end > start, end - start, 1)
        at = torch.where(high > low, (low + high - 1) / 2, between).clamp(0, last)
        floor = at.floor().long()
        rest = at - floor
        ends = wanted.gather(2, floor), wanted.gather(2, (floor + 1).clamp(max=last))
        beyond = x - x.clamp(own[..., :1], own[..., -1:])
        return (torch.lerp(*ends, rest) + beyond)[..., 0]


def quantile_map(group: Group, groups: Tensor, own: Tensor, wanted: Tensor) -> QuantileMap:
    """The map from one sample's distributions to another's.

    Args:
        group: of any events; one that is not in the samples is taken for the next that is.
        groups: (N,) that of the samples' events, the same in both.
        own: (N, K) float.
        wanted: (N, K) likewise.
    """
    shares = (torch.arange(QUANTILES).to(own) + 0.5) / QUANTILES
    present, index = groups.unique(return_inverse=True)

    def tables(values: Tensor) -> Tensor:
        found = [values[index == g].quantile(shares, dim=0).T for g in range(len(present))]
        return torch.stack(found).contiguous()

    def known(condition: Tensor | None) -> Tensor:
        return torch.searchsorted(present, group(condition)).clamp(max=len(present) - 1)

    return QuantileMap(known, tables(own), tables(wanted))
