"""Pictures of jets: single ones in the (eta, phi) plane, and the average of many."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle
from numpy.typing import NDArray

from driftline.data.clouds import Jets
from driftline.metrics.substructure import RADIUS
from driftline.report.style import CLASS_COLOURS, class_name, new_figure, style

PIXELS = 41

Array = NDArray[np.float64]


def draw_jet(axes: Axes, particles: NDArray[np.floating], colour: str) -> None:
    """One jet's particles (P, 3) in the (etarel, phirel) plane: the area is proportional to pT."""
    real = particles[particles[:, 2] > 0].astype(np.float64)
    axes.add_patch(Circle((0, 0), RADIUS, fill=False, ls=(0, (4, 3)), lw=0.8, ec="0.65"))
    axes.scatter(
        real[:, 0],
        real[:, 1],
        s=900 * real[:, 2] + 1.5,
        color=colour,
        alpha=0.55,
        edgecolors="white",
        linewidths=0.4,
    )
    _plane(axes)


def average_image(particles: NDArray[np.floating]) -> Array:
    """(PIXELS, PIXELS) mean ptrel a pixel, of jets that are turned so that their axes agree.

    Each jet is rotated about its axis until the direction in which its pT spreads most is vertical,
    and its harder half up; then it is mirrored so that more pT is on the right. The two prongs of a
    W or Z are then visible in the average.

    Args:
        particles: (N, P, 3), padding zero.
    """
    eta, phi, pt = np.moveaxis(particles.astype(np.float64), 2, 0)
    xx, yy, xy = ((pt * a * b).sum(axis=1) for a, b in ((eta, eta), (phi, phi), (eta, phi)))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)  # of the principal axis
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    up, right = cos * eta + sin * phi, -sin * eta + cos * phi
    up = up * _sign_of_harder_side(up, pt)
    right = right * _sign_of_harder_side(right, pt)
    edges = np.linspace(-RADIUS, RADIUS, PIXELS + 1)
    image, _, _ = np.histogram2d(up.ravel(), right.ravel(), bins=(edges, edges), weights=pt.ravel())
    return image / len(particles)


def average_images(generated: Jets, reference: Jets, jet_type: str) -> list[Array]:
    """Average of the simulated, then of as many generated jets of a class."""
    samples = [jets.of_type(jet_type).particles for jets in (reference, generated)]
    count = min(map(len, samples))
    return [average_image(particles[:count]) for particles in samples]


def _sign_of_harder_side(x: Array, pt: Array) -> Array:
    """(N, 1) +1 or -1, so that times ``x`` more pT lies at positive x."""
    return np.where((pt * np.sign(x)).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)


def draw_image(axes: Axes, image: Array, norm: LogNorm) -> AxesImage:
    """An average image on a logarithmic scale of colour."""
    drawn = axes.imshow(
        np.where(image > 0, image, np.nan),
        origin="lower",
        extent=(-RADIUS, RADIUS, -RADIUS, RADIUS),
        norm=norm,
        cmap="magma",
        interpolation="nearest",
    )
    axes.set_facecolor("black")
    _plane(axes)
    return drawn


def image_norm(images: Sequence[Array]) -> LogNorm:
    """A scale of four decades below the brightest pixel."""
    brightest = max(float(image.max()) for image in images)
    return LogNorm(brightest * 1e-4, brightest)


def _plane(axes: Axes) -> None:
    axes.set_xlim(-RADIUS * 1.04, RADIUS * 1.04)
    axes.set_ylim(-RADIUS * 1.04, RADIUS * 1.04)
    axes.set_aspect("equal")
    axes.set_xticks([-0.3, 0, 0.3])
    axes.set_yticks([-0.3, 0, 0.3])
    axes.minorticks_off()


def displays_figure(
    generated: Jets, reference: Jets, types: Sequence[str], jets: int = 3
) -> Figure:
    """Single jets of each class, simulated in the left half, generated in the right."""
    with style():
        figure = new_figure(2.0 * 2 * jets + 1.0, 2.0 * len(types) + 0.8)
        gap = [0.1]
        grid = figure.subplots(
            len(types),
            2 * jets + 1,
            sharex=True,
            sharey=True,
            squeeze=False,
            width_ratios=[1] * jets + gap + [1] * jets,
        )
        for row, jet_type in zip(grid, types, strict=True):
            row[jets].set_visible(False)
            for side, sample in ((row[:jets], reference), (row[jets + 1 :], generated)):
                chosen = sample.of_type(jet_type)[:jets]
                for axes, particles in zip(side, chosen.particles, strict=False):
                    draw_jet(axes, particles, CLASS_COLOURS.get(jet_type, "0.3"))
            row[0].set_ylabel(f"{class_name(jet_type)}\n$\\phi^{{rel}}$")
        for axes in grid[-1]:
            axes.set_xlabel(r"$\eta^{rel}$", loc="center")
        for start, name in ((0, "Simulated"), (jets + 1, "Generated")):
            grid[0][start].set_title(name, loc="left", fontweight="bold")
    return figure


def images_figure(generated: Jets, reference: Jets, types: Sequence[str]) -> Figure:
    """Average jets of each class: simulated above, generated below."""
    pairs = [average_images(generated, reference, t) for t in types]
    norm = image_norm([image for pair in pairs for image in pair])
    with style():
        figure = new_figure(2.2 * len(types) + 1.4, 5.0)
        grid = figure.subplots(2, len(types), sharex=True, sharey=True, squeeze=False)
        for column, pair in enumerate(pairs):
            for row, image in enumerate(pair):
                drawn = draw_image(grid[row][column], image, norm)
            grid[0][column].set_title(class_name(types[column]))
            grid[1][column].set_xlabel("across the jet", loc="center")
        for row, name in zip(grid, ("Simulated", "Generated"), strict=True):
            row[0].set_ylabel(f"$\\bf{{{name}}}$\nalong the jet's spread", loc="center")
        figure.colorbar(drawn, ax=grid, label=r"mean $p_T^{rel}$ a pixel", pad=0.01)
    return figure
