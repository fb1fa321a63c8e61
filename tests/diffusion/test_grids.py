"""Grids: where they start and end under any schedule, and what they refuse."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.diffusion.grids import (
    Grid,
    Karras,
    TunedGrid,
    UniformAngle,
    UniformLogSNR,
    UniformTime,
    log_snr_range,
)
from driftline.diffusion.samplers import DPMSolver
from driftline.diffusion.samplers.plan import levels
from driftline.diffusion.schedules import SCHEDULES, VP

FIRST = float(VP().log_snr(torch.ones((), dtype=torch.float64)))
names = pytest.mark.parametrize("name", SCHEDULES)


@names
@pytest.mark.parametrize("grid", [UniformTime(), UniformLogSNR(), Karras(), UniformAngle()])
def test_default_grids_fit_every_schedule(grid: Grid, name: str) -> None:
    schedule = SCHEDULES[name]()
    points = levels(schedule, grid.times(20, schedule))
    assert len(points) == 20
    assert points[0].t == pytest.approx(1, abs=1e-6)
    assert all(math.isfinite(p.s) and p.s > 0 and p.alpha > 0 for p in points)
    assert all(before.s > after.s for before, after in pairwise(points))


@names
def test_grids_end_where_the_schedule_ends_if_that_is_first(name: str) -> None:
    schedule = SCHEDULES[name]()
    _, least = log_snr_range(schedule)
    for grid in (UniformLogSNR(1e-6), Karras(noise_end=1e-6)):
        last = levels(schedule, grid.times(5, schedule))[-1]
        assert last.s == pytest.approx(max(1e-6, math.exp(-least)), rel=1e-3)


@given(
    st.lists(st.floats(FIRST + 0.01, 8), min_size=1, max_size=12, unique_by=lambda v: round(v, 3))
)
@settings(max_examples=30, deadline=None)
def test_tuned_grids_are_at_their_levels(values: list[float]) -> None:
    ordered = tuple(sorted(values))
    times = TunedGrid(ordered).times(len(ordered) + 1, VP())
    assert float(times[0]) == pytest.approx(1)
    torch.testing.assert_close(
        VP().log_snr(times[1:]), torch.tensor(ordered, dtype=torch.float64), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TunedGrid((1.0, 1.0)), "rise strictly"),
        (lambda: TunedGrid((2.0, 1.0)), "rise strictly"),
        (lambda: TunedGrid((0.0, math.inf)), "rise strictly"),
        (lambda: UniformTime(0.0), "t_min"),
        (lambda: UniformTime(1.0), "t_min"),
        (lambda: UniformLogSNR(0.0), "noise_end"),
        (lambda: Karras(noise_end=-1.0), "noise_end"),
        (lambda: Karras(rho=0.0), "rho"),
        (lambda: TunedGrid((FIRST - 1, 0.0)).times(3, VP()), "leaves the schedule's range"),
        (lambda: TunedGrid((0.0, 1.0)).times(4, VP()), "set steps=3"),
        (lambda: DPMSolver(4, grid=TunedGrid((0.0, 1.0))).plan(VP()), "set steps=3"),
        (lambda: DPMSolver(4, grid=UniformLogSNR(1e4)).plan(VP()), "fall strictly"),
        (lambda: levels(VP(), torch.tensor([0.5, 0.5])), "fall strictly"),
        (lambda: levels(VP(), torch.tensor([1.2, 0.5])), "leaves the schedule's range"),
        (lambda: levels(VP(), torch.tensor([0.5, -0.1])), "leaves the schedule's range"),
    ],
)
def test_bad_grids_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_levels_beyond_a_schedules_least_noise_are_refused() -> None:
    class Noisy(VP):
        """A schedule that never gets below sigma/alpha = 0.1."""

        def log_snr(self, t: torch.Tensor) -> torch.Tensor:
            return super().log_snr(t).clamp(max=math.log(10))

    with pytest.raises(ValueError, match="leaves the schedule's range"):
        TunedGrid((0.0, 3.0)).times(3, Noisy())


@pytest.mark.parametrize("grid", [UniformLogSNR(), Karras()])
def test_noise_grids_end_where_they_say(grid: UniformLogSNR | Karras) -> None:
    last = VP().log_snr(grid.times(10, VP())[-1])
    assert float((-last).exp()) == pytest.approx(5e-3)


def test_karras_grid_equals_the_published_formula() -> None:
    s = (-VP().log_snr(Karras(rho=7).times(5, VP()))).exp().numpy()
    high, low = float((-VP().log_snr(torch.ones(1, dtype=torch.float64))).exp()), 5e-3
    i = np.arange(5) / 4
    np.testing.assert_allclose(s, (high ** (1 / 7) + i * (low ** (1 / 7) - high ** (1 / 7))) ** 7)
