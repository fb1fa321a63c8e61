"""Counter-based noise: known answers, independence of batches and padding, distribution."""

import pytest
import torch
from scipy import stats

from driftline.diffusion.noise import Noise, philox


def words(*values: int) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor([v], dtype=torch.int64) for v in values)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the known-answer tests published with Random123
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(
    counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]
) -> None:
    assert tuple(int(w) for w in philox(words(*counter), key)) == expected


def test_event_does_not_depend_on_its_batch() -> None:
    noise, events = Noise(7), torch.arange(100)
    whole = noise.normal(events, (5, 3), interval=4)
    parts = torch.cat([noise.normal(part, (5, 3), interval=4) for part in events.split(7)])
    assert torch.equal(whole, parts)


def test_padding_changes_nothing() -> None:
    events = torch.arange(10)
    short, long = Noise(1).normal(events, (30, 3)), Noise(1).normal(events, (150, 3))
    assert torch.equal(short, long[:, :30])


def test_seeds_streams_intervals_and_events_differ() -> None:
    events = torch.arange(4)
    draws = [
        Noise(0).normal(events, (4,)),
        Noise(1).normal(events, (4,)),
        Noise(2**32).normal(events, (4,)),
        Noise(0, stream=1).normal(events, (4,)),
        Noise(0).normal(events, (4,), interval=1),
        Noise(0).normal(events + 2**32, (4,)),
    ]
    rows = torch.cat(draws)
    assert len(torch.unique(rows, dim=0)) == len(rows)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distributions(dtype: torch.dtype) -> None:
    events = torch.arange(20_000)
    z = Noise(3).normal(events, (5,), dtype=dtype)
    u = Noise(3).uniform(events, (5,), dtype=dtype)
    assert z.dtype == u.dtype == dtype
    assert stats.kstest(z.ravel().numpy(), "norm").pvalue > 1e-3
    assert stats.kstest(u.ravel().numpy(), "uniform").pvalue > 1e-3
    assert 0 < float(u.min()) and float(u.max()) < 1
    correlation = torch.corrcoef(z.T.double()) - torch.eye(5)
    assert float(correlation.abs().max()) < 5 / len(events) ** 0.5


def test_float32_is_float64_rounded() -> None:
    events = torch.arange(10)
    fine = Noise(3).normal(events, (5,), dtype=torch.float64)
    assert torch.equal(Noise(3).normal(events, (5,)), fine.float())


@pytest.mark.parametrize(("seed", "stream"), [(-1, 0), (2**64, 0), (0, 2**16)])
def test_out_of_range_is_refused(seed: int, stream: int) -> None:
    with pytest.raises(ValueError, match="must be in"):
        Noise(seed, stream)
