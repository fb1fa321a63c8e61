r"""A grid tuned to one model and one sampler, from a small calibration batch.

First, dynamic programming over the points of a fine trajectory (after Chen et al., 2405.11326): the
cost of a step from point i to point j is its error against the trajectory, where the sampler would
be if it stood on it, and the path of K steps of the least total cost is the start. Then coordinate
descent on what matters, the distance of the sampler's endpoints from those of the fine solution.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.grids import Grid, Karras, TunedGrid, UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.objectives import masked_mean
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.loop import sample
from driftline.diffusion.samplers.plan import Level, Sampler
from driftline.diffusion.samplers.unipc import UniPC

DIGITS = 4
"""Decimals of the levels: the grid is text in a model's card."""


def tune_grid(
    denoiser: CleanEstimate,
    sampler: Sampler,
    *,
    noise: Noise,
    events: int,
    shape: tuple[int, ...],
    condition: Tensor | None = None,
    mask: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    points: int = 64,
    noise_end: float = 2e-3,
    sweeps: int = 6,
) -> TunedGrid:
    """Find the grid of a sampler's steps for one model.

    The calibration takes about 2 x points + 2 x sweeps x steps^2 network calls of one batch. The
    grid is never worse on the calibration batch than uniform log-SNR, Karras' and the result of the
    dynamic programming.

    Args:
        denoiser: the model.
        sampler: a deterministic sampler with ``steps`` and ``grid``.
        noise: of the calibration events; take another seed for the events that judge the grid.
        events: calibration events, one batch; 64 to 512 is enough.
        shape: of one event.
        condition: (N, C) or None.
        mask: (N, P) or None.
        dtype: of the state.
        device: where to compute.
        points: of the fine trajectory.
        noise_end: sigma/alpha of the last of them.
        sweeps: passes over the levels; the moves shrink from pass to pass.

    Raises:
        ValueError: the sampler is random or has no grid, or steps is not in [2, points].
    """
    settings: Any = sampler
    require(
        sampler.deterministic and hasattr(sampler, "grid") and hasattr(sampler, "steps"),
        f"{sampler.label} has no grid to tune: take a deterministic sampler with steps and a grid",
    )
    steps = settings.steps
    require(2 <= steps <= points, f"steps must be in [2, {points}] to be tuned, got {steps}")
    condition = None if condition is None else condition.to(device, dtype)
    mask = None if mask is None else mask.to(device)
    trajectory: list[tuple[Level, Tensor]] = []

    def run(solver: Sampler, **options: Any) -> Tensor:
        return sample(
            denoiser,
            solver,
            noise=noise,
            events=events,
            shape=shape,
            condition=condition,
            mask=mask,
            batch=events,
            dtype=dtype,
            device=device,
            **options,
        ).x

    fine = UniPC(points, grid=UniformLogSNR(noise_end))
    target = run(fine, record=lambda level, x: trajectory.append((level, x)))

    def error(grid: Grid) -> float:
        # Not squared: the few events that change mode would decide alone.
        result = run(replace(settings, grid=grid))
        distance = masked_mean((result - target).square(), mask).sqrt()
        return float(distance.double().mean())

    def log_snr(grid: Grid) -> TunedGrid:
        times = grid.times(steps, denoiser.schedule)
        return rounded(denoiser.schedule.log_snr(times)[1:].tolist())

    with torch.no_grad():
        estimates = [
            denoiser(x, torch.full((len(x),), level.t).to(x), condition, mask)
            for level, x in trajectory[:-1]
        ]
    chosen = cheapest_path(step_costs(trajectory, estimates, mask), steps)
    candidates = [
        rounded([-math.log(trajectory[i][0].s) for i in chosen[1:]]),
        log_snr(UniformLogSNR(noise_end)),
        log_snr(UniformLogSNR()),
        log_snr(Karras(noise_end=noise_end)),
    ]
    first, last = trajectory[0][0], trajectory[-2][0]
    ends = -math.log(first.s), -math.log(last.s)
    return descend(error, min(candidates, key=error), ends, sweeps)


def rounded(log_snr: Sequence[float]) -> TunedGrid:
    """The grid of these levels as text can hold it."""
    return TunedGrid(tuple(round(value, DIGITS) for value in log_snr))


def step_costs(
    trajectory: list[tuple[Level, Tensor]], estimates: list[Tensor], mask: Tensor | None
) -> NDArray[np.float64]:
    r"""Error of one first-order step from point i to point j > i of a trajectory, (M + 1, M + 1).

    The step is exact for a constant estimate, :math:`\hat x' = r \hat x + (1 - r) D`. Errors are in
    units of the scale of noisy events at j, :math:`\sqrt{1 + s^2}`, because the flow shrinks the
    errors made in the noise by about that. The last point is the clean end, s = 0.

    Args:
        trajectory: M + 1 levels and events x = alpha x_hat (B, ...).
        estimates: clean estimates (B, ...) at the first M.
        mask: (B, P) or None.
    """
    count = len(trajectory)
    costs = np.full((count, count), np.inf)
    hats = [x / level.alpha for level, x in trajectory]
    for i, (here, _) in enumerate(trajectory[:-1]):
        for j in range(i + 1, count):
            there = trajectory[j][0]
            r = there.s / here.s
            miss = r * hats[i] + (1 - r) * estimates[i] - hats[j]
            distance = masked_mean(miss.square(), mask).sqrt().double().mean()
            costs[i, j] = float(distance) / math.sqrt(1 + there.s**2)
    return costs


def cheapest_path(costs: NDArray[np.float64], steps: int) -> list[int]:
    """Indices of the first ``steps`` points of the cheapest path of that many steps to the end."""
    count = len(costs)
    best = np.full(count, np.inf)
    best[0] = 0.0
    origins = []
    for _ in range(steps):
        total = best[:, None] + costs
        origins.append(total.argmin(0))
        best = total.min(0)
    path = [count - 1]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return path[:0:-1]


def descend(
    error: Callable[[TunedGrid], float], start: TunedGrid, ends: tuple[float, float], sweeps: int
) -> TunedGrid:
    """Coordinate descent: every level moves toward its neighbours where that lowers the error.

    Args:
        error: what to minimise.
        start: the first grid.
        ends: log-SNR that the levels stay between, the first exclusive.
        sweeps: passes; the moves go from 0.4 of a gap down by a third each pass.
    """
    grid, least = start, error(start)
    for sweep in range(sweeps):
        share = 0.4 * (2 / 3) ** sweep
        for k in range(len(grid.levels)):
            for side in (-1, 1):
                trial = moved(grid, k, side, share, ends)
                value = error(trial)
                if value < least:
                    grid, least = trial, value
                    break
    return grid


def moved(grid: TunedGrid, k: int, side: int, share: float, ends: tuple[float, float]) -> TunedGrid:
    """The grid with level k moved by a share of the gap to its neighbour on one side."""
    around = [ends[0], *grid.levels, ends[1]]
    levels = list(grid.levels)
    levels[k] += share * (around[k + 1 + side] - levels[k])
    return rounded(levels)
