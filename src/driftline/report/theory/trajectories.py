"""Picture: paths of the reverse SDE and of the probability flow over the densities they share."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture
from driftline.diffusion.grids import UniformTime
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import DPMSolver, EulerMaruyama, Sampler, sample
from driftline.diffusion.schedules import VP
from driftline.report.style import new_figure, style
from driftline.report.theory.plane import EXACT, FIRST, SECOND, shade
from driftline.report.theory.record import Course

GRID = UniformTime(1e-3)
SDE = EulerMaruyama(steps=500, grid=GRID)
FLOW = DPMSolver(steps=500, grid=GRID)
EVENTS = 2000
SHOWN = 8
REACH = 3.0


def data() -> GaussianMixture:
    """Three Gaussians on a line, of about unit variance."""
    return GaussianMixture(
        torch.tensor([0.35, 0.25, 0.4], dtype=torch.float64),
        torch.tensor([[-1.2], [0.1], [1.1]], dtype=torch.float64),
        torch.tensor([0.18, 0.12, 0.25], dtype=torch.float64),
    )


@dataclass(frozen=True)
class Trajectories:
    """The same starts led back in two ways.

    Attributes:
        denoiser: the exact model.
        times: (T,) falling from 1 to 0.
        sde: (T, N) paths of the reverse SDE.
        flow: (T, N) paths of the probability flow.
    """

    denoiser: AnalyticDenoiser
    times: Tensor
    sde: Tensor
    flow: Tensor

    def density(self, x: Tensor, t: Tensor) -> Tensor:
        """p_t(x) at every x (X,) for every time (T,), (X, T)."""
        where = x.repeat_interleave(len(t))[:, None]
        log_density = self.denoiser.log_density(where, t.repeat(len(x)))
        return log_density.exp().reshape(len(x), len(t))


def trajectories(seed: int) -> Trajectories:
    """Run both with the exact score from the same noise."""
    denoiser = AnalyticDenoiser(data(), VP())
    sde, flow = (_course(denoiser, sampler, seed) for sampler in (SDE, FLOW))
    return Trajectories(denoiser, sde.times, sde.paths[..., 0], flow.paths[..., 0])


def _course(denoiser: AnalyticDenoiser, sampler: Sampler, seed: int) -> Course:
    course = Course()
    sample(
        denoiser,
        sampler,
        noise=Noise(seed),
        events=EVENTS,
        shape=(1,),
        dtype=torch.float64,
        record=course,
    )
    return course


def trajectories_figure(found: Trajectories) -> Figure:
    """Noise at the left, data at the right, paths over p_t(x) between them; a row each."""
    with style():
        figure = new_figure(9.0, 5.4)
        grid = figure.subplots(2, 3, sharey=True, width_ratios=[1, 6, 1])
        rows = (
            ("Reverse SDE: jagged", found.sde, SECOND),
            ("Probability flow: smooth, never crossing", found.flow, FIRST),
        )
        for (left, middle, right), (name, paths, colour) in zip(grid, rows, strict=True):
            _draw_edge(left, found, paths[0], 1.0, colour)
            _draw_edge(right, found, paths[-1], 0.0, colour)
            left.invert_xaxis()
            _draw_paths(middle, found, paths, colour)
            middle.set_title(name, loc="left")
            left.set_ylabel("$x$", loc="center")
        grid[0][0].set_title("noise")
        grid[0][2].set_title("data")
        grid[0][1].tick_params(labelbottom=False)
        grid[1][1].set_xlabel("time $t$", loc="center")
    return figure


def _draw_paths(axes: Axes, found: Trajectories, paths: Tensor, colour: str) -> None:
    x = torch.linspace(-REACH, REACH, 241, dtype=torch.float64)
    t = torch.linspace(1.0, 0.0, 201, dtype=torch.float64)
    shade(axes, t.numpy(), x.numpy(), found.density(x, t).clamp(max=0.9).numpy())
    # Starts spread evenly over the quantiles of the noise.
    order = found.sde[0].argsort()
    shown = order[torch.linspace(0.02, 0.98, SHOWN).mul(len(order)).long()]
    axes.plot(found.times, paths[:, shown], color=colour, lw=1.0)
    axes.set_xlim(1, 0)
    axes.set_ylim(-REACH, REACH)
    axes.minorticks_off()


def _draw_edge(axes: Axes, found: Trajectories, x: Tensor, t: float, colour: str) -> None:
    edges = np.linspace(-REACH, REACH, 49).tolist()
    axes.hist(
        x.numpy(), edges, density=True, orientation="horizontal", color=colour, alpha=0.45, lw=0
    )
    at = torch.linspace(-REACH, REACH, 301, dtype=torch.float64)
    axes.plot(found.density(at, torch.tensor([t], dtype=torch.float64))[:, 0], at, color=EXACT)
    axes.set_xlim(left=0)
    axes.set_xticks([])
    axes.minorticks_off()
