"""What the pictures of the plane share: two mixtures, a grid of points, densities in colour."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, FullMixture, GaussianMixture
from driftline.diffusion.schedules import VE, Schedule

FIRST, SECOND, EXACT = "#0072b2", "#d55e00", "#4d4d4d"
"""Colours of two modes, and of what is known exactly."""

DENSITY = LinearSegmentedColormap.from_list("density", ["#ffffff", "#d3dfea", "#7fa6c6", "#3a6f9b"])
"""White where there is nothing."""

SCHEDULE = VE(sigma_min=0.01, sigma_max=5.0)
"""The signal stays as it is (alpha = 1), so that all noise levels share one pair of axes."""


def joined() -> FullMixture:
    """Two Gaussians in the plane between which events can wander."""
    return FullMixture(
        torch.tensor([0.6, 0.4], dtype=torch.float64),
        torch.tensor([[-0.85, -0.4], [0.85, 0.45]], dtype=torch.float64),
        torch.tensor(
            [[[0.25, 0.10], [0.10, 0.16]], [[0.14, -0.07], [-0.07, 0.25]]], dtype=torch.float64
        ),
    )


def apart() -> GaussianMixture:
    """Two Gaussians in the plane with almost nothing between them, of weights 0.2 and 0.8."""
    return GaussianMixture(
        torch.tensor([0.2, 0.8], dtype=torch.float64),
        torch.tensor([[-1.5, 0.0], [1.5, 0.0]], dtype=torch.float64),
        torch.tensor([0.35, 0.35], dtype=torch.float64),
    )


def time_of(noise: float, schedule: Schedule = SCHEDULE) -> float:
    """The time at which sigma/alpha has a value."""
    return float(schedule.time(torch.tensor(-math.log(noise), dtype=torch.float64)))


@dataclass(frozen=True)
class Plane:
    """A square grid of points about the origin.

    Attributes:
        reach: from -reach to reach in both coordinates.
        count: points along each.
    """

    reach: float
    count: int = 121

    @property
    def axis(self) -> NDArray[np.float64]:
        """The coordinates, (count,)."""
        return np.linspace(-self.reach, self.reach, self.count)

    @property
    def points(self) -> Tensor:
        """(count^2, 2) float64; the first coordinate changes fastest."""
        y, x = np.meshgrid(self.axis, self.axis, indexing="ij")
        return torch.from_numpy(np.stack([x.ravel(), y.ravel()], axis=1))

    def table(self, values: Tensor) -> NDArray[np.float64]:
        """Values (count^2, ...) at the points as an array (count, count, ...), rows along y."""
        return values.double().numpy().reshape(self.count, self.count, *values.shape[1:])

    def density(self, denoiser: AnalyticDenoiser, t: float) -> NDArray[np.float64]:
        """p_t at the points, (count, count)."""
        times = torch.full((self.count**2,), t, dtype=torch.float64)
        return self.table(denoiser.log_density(self.points, times).exp())

    def score(self, denoiser: AnalyticDenoiser, t: float) -> NDArray[np.float64]:
        """The exact score at the points, (count, count, 2)."""
        times = torch.full((self.count**2,), t, dtype=torch.float64)
        return self.table(denoiser.score(self.points, times))


def draw_density(axes: Axes, plane: Plane, density: NDArray[np.float64]) -> None:
    """The density in steps of colour, on clean axes."""
    shade(axes, plane.axis, plane.axis, density)
    clean(axes, plane.reach)


def shade(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], density: NDArray[np.float64]
) -> None:
    """A density (Y, X) in equal steps of its root, so that faint parts are seen too."""
    root = np.sqrt(density)
    axes.contourf(x, y, root, np.linspace(0, root.max(), 13), cmap=DENSITY)


def draw_contours(axes: Axes, plane: Plane, density: NDArray[np.float64], colour: str) -> None:
    """Lines at 1/2, 1/10, 1/100, ... of the highest density."""
    levels = density.max() * np.array([1e-4, 1e-3, 1e-2, 0.1, 0.5])
    axes.contour(plane.axis, plane.axis, density, levels, colors=colour, linewidths=0.7)


def draw_stream(axes: Axes, plane: Plane, field: NDArray[np.float64], colour: str) -> None:
    """Lines along a field (count, count, 2), with arrows."""
    axes.streamplot(
        plane.axis,
        plane.axis,
        field[..., 0],
        field[..., 1],
        color=colour,
        linewidth=0.7,
        arrowsize=0.75,
        density=1.0,
        broken_streamlines=True,
    )
    clean(axes, plane.reach)


def clean(axes: Axes, reach: float) -> None:
    """A square about the origin with three ticks a side."""
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    tick = math.floor(reach)
    axes.set_xticks([-tick, 0, tick])
    axes.set_yticks([-tick, 0, tick])
    axes.minorticks_off()
