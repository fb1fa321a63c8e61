"""Picture: two distributions in the plane, from data to noise and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture, two_moons
from driftline.diffusion.grids import UniformTime
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import EulerMaruyama, sample
from driftline.diffusion.schedules import VP
from driftline.report.style import new_figure, style
from driftline.report.theory.plane import FIRST, SECOND
from driftline.report.theory.record import Course, diffuse

TIMES = (0.0, 0.05, 0.12, 0.25, 0.45, 1.0)
SAMPLER = EulerMaruyama(steps=300, grid=UniformTime(1e-3))
EVENTS = 1000
SHOWN = 300
_FORWARD, _REVERSE = 0, 1
"""Streams of noise."""


@dataclass(frozen=True)
class ThereAndBack:
    """One distribution on its way to noise, and back from other noise.

    Attributes:
        name: the distribution's.
        mixture: the distribution.
        times: (T,) rising.
        forward: (T, N, 2) events that start as data.
        reverse: (T, N, 2) events that start as noise, in the same order of times.
    """

    name: str
    mixture: GaussianMixture
    times: tuple[float, ...]
    forward: Tensor
    reverse: Tensor

    def halves(self, x: Tensor) -> Tensor:
        """(N,) bool: whether clean events (N, 2) belong to the later half of the components."""
        one = torch.ones(1, 1, dtype=x.dtype)
        component = self.mixture.log_responsibilities(x, one, 1e-3 * one).argmax(1)
        return component >= len(self.mixture.weights) // 2


def modes() -> GaussianMixture:
    """Two Gaussians in the plane, of unequal weights, mean zero and about unit variance."""
    return GaussianMixture(
        torch.tensor([0.4, 0.6], dtype=torch.float64),
        torch.tensor([[-1.2, -0.9], [0.8, 0.6]], dtype=torch.float64),
        torch.tensor([0.3, 0.3], dtype=torch.float64),
    )


def moons() -> GaussianMixture:
    """Two interleaved half circles, mean zero and about unit scale."""
    drawn = two_moons(width=0.12, kernels=48)
    centre = torch.tensor([0.5, 0.25], dtype=torch.float64)
    return GaussianMixture(drawn.weights, 1.2 * (drawn.means - centre), 1.2 * drawn.stds)


def there_and_back(seed: int) -> list[ThereAndBack]:
    """Both distributions: perturbed step by step, and by the reverse SDE with the exact score."""
    return [_one("two Gaussians", modes(), seed), _one("two moons", moons(), seed)]


def _one(name: str, mixture: GaussianMixture, seed: int) -> ThereAndBack:
    course, schedule = Course(), VP()
    sample(
        AnalyticDenoiser(mixture, schedule),
        SAMPLER,
        noise=Noise(seed, _REVERSE),
        events=EVENTS,
        shape=(2,),
        dtype=torch.float64,
        record=course,
    )
    times, reverse = course.near(TIMES)
    x0 = mixture.sample(EVENTS, torch.Generator().manual_seed(seed))
    forward = diffuse(schedule, x0, times, Noise(seed, _FORWARD))
    return ThereAndBack(name, mixture, times, forward, reverse)


def diffusion_figure(found: Sequence[ThereAndBack]) -> Figure:
    """Two rows a distribution, to noise and back; a column a time."""
    with style():
        figure = new_figure(1.45 * len(TIMES) + 0.7, 1.45 * 2 * len(found) + 0.5)
        grid = figure.subplots(2 * len(found), len(TIMES), sharex=True, sharey=True)
        for k, one in enumerate(found):
            for row, states, clean, way in (
                (grid[2 * k], one.forward, one.forward[0], r"forward $\rightarrow$"),
                (grid[2 * k + 1], one.reverse, one.reverse[0], r"$\leftarrow$ reverse"),
            ):
                later = one.halves(clean)[:SHOWN].tolist()
                colours = [SECOND if is_later else FIRST for is_later in later]
                for axes, x in zip(row, states, strict=True):
                    _draw_events(axes, x[:SHOWN], colours)
                row[0].set_ylabel(f"{one.name}\n{way}", loc="center")
        for axes, t in zip(grid[0], found[0].times, strict=True):
            axes.set_title(f"$t$ = {t:.2f}")
    return figure


def _draw_events(axes: Axes, x: Tensor, colours: list[str]) -> None:
    axes.scatter(x[:, 0], x[:, 1], s=3.5, c=colours, alpha=0.7, lw=0, rasterized=True)
    axes.set_xlim(-3.2, 3.2)
    axes.set_ylim(-3.2, 3.2)
    axes.set_aspect("equal")
    axes.set_xticks([-2, 0, 2])
    axes.set_yticks([-2, 0, 2])
    axes.minorticks_off()
    axes.tick_params(length=2.5, labelsize=8)
