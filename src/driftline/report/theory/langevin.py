"""Picture: following the score ends at the modes; with noise added, at samples."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, FullMixture
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Langevin, Plan, Sampler, sample
from driftline.diffusion.samplers.plan import LinearStep
from driftline.diffusion.schedules import Schedule
from driftline.report.style import new_figure, style
from driftline.report.theory.plane import (
    EXACT,
    FIRST,
    SCHEDULE,
    SECOND,
    Plane,
    clean,
    draw_density,
    joined,
    time_of,
)
from driftline.report.theory.record import Course

LANGEVIN = Langevin(steps=600, snr=0.5, noise=0.2, start=1.6)
EVENTS = 1500
SHOWN = 12, 3
"""Events whose path is drawn, without and with noise."""


@dataclass(frozen=True)
class GradientAscent:
    """Langevin dynamics with the noise left out: uphill on ln p_t.

    Attributes:
        langevin: gives the level, the start and the sizes of the steps.
    """

    langevin: Langevin

    deterministic: ClassVar[bool] = True
    eventwise: ClassVar[bool] = True

    @property
    def label(self) -> str:
        return f"gradient ascent, {self.langevin.steps} steps"

    def plan(self, schedule: Schedule) -> Plan:
        plan = self.langevin.plan(schedule)
        steps = tuple(replace(step, c=0.0) for step in plan if isinstance(step, LinearStep))
        return replace(plan, steps=steps)


@dataclass(frozen=True)
class NoiseOrNone:
    """The same starts led by the score, without and with noise.

    Attributes:
        plane: a grid of G x G points.
        density: (G, G), p_t there.
        denoiser: the exact model.
        t: the time of the noise level.
        ascent: (T, N, 2) paths without noise.
        langevin: (T, N, 2) paths with it.
    """

    plane: Plane
    density: NDArray[np.float64]
    denoiser: AnalyticDenoiser
    t: float
    ascent: Tensor
    langevin: Tensor

    @property
    def marginal(self) -> FullMixture:
        """What the first coordinate should be distributed as: the mixture with the noise, 1-D."""
        mixture, noise = joined(), LANGEVIN.noise
        return FullMixture(
            mixture.weights, mixture.means[:, :1], mixture.covariances[:, :1, :1] + noise**2
        )


def noise_or_none(seed: int) -> NoiseOrNone:
    """Run both on one score from the same starts."""
    denoiser, plane, t = AnalyticDenoiser(joined(), SCHEDULE), Plane(2.6), time_of(LANGEVIN.noise)
    runs = [_paths(denoiser, sampler, seed) for sampler in (GradientAscent(LANGEVIN), LANGEVIN)]
    return NoiseOrNone(plane, plane.density(denoiser, t), denoiser, t, *runs)


def _paths(denoiser: AnalyticDenoiser, sampler: Sampler, seed: int) -> Tensor:
    """(T, N, 2), up to the level itself: the clean estimate that follows is no part of it."""
    course = Course()
    sample(
        denoiser,
        sampler,
        noise=Noise(seed),
        events=EVENTS,
        shape=(2,),
        dtype=torch.float64,
        record=course,
    )
    return course.paths[:-1]


def langevin_figure(found: NoiseOrNone) -> Figure:
    """Paths and ends without noise, with noise, and both beside the exact marginal density."""
    with style():
        figure = new_figure(9.6, 3.6)
        left, middle, right = figure.subplots(1, 3)
        _draw_paths(left, found, found.ascent, SHOWN[0], SECOND, size=50)
        _draw_paths(middle, found, found.langevin, SHOWN[1], FIRST, size=5)
        left.set_title("Score alone: to the modes", loc="left")
        middle.set_title("Score and noise: samples", loc="left")
        left.set_ylabel("$x_2$", loc="center")
        _draw_marginal(right, found)
    return figure


def _draw_paths(
    axes: Axes, found: NoiseOrNone, paths: Tensor, count: int, colour: str, size: float
) -> None:
    draw_density(axes, found.plane, found.density)
    axes.scatter(
        paths[-1][:, 0],
        paths[-1][:, 1],
        s=size,
        color=colour,
        alpha=0.6,
        lw=0,
        zorder=2.5,
        rasterized=True,
    )
    # Starts within the frame, and the beginning of each path.
    inside = (paths[0].abs() < found.plane.reach).all(1)
    shown = paths[:100, inside][:, :count].numpy()
    axes.plot(shown[..., 0], shown[..., 1], color=EXACT, lw=0.8)
    axes.plot(*shown[0].T, "o", ms=4, color="white", mec=EXACT, mew=0.9)
    clean(axes, found.plane.reach)
    axes.set_xlabel("$x_1$", loc="center")


def _draw_marginal(axes: Axes, found: NoiseOrNone) -> None:
    edges = np.linspace(-2.6, 2.6, 53).tolist()
    x = torch.linspace(-2.6, 2.6, 400, dtype=torch.float64)[:, None]
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    exact = found.marginal.log_density(x, one, zero).exp()
    for paths, colour, name in (
        (found.ascent, SECOND, "no noise"),
        (found.langevin, FIRST, "noise"),
    ):
        ends = paths[-1][:, 0].numpy()
        axes.hist(ends, edges, density=True, color=colour, alpha=0.55, label=name)
    axes.plot(x[:, 0], exact, color=EXACT, label="exact")
    axes.set_xlim(-2.6, 2.6)
    axes.set_ylim(0, 1.5)
    axes.set_box_aspect(1)
    axes.set_title("Where they end", loc="left")
    axes.set_xlabel("$x_1$", loc="center")
    axes.set_ylabel("density", loc="center")
    axes.legend(loc="upper right", handlelength=0.9, handletextpad=0.5, borderaxespad=0.2)
    axes.minorticks_off()
