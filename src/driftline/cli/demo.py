"""``driftline demo``: the main job on what comes with the package."""

from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Force, Seed, Threads, use
from driftline.errors import InputError


def demo(
    show: Annotated[str, typer.Argument(help="What is shown: jets or lartpc.")] = "jets",
    out: Annotated[Path, typer.Option(help="Directory: events, numbers, figures.")] = Path("demo"),
    seed: Seed = 1,
    count: Annotated[
        int | None,
        typer.Option(
            min=100, help="Events of each class to judge.", show_default="1000 jets, 100 images"
        ),
    ] = None,
    threads: Threads = None,
    force: Force = False,
) -> None:
    """Sample the shipped model, judge it, compare samplers, draw: a few minutes, offline."""
    from driftline.cli.console import parts_bar, print_table
    from driftline.report.demo import SHOWS, run_demo
    from driftline.study.tables import head

    if show not in SHOWS:
        raise InputError(f"there is no demo of {show!r}; choose from {', '.join(SHOWS)}")
    use("cpu", threads)
    with parts_bar() as progress:
        result = run_demo(SHOWS[show], out, seed=seed, count=count, force=force, progress=progress)
    events, judged = result.evaluation.kind, result.evaluation.scores[0].generated
    print_table(
        f"{judged:,} generated {events} a class against simulated ones, floors in brackets",
        result.head,
        result.scores(),
    )
    first = result.study.cells[0]
    print_table(
        f"Samplers, {first.settings.count:,} {events} of class {first.event_type}; "
        "W1 counts each once",
        head(result.study),
        result.comparison(),
    )
    print(f"picture: {result.files[0]}")
    print(f"{len(result.files)} files in {out}")
