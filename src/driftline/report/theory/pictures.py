"""The theory's pictures by name, and the command that writes them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from driftline.data.formats import jetnet
from driftline.data.shipped import shipped_references
from driftline.errors import InputError
from driftline.generator import Generator
from driftline.models import shipped_models
from driftline.output import check_output, replacing
from driftline.report.style import save
from driftline.report.theory.diffusion import diffusion_figure, there_and_back
from driftline.report.theory.jets import JET_TYPE, jet_strip, jets_figure
from driftline.report.theory.langevin import langevin_figure, noise_or_none
from driftline.report.theory.learned_score import learned_score, learned_score_figure
from driftline.report.theory.mode_weights import mode_weights, mode_weights_figure
from driftline.report.theory.score_field import score_field_figure, score_fields
from driftline.report.theory.trajectories import trajectories, trajectories_figure

SHIPPED = "jets30"
"""The model and the reference of the jets."""


def _jets(seed: int) -> Figure:
    reference = jetnet.read_directory(shipped_references()[SHIPPED], [JET_TYPE])
    generator = Generator.load(shipped_models()[SHIPPED])
    return jets_figure(jet_strip(generator, reference, seed))


PICTURES: dict[str, Callable[[int], Figure]] = {
    "score_field": lambda seed: score_field_figure(score_fields()),
    "langevin": lambda seed: langevin_figure(noise_or_none(seed)),
    "learned_score": lambda seed: learned_score_figure(learned_score(seed)),
    "mode_weights": lambda seed: mode_weights_figure(mode_weights(seed)),
    "diffusion": lambda seed: diffusion_figure(there_and_back(seed)),
    "trajectories": lambda seed: trajectories_figure(trajectories(seed)),
    "jets": _jets,
}
"""Each picture's name and what draws it from a seed, in the order in which they are explained."""


def illustrate(
    out: Path,
    *,
    seed: int = 1,
    only: Sequence[str] | None = None,
    force: bool = False,
    progress: Callable[[str, float, float], None] = lambda what, done, total: None,
) -> list[Path]:
    """Draw the theory's pictures as PNG and PDF.

    Args:
        out: directory, made if missing.
        seed: of all random numbers.
        only: names of pictures, by default all of ``PICTURES``.
        force: replace files that exist.
        progress: told what is being drawn, how many are done and of how many.

    Returns:
        The files written.

    Raises:
        InputError: a name is unknown, or a file exists and ``force`` is false.
    """
    names = list(PICTURES if only is None else dict.fromkeys(only))
    for name in names:
        if name not in PICTURES:
            raise InputError(f"unknown picture {name!r}: choose from {', '.join(PICTURES)}")
    for name in names:
        for suffix in ("png", "pdf"):
            check_output(out / f"{name}.{suffix}", force)
    paths = []
    for k, name in enumerate(names):
        progress(name, k, len(names))
        png, pdf = save(PICTURES[name](seed), out / name)
        _shrink(png)
        paths += [png, pdf]
    return paths


def _shrink(png: Path) -> None:
    """Store a PNG with a palette of 256 colours, in about a third of the bytes."""
    with Image.open(png) as image:
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    with replacing(png, force=True) as temporary:
        small.save(temporary, format="png", optimize=True)
