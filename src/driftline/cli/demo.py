"""``driftline demo``: the main job on what comes with the package."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Force, Seed, Threads, use


class Event(StrEnum):
    """Kinds of events that there is a demo of."""

    jets = "jets"


def demo(
    event: Annotated[Event, typer.Argument(help="The kind of event.")] = Event.jets,
    out: Annotated[Path, typer.Option(help="Directory: jets, numbers, figures.")] = Path("demo"),
    seed: Seed = 1,
    count: Annotated[int, typer.Option(min=100, help="Jets of each class to judge.")] = 1000,
    threads: Threads = None,
    force: Force = False,
) -> None:
    """Sample the shipped model, judge it, compare samplers, draw: a few minutes, offline."""
    from driftline.cli.console import parts_bar, print_table
    from driftline.report.demo import SCORES_HEAD, run_demo
    from driftline.study.tables import head

    use("cpu", threads)
    with parts_bar() as progress:
        result = run_demo(out, seed=seed, count=count, force=force, progress=progress)
    print_table(
        f"{count:,} generated jets a class against simulated jets, floors in brackets",
        SCORES_HEAD,
        result.scores(),
    )
    first = result.study.cells[0]
    print_table(
        f"Samplers, {first.settings.count:,} jets of class {first.event_type}; W1 counts each once",
        head(result.study),
        result.comparison(),
    )
    print(f"picture: {result.files[0]}")
    print(f"{len(result.files)} files in {out}")
