"""How all figures look: mplhep's style of ROOT, and colours that the colour-blind tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import matplotlib
import mplhep
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from driftline.output import replacing

CLASS_NAMES = {
    **{"g": "gluon", "q": "light quark", "t": "top quark", "w": "W boson", "z": "Z boson"},
    **{"e-": "electron", "gamma": "photon", "mu-": "muon", "pi+": r"$\pi^+$", "pi-": r"$\pi^-$"},
    **{"p": "proton", "track": "tracks", "shower": "showers"},
}

CLASS_COLOURS = {
    "g": "#0072b2",
    "q": "#009e73",
    "t": "#d55e00",
    "w": "#7b3294",
    "z": "#b8860b",
    "e-": "#0072b2",
    "gamma": "#56b4e9",
    "mu-": "#d55e00",
    "pi+": "#b8860b",
    "pi-": "#7b3294",
    "p": "#009e73",
    "track": "#d55e00",
    "shower": "#0072b2",
}

GENERATED = "#0072b2"
SIMULATED = "#4d4d4d"
FLOOR = "#bdbdbd"

POINTS: dict[str, Any] = {"fmt": "o", "ms": 2.8, "lw": 0, "elinewidth": 1}
"""Points with error bars and no line between them."""

_STYLE: dict[str, Any] = {
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
    "mathtext.fontset": "custom",
    "mathtext.rm": "TeX Gyre Heros",
    "mathtext.it": "TeX Gyre Heros:italic",
    "mathtext.bf": "TeX Gyre Heros:bold",
    "mathtext.cal": "TeX Gyre Heros:italic",
    "mathtext.sf": "TeX Gyre Heros",
    "mathtext.tt": "DejaVu Sans Mono",
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
    "text.hinting": "no_hinting",
    "axes.unicode_minus": True,
    "pdf.fonttype": 42,
    "svg.hashsalt": "driftline",
    "savefig.dpi": 150,
}


def class_name(event_type: str) -> str:
    """A class in words, or what it is called."""
    return CLASS_NAMES.get(event_type, event_type)


@contextmanager
def style() -> Iterator[None]:
    """Within it figures are made in the common style; nothing outside changes."""
    with matplotlib.rc_context(cast(Any, mplhep.style.ROOT | _STYLE)):
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
        # Formulas are set when a figure is drawn, in the style of that moment.
        with style(), replacing(path, force=True) as temporary, temporary.open("wb") as file:
            figure.savefig(file, format=path.suffix[1:], metadata=metadata)
    return paths


def svg(figure: Figure) -> bytes:
    """A figure as SVG, its text as outlines; equal figures give equal bytes."""
    with style():
        buffer = BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
