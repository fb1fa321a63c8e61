"""Mean differences of groups of events, against sums over all batches and a closed optimum."""

from itertools import product

import pytest
import torch
from torch import Tensor

from driftline.diffusion.distillation import GroupMeans, ObservedEnd, PseudoHuber

F64 = torch.float64


def group(condition: Tensor | None) -> Tensor:
    assert condition is not None
    return condition[:, 0].long()


def test_over_all_batches_it_is_the_square_of_each_groups_mean() -> None:
    """Of two groups of three possible differences each, in batches of two events of both."""
    generator = torch.Generator().manual_seed(1)
    possible = torch.randn(2, 3, 4, dtype=F64, generator=generator)
    condition = torch.tensor([[0.0], [1.0], [0.0], [1.0]], dtype=F64)
    means = GroupMeans(group, 0.5)
    found = torch.stack(
        [
            means(
                torch.stack([possible[0, a], possible[1, b], possible[0, c], possible[1, d]]),
                condition,
            )
            for a, b, c, d in product(range(3), repeat=4)
        ]
    ).mean(0)
    wanted = 0.25 * possible.mean(1).square().mean(1)
    torch.testing.assert_close(found, wanted[[0, 1, 0, 1]])


def test_each_event_is_compared_with_all_others_of_its_group() -> None:
    """Groups of three, two and one, against two loops."""
    generator = torch.Generator().manual_seed(3)
    difference = torch.randn(6, 4, dtype=F64, generator=generator)
    groups = torch.tensor([2, 0, 2, 1, 0, 2])
    found = GroupMeans(group, 2.0)(difference, groups[:, None])
    for i, own in enumerate(difference):
        others = [d for j, d in enumerate(difference) if j != i and groups[j] == groups[i]]
        wanted = sum((float(own @ d) for d in others), 0.0) / 4 / max(len(others), 1)
        assert found[i].item() == pytest.approx(wanted, abs=1e-12)


def test_an_event_alone_in_its_group_costs_nothing_and_does_not_learn() -> None:
    difference = torch.randn(3, 2, dtype=F64, requires_grad=True)
    condition = torch.tensor([[0.0], [2.0], [0.0]])
    loss = GroupMeans(group, 1.0)(difference, condition)
    (slope,) = torch.autograd.grad(loss.sum(), difference)
    assert loss[1] == 0 and (slope[1] == 0).all()
    torch.testing.assert_close(slope[0], difference.detach()[2] / 2)


@pytest.mark.parametrize("weight", [0.0, 1.0, 10.0])
def test_a_shift_is_not_traded_for_scatter(weight: float) -> None:
    r"""A share b takes scatter r from one observable and shifts another: misses b s, (1 - b) r.

    With variances v and q, and the mean m of s only, squares with those of means counted w times
    more, :math:`b^2 (v + (1 + w) m^2) + (1 - b)^2 q`, are least at q / (q + v + (1 + w) m^2).
    """
    generator = torch.Generator().manual_seed(2)
    s, r = torch.randn(2, 2000, dtype=F64, generator=generator)
    s, r = 1 + 0.5 * s, 2 * (r - r.mean())
    m, v, q = s.mean(), s.var(correction=0), r.var(correction=0)
    quadratic = 1e3
    means = GroupMeans(group, weight / quadratic)
    end = ObservedEnd(lambda x, *_: x, distance=PseudoHuber(quadratic), means=means)

    def slope(share: Tensor) -> float:
        b = share.clone().requires_grad_(True)
        missed = torch.stack([b * s, (1 - b) * r], 1)
        loss = end(missed, 0 * missed.detach(), torch.zeros(len(s), 1), None)
        return torch.autograd.grad(loss.sum(), b)[0].item()

    least = q / (q + v + (1 + weight) * m.square())
    assert slope(least - 0.01) < 0 < slope(least + 0.01)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="weight of means must not be negative, got -1"):
        GroupMeans(group, -1.0)
