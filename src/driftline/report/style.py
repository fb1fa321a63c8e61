"""How all figures look: mplhep's style of ROOT in a sans-serif face, colours for the colour-blind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import mplhep
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from driftline.output import replacing

CLASS_NAMES = {"g": "gluon", "q": "light quark", "t": "top quark", "w": "W boson", "z": "Z boson"}

CLASS_COLOURS = {
    "g": "#0072b2",
    "q": "#009e73",
    "t": "#d55e00",
    "w": "#7b3294",
    "z": "#b8860b",
}

GENERATED = "#0072b2"
SIMULATED = "#4d4d4d"
FLOOR = "#bdbdbd"

_STYLE: dict[str, Any] = {
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
    "mathtext.fontset": "custom",
    "mathtext.rm": "TeX Gyre Heros",
    "mathtext.it": "TeX Gyre Heros:italic",
    "mathtext.bf": "TeX Gyre Heros:bold",
    "mathtext.fallback": "stixsans",
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.title_fontsize": 9.5,
    "legend.handlelength": 1.5,
    "legend.labelspacing": 0.35,
    "axes.linewidth": 0.9,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "xtick.major.size": 5,
    "ytick.major.size": 5,
    "xtick.minor.size": 2.5,
    "ytick.minor.size": 2.5,
    "xtick.major.pad": 4,
    "ytick.major.pad": 4,
    "axes.unicode_minus": True,
    "pdf.fonttype": 42,
    "savefig.dpi": 150,
}


@contextmanager
def style() -> Iterator[None]:
    """Within it figures are made in the common style; nothing outside changes."""
    with matplotlib.rc_context({**mplhep.style.ROOT, **_STYLE}):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, that belongs to no global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write ``stem.png`` and ``stem.pdf``; returns their paths.

    Raises:
        InputError: they cannot be written.
    """
    paths = [stem.with_name(f"{stem.name}.{suffix}") for suffix in ("png", "pdf")]
    for path in paths:
        # Without the date equal figures are equal files.
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else None
        with replacing(path, force=True) as temporary, temporary.open("wb") as file:
            figure.savefig(file, format=path.suffix[1:], metadata=metadata)
    return paths


def title(axes: Axes, text: str) -> None:
    """A title above the left corner."""
    axes.set_title(text, loc="left", pad=6)
