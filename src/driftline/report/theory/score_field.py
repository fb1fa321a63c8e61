"""Picture: the score of a mixture over its density, at three noise levels."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from driftline.diffusion.analytic import AnalyticDenoiser
from driftline.report.style import new_figure, style
from driftline.report.theory.plane import (
    EXACT,
    SCHEDULE,
    Plane,
    draw_density,
    draw_stream,
    joined,
    time_of,
)

NOISE = (0.1, 0.5, 1.5)
"""Standard deviations of the noise, in units of the axes."""


@dataclass(frozen=True)
class ScoreField:
    """The score on a grid of the plane.

    Attributes:
        noise: standard deviation of the noise.
        plane: the grid of G x G points.
        density: (G, G), p_t there.
        score: (G, G, 2), its score.
    """

    noise: float
    plane: Plane
    density: NDArray[np.float64]
    score: NDArray[np.float64]


def score_fields() -> list[ScoreField]:
    """The score of one mixture at three noise levels."""
    denoiser, plane = AnalyticDenoiser(joined(), SCHEDULE), Plane(2.6)
    times = [time_of(noise) for noise in NOISE]
    return [
        ScoreField(noise, plane, plane.density(denoiser, t), plane.score(denoiser, t))
        for noise, t in zip(NOISE, times, strict=True)
    ]


def score_field_figure(fields: list[ScoreField]) -> Figure:
    """A panel a noise level: density in colour, lines along the score."""
    with style():
        figure = new_figure(3.0 * len(fields) + 0.3, 3.6)
        for axes, field in zip(figure.subplots(1, len(fields), sharey=True), fields, strict=True):
            draw_density(axes, field.plane, field.density)
            draw_stream(axes, field.plane, field.score, EXACT)
            axes.set_title(rf"noise $\sigma$ = {field.noise:g}", loc="left")
            axes.set_xlabel("$x_1$", loc="center")
        figure.axes[0].set_ylabel("$x_2$", loc="center")
    return figure
