"""Tuned grids: the search against brute force, and endpoint errors on events it has not seen."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture
from driftline.diffusion.grids import Grid, Karras, TunedGrid, UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    RK4,
    DPMSolver,
    EulerMaruyama,
    ProbabilityFlowRK45,
    UniPC,
    describe,
    parse,
    tune_grid,
)
from driftline.diffusion.samplers.plan import levels
from driftline.diffusion.samplers.tuning import cheapest_path, descend, step_costs
from driftline.diffusion.schedules import VP
from oracles import MIXTURE, run

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
    tuned = tune_grid(
        MODES, kind(steps), noise=Noise(1), events=128, shape=(4,), dtype=torch.float64, points=40
    )
    assert len(tuned.levels) == steps - 1
    grids: list[Grid] = [UniformLogSNR(), UniformLogSNR(2e-3), Karras(), Karras(noise_end=2e-3)]
    others = [endpoint_error(kind(steps, grid=grid), fine) for grid in grids]
    sampler = kind(steps, grid=tuned)
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
    """Against runs of the sampler itself from the points of the trajectory."""
    grid = UniformLogSNR(1e-2)
    seen: list = []
    run(DPMSolver(6, grid=grid), 10, record=lambda level, x: seen.append((level, x)))
    times = [torch.full((10,), level.t, dtype=torch.float64) for level, _ in seen[:-1]]
    estimates = [MIXTURE(x, t) for (_, x), t in zip(seen, times, strict=False)]
    costs = step_costs(seen, estimates, None)
    assert np.isinf(costs[np.tril_indices(7)]).all()
    points = levels(VP(), grid.times(6, VP()))
    a, b = points[1], points[4]
    start, end = seen[1][1] / a.alpha, seen[4][1] / b.alpha
    slope = (start - estimates[1]) / a.s
    miss = (start + (b.s - a.s) * slope - end).abs().mean()
    assert costs[1, 4] == pytest.approx(float(miss) / (1 + b.s**2) ** 0.5)
    assert costs[5, 6] == pytest.approx(0, abs=1e-12)  # DPM-Solver ends with this very estimate


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


def test_what_cannot_be_tuned_is_refused() -> None:
    options = {"noise": Noise(1), "events": 4, "shape": (1,)}
    for sampler in (EulerMaruyama(8), ProbabilityFlowRK45()):
        with pytest.raises(ValueError, match="no grid to tune"):
            tune_grid(MIXTURE, sampler, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps must be in"):
        tune_grid(MIXTURE, DPMSolver(1), **options)  # type: ignore[arg-type]
