"""Noise along a Brownian path: its law, its consistency over clocks, its limits."""

import pytest
import torch
from scipy import stats

from driftline.diffusion.noise import Noise

EVENTS = torch.arange(2000)


def draws(clock: list[float], seed: int = 1) -> torch.Tensor:
    """(steps, B) normals of the steps of a clock."""
    noise = Noise(seed).along(clock)
    steps = range(1, len(clock))
    return torch.stack([noise.normal(EVENTS, (1,), k, torch.float64)[:, 0] for k in steps])


def test_steps_of_one_clock_are_independent_standard_normals() -> None:
    z = draws([0.0, 0.11, 0.3, 0.31, 0.77, 1.0])
    for row in z:
        assert stats.kstest(row.numpy(), "norm").pvalue > 1e-3
    correlation = torch.corrcoef(z) - torch.eye(5)
    assert float(correlation.abs().max()) < 5 / len(EVENTS) ** 0.5


def test_finer_clocks_refine_the_same_path() -> None:
    """Increments add up, whatever the clocks."""
    coarse = draws([0.125, 0.625])[0] * 0.5**0.5
    for clock in ([0.125, 0.25, 0.625], [0.125, 0.3, 0.31, 0.5, 0.625]):
        widths = torch.tensor(clock, dtype=torch.float64).mul(2**20).round().diff() / 2**20
        fine = (draws(clock) * widths.sqrt()[:, None]).sum(0)
        torch.testing.assert_close(fine, coarse)


def test_the_start_is_plain_noise_and_seeds_differ() -> None:
    plain, along = Noise(1), Noise(1).along([0.0, 0.5, 1.0])
    assert torch.equal(plain.normal(EVENTS, (3,)), along.normal(EVENTS, (3,)))
    assert not torch.equal(draws([0.0, 1.0], 1), draws([0.0, 1.0], 2))
    part = along.normal(EVENTS[7:9], (3,), 2)
    assert torch.equal(part, along.normal(EVENTS, (3,), 2)[7:9])


@pytest.mark.parametrize(
    ("clock", "message"),
    [([0.0, 1.1], "leaves"), ([0.5, 0.2], "rise"), ([0.5, 0.5 + 1e-8], "rise")],
)
def test_bad_clocks_are_refused(clock: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Noise(0).along(clock)


def test_steps_beyond_the_clock_are_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        Noise(0).along([0.0, 1.0]).normal(EVENTS[:1], (1,), 2)
