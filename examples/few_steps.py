"""The students of few evaluations beside their teachers and the simulation, in two figures.

python examples/few_steps.py [FOLDER [EVENTS]]

Writes few_steps_jets.png (EVENTS top jets of each model, 5,000 by default) and
few_steps_images.png (the first image of each class).
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm

import driftline
from driftline.data.shipped import read_reference
from driftline.generation import Priced
from driftline.metrics.jet_observables import JetSample
from driftline.report.histograms import Histogram, finish_axes
from driftline.report.images import CHARGE, draw_image
from driftline.report.overlays import MOST_RATIO_ERROR
from driftline.report.spectra import MASS, PARTICLE_PT, TAU21
from driftline.report.style import POINTS, class_name, new_figure, style

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
events = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
folder.mkdir(parents=True, exist_ok=True)


def label(model: str, made: Priced) -> str:
    """A model and what it took."""
    return f"{model}, {made.evaluations:g} evaluation{'s' * (made.evaluations > 1)}"


# Spectra of top jets: the simulation filled, each model as points; below, over the simulation.
truth = JetSample(read_reference(Path("jets30"), ["t"], count=10_000))
shown = (MASS, TAU21, PARTICLE_PT)
with style():
    figure = new_figure(12, 4.6)
    panels = figure.subplots(2, len(shown), height_ratios=[3, 1.3])
    edges = [spectrum.edges(spectrum.values(truth)[0], bins=25) for spectrum in shown]
    colours = {"jets30": "0.35", "jets30-fast": "#0072b2", "jets30-one": "#d55e00"}
    for place, (name, colour) in zip((0.3, 0.5, 0.7), colours.items(), strict=True):
        made = driftline.load(name).generate(events, "t", seed=1)
        sample = JetSample(made.jets)
        for (main, below), spectrum, bins in zip(panels.T, shown, edges, strict=True):
            found, points = Histogram.of(spectrum, sample, truth, bins), {**POINTS, "color": colour}
            share, centres = 1 / len(truth), bins[:-1] + place * np.diff(bins)
            if name == "jets30":
                main.stairs(
                    found.simulated * share, bins, fill=True, color="0.85", label="Simulated"
                )
            made_share, error = found.generated * share, found.generated_error * share
            main.errorbar(centres, made_share, error, label=label(name, made), **points)
            ratio, error = found.ratio_with_both_errors
            good = error < MOST_RATIO_ERROR
            below.errorbar(centres[good], ratio[good], error[good], **points)
    for (main, below), spectrum, bins in zip(panels.T, shown, edges, strict=True):
        below.axhline(1, color="0.3", lw=0.8)
        finish_axes(main, below, spectrum, bins)
    panels[0, 0].set_title("Top jets", loc="left")
    panels[0, 0].legend(loc="upper left")
    figure.savefig(folder / "few_steps_jets.png")

# Images: each row a model, each column a class; the three models begin with the same noise.
rows = {"Simulated": read_reference(Path("lartpc64"), None, count=1)}
for name in ("lartpc64", "lartpc64-fast", "lartpc64-one"):
    made = driftline.load(name).generate(6, ["e-", "gamma", "mu-", "pi+", "pi-", "p"], seed=1)
    rows[label(name, made).replace(", ", "\n")] = made.images
types = next(reversed(rows.values())).present
with style():
    figure = new_figure(1.7 * len(types) + 0.6, 1.75 * len(rows))
    grid = figure.subplots(len(rows), len(types))
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        line[0].set_ylabel(name, loc="center", fontsize=9.5)
        for axes, particle in zip(line, types, strict=True):
            drawn = draw_image(axes, images.of_type(particle).pixels[0, 0], LogNorm(*CHARGE))
    for axes, particle in zip(grid[0], types, strict=True):
        axes.set_title(class_name(particle))
    figure.colorbar(drawn, ax=grid, label="Charge a pixel [MeV]", pad=0.01, extend="max")
    figure.savefig(folder / "few_steps_images.png")
