"""Quantile mapping: against maps that are known, and what it does with repeated numbers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from driftline.diffusion.distillation import ObservedEnd, PseudoHuber, quantile_map


def sign(condition: Tensor | None) -> Tensor:
    assert condition is not None
    return (condition[:, 0] > 0).long()


def of_one_group(own: Tensor, wanted: Tensor, values: Tensor) -> Tensor:
    one, all_of_it = (torch.zeros(len(x), dtype=torch.int64) for x in (values, own))
    return quantile_map(lambda condition: one, 1, all_of_it, own, wanted)(values, None)


def test_from_one_known_distribution_to_another_in_each_group() -> None:
    """Normal to exponential, -ln(1 - Phi(x)), where the condition is negative; else its mirror."""
    generator = torch.Generator().manual_seed(1)
    normal = torch.randn(40_000, 1, dtype=torch.float64, generator=generator)
    exponential = -torch.rand(40_000, 1, dtype=torch.float64, generator=generator).log()
    condition = torch.randn(40_000, 1, generator=generator)
    groups = sign(condition)
    wanted = torch.where(groups[:, None] == 1, -exponential, exponential)
    mapped = quantile_map(sign, 2, groups, normal, wanted)
    x = torch.linspace(-1.5, 1.5, 7, dtype=torch.float64)[:, None]
    for way in (-1, 1):
        found = mapped(x, torch.full((7, 1), float(way)))
        expected = way * torch.special.ndtr(way * x).log()
        torch.testing.assert_close(found, expected, atol=0.03, rtol=0.03)


def test_each_number_by_itself_and_beyond_the_outermost_a_shift() -> None:
    own = torch.linspace(0, 1, 1001, dtype=torch.float64)[:, None].repeat(1, 2)
    wanted = own * torch.tensor([2.0, 1.0]) + torch.tensor([0.0, 3.0])
    x = torch.tensor([[0.3, 0.3], [5.0, -4.0]], dtype=torch.float64)
    found = of_one_group(own, wanted, x)
    torch.testing.assert_close(found[0], torch.tensor([0.6, 3.3], dtype=torch.float64))
    # The outermost quantiles are those of 0.99 and of 0.01.
    torch.testing.assert_close(found[1], torch.tensor([1.98 + 4.01, -1.0], dtype=torch.float64))


def test_tails_are_mapped_as_far_as_there_are_events() -> None:
    """To squares: with 20 events beyond the 0.1% that is known, of 200 events 1% is the last."""
    x = torch.tensor([[0.998]], dtype=torch.float64)
    for number, expected in ((20_001, 0.998**2), (201, 0.99**2 + 0.008)):
        own = torch.linspace(0, 1, number, dtype=torch.float64)[:, None]
        found = of_one_group(own, own**2, x)
        torch.testing.assert_close(found, torch.full_like(x, expected), atol=1e-5, rtol=0)


def test_a_number_that_many_events_have_goes_to_the_middle_of_its_range() -> None:
    own = torch.cat([torch.zeros(600), torch.linspace(1, 2, 400)]).double()[:, None]
    wanted = torch.linspace(0, 1, 1000).double()[:, None]
    found = of_one_group(own, wanted, torch.tensor([[0.0], [1.5]], dtype=torch.float64))
    torch.testing.assert_close(
        found, torch.tensor([[0.3], [0.8]], dtype=torch.float64), atol=0.01, rtol=0
    )
    constant = torch.ones(50, 1)
    assert of_one_group(constant, constant + 1, torch.ones(1, 1)).item() == 2


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=30), st.integers(0, 2**31))
def test_it_rises_and_leaves_what_is_right(numbers: list[float], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    own = torch.randn(200, 1, dtype=torch.float64, generator=generator)
    wanted = torch.randn(200, 1, dtype=torch.float64, generator=generator)
    x = torch.tensor(numbers, dtype=torch.float64).sort().values[:, None]
    assert (of_one_group(own, wanted, x).diff(dim=0) >= -1e-12).all()
    torch.testing.assert_close(of_one_group(own, own, x), x)


def test_a_group_that_the_samples_have_not_is_left_as_it_is() -> None:
    values = torch.randn(200, 2)
    groups = torch.arange(200) % 2 * 2
    wanted = values + groups[:, None] + 1
    mapped = quantile_map(lambda c: torch.tensor([0, 1, 2, 3]), 4, groups, values, wanted)
    x = torch.tensor([[0.5, -7.0]]).repeat(4, 1)
    torch.testing.assert_close(
        mapped(x, None) - x, torch.tensor([1.0, 0, 3, 0])[:, None].repeat(1, 2)
    )


def test_groups_that_are_left_keep_their_numbers() -> None:
    generator = torch.Generator().manual_seed(5)
    groups = torch.arange(2000) % 2
    own, wanted = (torch.randn(2000, 1, generator=generator) + shift for shift in (0.0, 3.0))
    whole = quantile_map(sign, 2, groups, own, wanted)
    left = whole.leaving([1])
    below, above = (torch.tensor([[value]]).expand(2000, 1) for value in (-1.0, 1.0))
    torch.testing.assert_close(left(own, above), own)
    assert torch.equal(left(own, below), whole(own, below))
    assert (whole(own, above) - own).mean() > 2  # nor is the map changed that it is made of


def test_what_is_not_finite_stays_so() -> None:
    values = torch.randn(200, 1)
    found = of_one_group(values, values, torch.tensor([[torch.nan], [torch.inf], [0.0]]))
    assert found.isfinite()[:, 0].tolist() == [False, False, True]


def test_an_observed_end_goes_where_the_data_have_it() -> None:
    """A teacher whose numbers are half as large as the data's."""
    generator = torch.Generator().manual_seed(2)
    goal = torch.randn(5000, 1, generator=generator)
    condition = torch.ones(5000, 1)
    mapped = quantile_map(sign, 2, sign(condition), goal, 2 * goal)

    def itself(x: Tensor, condition: object, mask: object) -> Tensor:
        return x

    seen = ObservedEnd(itself, 3.0, PseudoHuber(1.0), mapped)
    inside = goal.abs()[:, 0] < 2
    assert float(seen(2 * goal, goal, condition, None)[inside].max()) < 1e-3
    expected = 3 * (math.sqrt(2) - 1)
    assert seen(2 * goal + 1, goal, condition, None)[inside].mean().item() == pytest.approx(
        expected, rel=0.01
    )
