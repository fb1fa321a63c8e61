"""Picture: a score learned by score matching is right where the data are, and only there."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.objectives import DenoisingScoreMatching
from driftline.networks import build
from driftline.report.style import new_figure, style
from driftline.report.theory.plane import (
    EXACT,
    FIRST,
    SCHEDULE,
    SECOND,
    Plane,
    apart,
    clean,
    draw_contours,
    draw_stream,
    time_of,
)

NOISE = 0.2
"""The one noise level that the network is trained at."""

EVENTS, STEPS, BATCH = 2000, 800, 256

DECADES = np.arange(-9.0, 1.0)
"""Edges of the bins in log10 of density over its maximum."""


@dataclass(frozen=True)
class LearnedScore:
    """True and learned score on a grid of the plane.

    Attributes:
        plane: the grid of G x G points.
        density: (G, G), p_t there.
        true: (G, G, 2), the exact score.
        learned: (G, G, 2), the network's.
        data: (N, 2) what it was trained on.
    """

    plane: Plane
    density: NDArray[np.float64]
    true: NDArray[np.float64]
    learned: NDArray[np.float64]
    data: Tensor

    @property
    def error(self) -> NDArray[np.float64]:
        """(G, G) length of the difference, times the noise: 1 is an error of one unit of noise."""
        return np.linalg.norm(self.learned - self.true, axis=-1) * NOISE

    @property
    def log_density(self) -> NDArray[np.float64]:
        """(G, G) log10 of the density over its maximum."""
        return np.log10(self.density / self.density.max())

    def error_by_density(self, quantile: float = 0.5) -> NDArray[np.float64]:
        """A quantile of the error over the points in each of the ``DECADES`` of density."""
        decade = np.digitize(self.log_density, DECADES) - 1
        bins = range(len(DECADES) - 1)
        return np.array([np.quantile(self.error[decade == k], quantile) for k in bins])


def learned_score(seed: int) -> LearnedScore:
    """Train a small network on draws of a mixture and compare its score with the exact one."""
    mixture, plane, t = apart(), Plane(2.8, 81), time_of(NOISE)
    data = mixture.sample(EVENTS, torch.Generator().manual_seed(seed))
    model, exact = train(data.float(), t, seed), AnalyticDenoiser(mixture, SCHEDULE)
    points = plane.points.float()
    with torch.no_grad():
        learned = model.score(points, torch.full((len(points),), t))
    return LearnedScore(
        plane, plane.density(exact, t), plane.score(exact, t), plane.table(learned), data
    )


def train(data: Tensor, t: float, seed: int) -> Denoiser:
    """A small, smooth network trained by denoising score matching at one time on data (N, 2)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build("resnet", features=2, hidden=64, layers=2)
    model, objective = Denoiser(network, SCHEDULE), DenoisingScoreMatching()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    draw = torch.Generator().manual_seed(seed)
    times = torch.full((BATCH,), t)
    for _ in range(STEPS):
        x0 = data[torch.randint(len(data), (BATCH,), generator=draw)]
        noise = torch.randn(x0.shape, generator=draw)
        loss = objective(model, x0, times, noise).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def learned_score_figure(found: LearnedScore) -> Figure:
    """True score, learned score, map of the error, and the error against the density."""
    with style():
        figure = new_figure(12.4, 3.3)
        grid = figure.subplots(1, 4)
        for axes, field, colour, name in (
            (grid[0], found.true, EXACT, "True score"),
            (grid[1], found.learned, FIRST, "Learned score"),
        ):
            axes.scatter(*found.data[:600].T, s=2, color="0.72", lw=0, rasterized=True)
            draw_stream(axes, found.plane, field, colour)
            axes.set_title(name, loc="left")
        _draw_error(figure, grid[2], found)
        _draw_error_by_density(grid[3], found)
        for axes in grid[:3]:
            axes.set_xlabel("$x_1$", loc="center")
        grid[0].set_ylabel("$x_2$", loc="center")
    return figure


def _draw_error(figure: Figure, axes: Axes, found: LearnedScore) -> None:
    levels = np.geomspace(0.01, 3, 19)
    drawn = axes.contourf(
        found.plane.axis,
        found.plane.axis,
        found.error,
        levels,
        norm=LogNorm(levels[0], levels[-1]),
        cmap="cividis",
        extend="both",
    )
    draw_contours(axes, found.plane, found.density, "white")
    axes.set_title("Error", loc="left")
    clean(axes, found.plane.reach)
    beside = axes.inset_axes((1.04, 0.0, 0.06, 1.0))
    bar = figure.colorbar(drawn, cax=beside, ticks=[0.01, 0.1, 1])
    bar.ax.set_yticklabels(["0.01", "0.1", "1"])
    bar.ax.minorticks_off()


def _draw_error_by_density(axes: Axes, found: LearnedScore) -> None:
    middle = 10 ** ((DECADES[:-1] + DECADES[1:]) / 2)
    low, median, high = (found.error_by_density(q) for q in (0.16, 0.5, 0.84))
    axes.fill_between(middle, low, high, color=SECOND, alpha=0.25, lw=0, label="68% of points")
    axes.plot(middle, median, "o-", color=SECOND, label="median")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(r"density / maximum", loc="center")
    axes.set_ylabel(r"error, $\sigma$ |learned $-$ true|", loc="center")
    axes.set_title("Wrong where data are rare", loc="left")
    axes.legend(loc="lower left")
    axes.set_box_aspect(1)
