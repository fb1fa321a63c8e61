"""Pixels completed, particles on real backgrounds, charges known: guidance in one figure.

python examples/guidance.py [PICTURE.png [BACKGROUND.hdf5]]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm

import driftline
from driftline.data.formats import image_file
from driftline.data.overlay import overlay
from driftline.data.shipped import read_reference
from driftline.image_guidance import KnownPixels, MeasuredImage
from driftline.observables.images import total_charge
from driftline.report.images import CHARGE, draw_image
from driftline.report.style import new_figure, style

COLUMNS = 5
picture = Path(sys.argv[1] if len(sys.argv) > 1 else "guidance.png")
frames = image_file.read(Path(sys.argv[2])) if len(sys.argv) > 2 else None
generator = driftline.load("lartpc64")
rows = []  # of name, images (rows, columns), titles

# A simulated muon without six columns, and three muons that have all its other pixels.
seen = read_reference(Path("lartpc64"), ["mu-"], count=1)
charge = seen.pixels[0, 0]
middle = int(np.average(np.arange(64), weights=charge.sum(axis=0)))
stripe = slice(middle - 3, middle + 3)
known = np.ones(seen.pixels.shape[1:], dtype=bool)
known[..., stripe] = False
completed = generator.generate(
    3,
    "mu-",
    momentum=seen.momentum[0],
    plane=seen.planes[0, 0],
    guidance=KnownPixels(seen.pixels[0], known),
    seed=1,
)
rows.append(
    (
        "Missing pixels",
        [charge, np.where(known[0], charge, 0), *completed.images.pixels[:, 0]],
        ["simulated", "6 columns missing", "completed, 1", "completed, 2", "completed, 3"],
    )
)

# Particles alone, the real frames of most charge, and both: charge adds.
if frames is not None:
    particles = generator.generate(COLUMNS, "e-", seed=2).images
    fullest = np.argsort(-frames.pixels.sum(axis=(1, 2, 3)))
    chosen = np.resize(fullest[:COLUMNS], COLUMNS)
    both = overlay(particles, frames, chosen)
    rows += [
        ("Generated", particles.pixels[:, 0], ["electron"] * COLUMNS),
        ("Background", frames.pixels[chosen, 0], [f"frame {i}" for i in chosen]),
        ("Sum", both.pixels[:, 0], [""] * COLUMNS),
    ]

# Without and with a known charge.
free = generator.generate(COLUMNS, "e-", seed=3).images
measured = generator.generate(
    COLUMNS, "e-", seed=3, guidance=MeasuredImage(total_charge, [150.0], error=0.2)
).images
for name, images in (("Unguided", free), ("150 MeV known", measured)):
    titles = [f"{total:.0f} MeV" for total in images.pixels.sum(axis=(1, 2, 3))]
    rows.append((name, images.pixels[:, 0], titles))

with style():
    figure = new_figure(1.7 * COLUMNS + 1.2, 1.9 * len(rows))
    grid = figure.subplots(len(rows), COLUMNS, squeeze=False)
    for line, (name, images, titles) in zip(grid, rows, strict=True):
        line[0].set_ylabel(name, loc="center")
        for axes, image, title in zip(line, images, titles, strict=True):
            drawn = draw_image(axes, image, LogNorm(*CHARGE))
            axes.set_title(title, loc="left", fontsize=9.5)
    for axes in grid[0, 1:]:
        edges = {"facecolor": "grey", "alpha": 0.45} if axes is grid[0, 1] else {"fill": False}
        axes.axvspan(stripe.start - 0.5, stripe.stop - 0.5, ec="white", lw=0.6, **edges)
    bar = {"pad": 0.01, "extend": "both", "aspect": 10 * len(rows)}
    figure.colorbar(drawn, ax=grid, label="Charge a pixel [MeV]", **bar)
    figure.savefig(picture)
print(f"{picture}: {len(rows)} rows")
