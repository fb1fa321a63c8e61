r"""A sampler tuned to one model, from a small calibration batch.

First, dynamic programming over the points of a fine trajectory (after Chen et al., 2405.11326): the
cost of a step from point i to point j is its error against the trajectory, where the sampler would
be if it stood on it, and the path of K steps of the least total cost is a start. From there, and
from the best of the usual grids, coordinate descent on what matters, the distance of the sampler's
endpoints from those of the fine solution. Weights, where the sampler has any to fit, are fitted
anew on every grid that is tried. The search sees one half of the events; of the two ends the one is
taken that is nearer on the other half, because what is least of many tries flatters itself.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.diffusion.grids import Grid, Karras, TunedGrid, UniformLogSNR
from driftline.diffusion.objectives import masked_mean
from driftline.diffusion.samplers.bespoke import Bespoke
from driftline.diffusion.samplers.calibration import Calibration
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.plan import CLEAN, Sampler

NOISE_ENDS = (2e-3, 5e-3, 2e-2, 5e-2, 0.1)
"""Noise-to-signal ratios at which the grids end that the search starts from."""

DIGITS = 4
"""Decimals of the levels: the grid is text in a model's card."""


def require_tunable(sampler: Sampler) -> None:
    """Refuse what has no grid to tune.

    Raises:
        ValueError: the sampler is random, has no grid, or one step.
    """
    require(
        sampler.deterministic and hasattr(sampler, "grid") and hasattr(sampler, "steps"),
        f"{sampler.label} has no grid to tune: take a deterministic sampler with steps and a grid",
    )
    settings: Any = sampler
    require(settings.steps >= 2, f"{sampler.label} has no grid to tune: give at least 2 steps")


def tune(sampler: Sampler, calibration: Calibration, *, sweeps: int = 6) -> Sampler:
    """A sampler on the grid that suits one model best, with weights fitted to it if it has any.

    The search takes about 4 x sweeps x steps^2 network calls of one batch, twice as many where
    weights are fitted. On the half of the events that it sees, the result is never worse than the
    start that it came from.

    Args:
        sampler: a deterministic sampler with ``steps`` and ``grid``.
        calibration: events of the model; judge the result with others.
        sweeps: passes over the levels; the moves shrink from pass to pass.

    Raises:
        ValueError: the sampler is random or has no grid, or steps is not in [2, points of the fine
            solution].
    """
    require_tunable(sampler)
    settings: Any = sampler
    steps, points = settings.steps, len(calibration.levels)
    require(2 <= steps <= points, f"steps must be in [2, {points}] to be tuned, got {steps}")

    seen, held_out = calibration.halves()

    def on(grid: Grid) -> Sampler:
        if isinstance(sampler, Bespoke):
            return sampler.fitted(grid, seen)
        placed: Sampler = replace(settings, grid=grid)
        return placed

    def error(grid: Grid) -> float:
        return seen.distance(on(grid))

    def log_snr(grid: Grid) -> TunedGrid:
        schedule = calibration.denoiser.schedule
        return rounded(schedule.log_snr(grid.times(steps, schedule))[1:].tolist())

    chosen = cheapest_path(step_costs(seen), steps)
    found = rounded([-math.log(calibration.levels[i].s) for i in chosen[1:]])
    usual = [UniformLogSNR(end) for end in NOISE_ENDS] + [Karras(noise_end=NOISE_ENDS[0])]
    starts = [found, min(map(log_snr, usual), key=error)]
    ends = [on(descend(error, start, calibration.span, sweeps)) for start in starts]
    return min(ends, key=held_out.distance)


def rounded(log_snr: Sequence[float]) -> TunedGrid:
    """The grid of these levels as text can hold it."""
    return TunedGrid(tuple(round(value, DIGITS) for value in log_snr))


def step_costs(calibration: Calibration) -> NDArray[np.float64]:
    r"""Error of one first-order step from point i to point j > i of the fine path, (M + 1, M + 1).

    The step is exact for a constant estimate, :math:`\hat x' = r \hat x + (1 - r) D`. Errors are in
    units of the scale of noisy events at j, :math:`\sqrt{1 + s^2}`, because the flow shrinks the
    errors made in the noise by about that. The last point is the clean end, s = 0.
    """
    path = [*zip(calibration.levels, calibration.x_hats, strict=True), (CLEAN, calibration.end)]
    costs = np.full((len(path), len(path)), np.inf)
    for i, estimate in enumerate(calibration.estimates):
        here, x_hat = path[i]
        for j in range(i + 1, len(path)):
            there, goal = path[j]
            r = there.s / here.s
            miss = r * x_hat + (1 - r) * estimate - goal
            distance = masked_mean(miss.square(), calibration.mask).sqrt().double().mean()
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
