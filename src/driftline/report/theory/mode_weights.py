"""Picture: plain Langevin dynamics gets the weights of separated modes wrong, annealed right."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import AnnealedLangevin, Langevin, sample
from driftline.report.style import new_figure, style
from driftline.report.theory.plane import (
    EXACT,
    FIRST,
    SCHEDULE,
    SECOND,
    Plane,
    apart,
    draw_density,
    time_of,
)

PLAIN = Langevin(steps=1200, snr=0.3, noise=0.1, start=1.5)
ANNEALED = AnnealedLangevin(levels=100, repeats=12, noise_end=0.05)
EVENTS = 1500
SHOWN = 700


@dataclass(frozen=True)
class Weighed:
    """Events and how many of them are in either mode.

    Attributes:
        name: how they were made.
        x: (N, 2).
    """

    name: str
    x: Tensor

    @property
    def weights(self) -> NDArray[np.float64]:
        """(2,) shares of the left and the right mode."""
        left = float((self.x[:, 0] < 0).double().mean())
        return np.array([left, 1 - left])

    @property
    def error(self) -> float:
        """Binomial standard error of a share."""
        return float(np.sqrt(self.weights.prod() / len(self.x)))


def mode_weights(seed: int) -> list[Weighed]:
    """Exact draws, plain Langevin from a broad start, annealed Langevin; equal numbers of steps."""
    mixture = apart()
    denoiser = AnalyticDenoiser(mixture, SCHEDULE)
    exact = mixture.sample(EVENTS, torch.Generator().manual_seed(seed))
    runs = [
        sample(
            denoiser,
            sampler,
            noise=Noise(seed),
            events=EVENTS,
            shape=(2,),
            dtype=torch.float64,
        ).x
        for sampler in (PLAIN, ANNEALED)
    ]
    names = "Data", "Plain Langevin", "Annealed Langevin"
    return [Weighed(name, x) for name, x in zip(names, [exact, *runs], strict=True)]


def mode_weights_figure(found: list[Weighed]) -> Figure:
    """A panel each: events over the density, and the shares of the modes as bars."""
    plane = Plane(2.9)
    density = plane.density(AnalyticDenoiser(apart(), SCHEDULE), time_of(0.02))
    with style():
        figure = new_figure(3.1 * len(found) + 0.3, 2.9)
        for axes, one in zip(figure.subplots(1, len(found), sharey=True), found, strict=True):
            draw_density(axes, plane, density)
            x = one.x[:SHOWN]
            colours = [FIRST if left else SECOND for left in (x[:, 0] < 0).tolist()]
            axes.scatter(x[:, 0], x[:, 1], s=4, c=colours, alpha=0.7, lw=0, rasterized=True)
            axes.set_ylim(-1.6, 2.6)
            axes.set_title(one.name, loc="left")
            axes.set_xlabel("$x_1$", loc="center")
            _draw_bars(axes.inset_axes((0.34, 0.71, 0.32, 0.27)), one)
        figure.axes[0].set_ylabel("$x_2$", loc="center")
    return figure


def _draw_bars(axes: Axes, one: Weighed) -> None:
    axes.bar([0, 1], one.weights, color=[FIRST, SECOND], width=0.7)
    axes.errorbar([0, 1], one.weights, yerr=2 * one.error, fmt="none", ecolor="black", lw=1)
    for k, weight in enumerate(apart().weights.tolist()):
        axes.plot([k - 0.45, k + 0.45], [weight, weight], color=EXACT, lw=1.3, ls="--")
    axes.set_ylim(0, 1)
    axes.set_xticks([0, 1], [f"{100 * weight:.0f}%" for weight in one.weights], fontsize=9)
    axes.tick_params(length=0, pad=2)
    axes.set_yticks([])
    axes.minorticks_off()
