"""The moving average of weights against its definition."""

import pytest
import torch

from driftline.training.ema import EMA


def test_average_follows_its_recursion_with_warmed_up_decay() -> None:
    parameter = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    ema, expected = EMA([parameter], decay=0.5, warmup=9), torch.zeros(3, dtype=torch.float64)
    for step in range(30):
        with torch.no_grad():
            parameter += torch.tensor([1.0, -2.0, 0.5])
        ema.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach()
    torch.testing.assert_close(ema.averages[0], expected)


@pytest.mark.parametrize("power", [0, 1, 3])
def test_a_warm_up_of_one_more_than_a_power_weighs_steps_by_it(power: int) -> None:
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    ema = EMA([parameter], decay=0.9999, warmup=power + 1.0)
    values = torch.randn(400, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for step, value in enumerate(values):
        with torch.no_grad():
            parameter.fill_(value)
        ema.update(step)
    n = torch.arange(1.0, 401, dtype=torch.float64)
    weights = torch.ones_like(n)
    for k in range(1, power + 1):
        weights *= n + k  # nearly n to the power
    kept = (n / (n + power + 1)).prod()  # of the start
    mean = (weights * values).sum() / weights.sum()
    assert kept < 1 / 400
    torch.testing.assert_close(ema.averages[0][0], (1 - kept) * mean)


def test_swap_exchanges_and_undoes() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    ema = EMA([parameter], decay=0.9, warmup=9)
    with torch.no_grad():
        parameter.fill_(5.0)
    ema.swap()
    assert parameter.tolist() == [1.0, 1.0]
    assert ema.averages[0].tolist() == [5.0, 5.0]
    ema.swap()
    assert parameter.tolist() == [5.0, 5.0]
    assert ema.averages[0].tolist() == [1.0, 1.0]
