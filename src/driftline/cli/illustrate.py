"""``driftline illustrate``: the theory's pictures."""

from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Force, Seed


def illustrate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory of the pictures.")],
    seed: Seed = 1,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Pictures, separated by commas: score_field, langevin, learned_score, "
            "mode_weights, diffusion, trajectories, jets.",
            show_default="all",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Draw the theory: scores, Langevin dynamics, diffusion and its reverse, as PNG and PDF."""
    from driftline.cli.console import parts_bar
    from driftline.report.theory.pictures import illustrate as draw

    names = None if only is None else [name.strip() for name in only.split(",")]
    with parts_bar() as progress:
        paths = draw(out, seed=seed, only=names, force=force, progress=progress)
    for path in paths:
        print(path)
