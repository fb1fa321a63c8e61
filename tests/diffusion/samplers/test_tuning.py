"""Tuned grids: the search against brute force, and endpoint errors on events it has not seen."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture
from driftline.diffusion.grids import Grid, Karras, TunedGrid, UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    RK4,
    Calibration,
    DPMSolver,
    EulerMaruyama,
    ProbabilityFlowRK45,
    UniPC,
    describe,
    parse,
    tune,
    tuning,
)
from driftline.diffusion.samplers.tuning import cheapest_path, descend, step_costs
from driftline.diffusion.schedules import VP
from oracles import MIXTURE, run

F64 = torch.float64

# Three modes of unlike widths in four dimensions, of unit scale.
PLACES = torch.tensor([[-1.2, 0.4, 0.0, 0.9], [0.8, -1.0, 0.3, 0.0], [0.5, 0.9, -0.9, -1.0]])
MODES = AnalyticDenoiser(
    GaussianMixture(
        torch.tensor([0.3, 0.5, 0.2]).double(), PLACES.double(), torch.tensor([0.1, 0.4, 0.05])
    ),
    VP(),
)


def endpoint_error(sampler: DPMSolver | UniPC, fine: Tensor) -> float:
    """Mean distance to the fine solution at equal noise, over events of another seed."""
    x = run(sampler, 300, denoiser=MODES, shape=(4,), noise=Noise(99)).x
    return float((x - fine).square().mean(1).sqrt().mean())


@pytest.fixture(scope="module")
def fine() -> Tensor:
    solver = RK4(200, UniformLogSNR(1e-3))
    return run(solver, 300, denoiser=MODES, shape=(4,), noise=Noise(99)).x


@pytest.mark.parametrize("steps", [8, 12])
@pytest.mark.parametrize("kind", [DPMSolver, UniPC])
def test_tuned_beats_log_snr_and_karras_on_unseen_events(
    kind: type[DPMSolver | UniPC], steps: int, fine: Tensor
) -> None:
    known = Calibration.of(
        MODES, noise=Noise(1), events=128, shape=(4,), dtype=torch.float64, points=40
    )
    sampler = tune(kind(steps), known)
    assert isinstance(sampler, kind)
    assert isinstance(sampler.grid, TunedGrid)
    assert len(sampler.grid.levels) == steps - 1
    grids: list[Grid] = [UniformLogSNR(), UniformLogSNR(2e-3), Karras(), Karras(noise_end=2e-3)]
    others = [endpoint_error(kind(steps, grid=grid), fine) for grid in grids]
    assert endpoint_error(sampler, fine) < 0.6 * min(others)
    assert parse(describe(sampler)) == sampler


def test_cheapest_path_is_the_best_of_all_paths() -> None:
    generator = np.random.default_rng(4)
    costs = np.triu(generator.random((8, 8)), 1)
    costs[costs == 0] = np.inf
    for steps in (1, 2, 4, 7):
        paths = [(0, *inner) for inner in combinations(range(1, 7), steps - 1)]
        total = [sum(costs[i, j] for i, j in zip(p, (*p[1:], 7))) for p in paths]
        assert cheapest_path(costs, steps) == list(paths[int(np.argmin(total))])


def test_costs_are_errors_of_first_order_steps() -> None:
    """By hand, from the points of the fine path."""
    known = Calibration.of(
        MIXTURE, noise=Noise(5), events=10, shape=(1,), dtype=torch.float64, points=6
    )
    costs = step_costs(known)
    assert costs.shape == (7, 7)
    assert np.isinf(costs[np.tril_indices(7)]).all()
    a, b = known.levels[1], known.levels[4]
    slope = (known.x_hats[1] - known.estimates[1]) / a.s
    miss = (known.x_hats[1] + (b.s - a.s) * slope - known.x_hats[4]).abs().mean()
    assert costs[1, 4] == pytest.approx(float(miss) / (1 + b.s**2) ** 0.5)
    assert costs[5, 6] == pytest.approx(0, abs=1e-12)  # the path ends with this very estimate


def test_descent_finds_a_minimum_and_never_rises() -> None:
    target = torch.tensor([-2.0, 0.5, 3.0])
    values: list[float] = []

    def error(grid: TunedGrid) -> float:
        return float((torch.tensor(grid.levels) - target).square().sum())

    start = TunedGrid((-3.0, 0.0, 1.0))
    for sweeps in (0, 2, 5, 25):
        values.append(error(descend(error, start, (-5.0, 6.0), sweeps)))
    assert values == sorted(values, reverse=True)
    assert values[0] == error(start)
    assert values[-1] < 0.05 * values[0]


def test_halves_are_the_same_events_apart() -> None:
    """One is as if it alone had been computed; together they are the whole."""
    options = {"noise": Noise(3), "shape": (4,), "dtype": torch.float64, "points": 12}
    whole = Calibration.of(MODES, events=10, **options)
    first, second = whole.halves()
    alone = Calibration.of(MODES, events=5, **options)
    torch.testing.assert_close(first.end, alone.end)
    assert torch.equal(torch.cat([first.end, second.end]), whole.end)
    sampler = UniPC(6)
    both = (first.distance(sampler) + second.distance(sampler)) / 2
    assert both == pytest.approx(whole.distance(sampler))


def test_of_two_grids_that_is_taken_which_unseen_events_favour(monkeypatch: Any) -> None:
    """The search may prefer the one that flatters the events it was fitted to."""
    known = Calibration.of(MODES, noise=Noise(1), events=24, shape=(4,), points=24, dtype=F64)
    held_out = known.halves()[1]
    ends: list[TunedGrid] = []

    def searched(error: Any, start: TunedGrid, *others: Any) -> TunedGrid:
        ends.append(descend(error, start, *others))
        return ends[-1]

    monkeypatch.setattr(tuning, "descend", searched)
    for steps in (4, 5, 6):
        ends.clear()
        chosen = tune(UniPC(steps, order=3), known)
        assert len(ends) == 2
        least = min(held_out.distance(UniPC(steps, order=3, grid=grid)) for grid in ends)
        assert held_out.distance(chosen) == least


def test_what_cannot_be_tuned_is_refused() -> None:
    known = Calibration.of(MIXTURE, noise=Noise(1), events=4, shape=(1,), points=8)
    for sampler in (EulerMaruyama(8), ProbabilityFlowRK45()):
        with pytest.raises(ValueError, match="no grid to tune"):
            tune(sampler, known)
    for steps, message in ((1, "give at least 2 steps"), (9, r"steps must be in \[2, 8\]")):
        with pytest.raises(ValueError, match=message):
            tune(DPMSolver(steps), known)
