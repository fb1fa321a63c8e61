"""Quantile mapping: numbers that are distributed in one way to where another has as many below."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from driftline.diffusion.observables import Group

SHARES = (0.001, 0.003, *((k + 0.5) / 50 for k in range(50)), 0.997, 0.999)
"""Of the quantiles: 1%, 3% to 99%, and in the tails."""

FEWEST_BEYOND = 20
"""Events that a quantile of a tail must have beyond it; if it has not, 1% or 99% stands for it."""


@dataclass(frozen=True)
class QuantileMap:
    """Takes numbers of events to the distribution that those of their group should have.

    Each number by a rising map: what has a share u of the group's own below it goes to what has
    that share of the wanted ones below. It is linear between quantiles, and a shift beyond the
    outermost; a number that is several quantiles counts as the middle one.

    Attributes:
        group: of the events, below G.
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
        x = values.detach()[..., None].contiguous()
        beyond = x - x.clamp(own[..., :1], own[..., -1:])
        return (_at(wanted, _position(own, x)) + beyond)[..., 0]

    def leaving(self, groups: Sequence[int]) -> "QuantileMap":
        """The same, but that numbers of events of these groups stay as they are."""
        wanted = self.wanted.clone()
        wanted[list(groups)] = self.own[list(groups)]
        return replace(self, wanted=wanted)


def quantile_map(
    group: Group, number: int, groups: Tensor, own: Tensor, wanted: Tensor
) -> QuantileMap:
    """The map from one sample's distributions to another's.

    Args:
        group: of any events.
        number: of groups; those that are not in the samples are mapped to themselves.
        groups: (N,) that of the samples' events, the same in both.
        own: (N, K) float.
        wanted: (N, K) likewise.
    """
    shares = own.new_tensor(SHARES)
    itself = shares.expand(own.shape[1], -1)

    def quantiles(x: Tensor) -> Tensor:
        least = min(FEWEST_BEYOND / len(x), 0.01)
        return x.quantile(shares.clamp(least, 1 - least), dim=0).T

    def tables(values: Tensor) -> Tensor:
        chosen = (values[groups == g] for g in range(number))
        return torch.stack([quantiles(x) if len(x) else itself for x in chosen])

    return QuantileMap(group, tables(own), tables(wanted))


def _position(quantiles: Tensor, x: Tensor) -> Tensor:
    """(B, K, 1) which of Q quantiles (B, K, Q) numbers x (B, K, 1) are, and how far to the next."""
    last = quantiles.shape[2] - 1
    low, high = torch.searchsorted(quantiles, x), torch.searchsorted(quantiles, x, right=True)
    below, above = (low - 1).clamp(0, last), low.clamp(0, last)
    start, end = quantiles.gather(2, below), quantiles.gather(2, above)
    between = below + (x - start) / torch.where(end > start, end - start, 1)
    found = torch.where(high > low, _middle(low.clamp(max=last), (high - 1).clamp(min=0)), between)
    return found.nan_to_num(0.0).clamp(0, last)  # what is not finite stays so by what is beyond


def _middle(first: Tensor, last: Tensor) -> Tensor:
    """Which quantile has the mean of the shares of two, where ``SHARES`` are not equally far."""
    shares = torch.tensor(SHARES, device=first.device)
    share = (shares[first] + shares[last]) / 2
    lower = (torch.searchsorted(shares, share, right=True) - 1).clamp(0, len(shares) - 2)
    return lower + (share - shares[lower]) / (shares[lower + 1] - shares[lower])


def _at(quantiles: Tensor, position: Tensor) -> Tensor:
    """(B, K, 1) linear between quantiles (B, K, Q)."""
    lower = position.floor().long()
    upper = (lower + 1).clamp(max=quantiles.shape[2] - 1)
    return quantiles.gather(2, lower).lerp(quantiles.gather(2, upper), position - lower)
