"""``driftline study``: samplers compared on one model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftline.cli.options import (
    Batch,
    Device,
    Force,
    Model,
    Threads,
    Types,
    command_line,
    load_model,
    split_types,
)

if TYPE_CHECKING:
    from driftline.data.events import LabelledEvents
    from driftline.generation import EventGenerator
    from driftline.study import Study


def study(
    model: Model,
    reference: Annotated[
        Path, typer.Argument(help="True events: a file, a directory or a shipped reference's name.")
    ],
    out: Annotated[Path, typer.Option(help="Directory: study.json, tables, figures, cells.")],
    sampler: Annotated[
        list[str] | None,
        typer.Option(
            help="May be repeated; the first is the baseline.",
            show_default="published ones, Heun, DPM-Solver++, the model's; a student's alone",
        ),
    ] = None,
    types: Types = None,
    count: Annotated[int, typer.Option(min=1, help="Events of each class and sampler.")] = 10_000,
    seeds: Annotated[int, typer.Option(min=1, help="Noise seeds: 1, 2, ... so many.")] = 1,
    batch: Batch = 1000,
    floor: Annotated[
        Path | None,
        typer.Option(help="More truth, for the floor.", show_default="halves of the reference"),
    ] = None,
    against_simulation: Annotated[
        bool,
        typer.Option(
            "--against-simulation",
            help="Time generation beside simulation, and tell from when on it pays.",
        ),
    ] = False,
    device: Device = "cpu",
    threads: Threads = None,
    force: Force = False,
) -> None:
    """Compare samplers by evaluations, wall time and quality; write numbers, table and figures.

    A study that was stopped goes on where it was when the command is repeated.
    """
    from driftline.study.tables import markdown

    generator = load_model(model, device, threads)
    names = split_types(types)
    true, more = read_truth(generator, reference, floor, names)
    result = compare(
        generator,
        true,
        out,
        samplers=sampler,
        types=names,
        count=count,
        seeds=range(1, seeds + 1),
        batch=batch,
        truth=more,
        force=force,
        against_simulation=against_simulation,
        name=str(generator.card.get("name") or Path(model).stem),
    )
    print(markdown(result))


def read_truth(
    generator: "EventGenerator", reference: Path, floor: Path | None, types: list[str] | None
) -> "tuple[LabelledEvents, LabelledEvents | None]":
    """The reference and more truth of the same classes, in the form that the model makes."""
    from driftline.data.shipped import read_reference

    true = read_reference(reference, types, **generator.form)
    more = None if floor is None else read_reference(floor, true.present, **generator.form)
    return true, more


def compare(
    generator: "EventGenerator",
    reference: "LabelledEvents",
    out: Path,
    *,
    samplers: list[str] | None,
    types: list[str] | None,
    count: int,
    seeds: Sequence[int],
    batch: int,
    truth: "LabelledEvents | None",
    force: bool,
    name: str,
    against_simulation: bool = False,
) -> "Study":
    """Run a study with a progress bar; write its numbers, tables and figures."""
    from driftline.cli.console import parts_bar
    from driftline.output import write_text
    from driftline.report.figures import study_figures
    from driftline.study import run_study
    from driftline.study.tables import comma_separated, markdown

    with parts_bar() as progress:
        result = run_study(
            generator,
            reference,
            out,
            samplers=samplers,
            count=count,
            types=types,
            seeds=seeds,
            batch=batch,
            truth=truth,
            force=force,
            against_simulation=against_simulation,
            name=name,
            command=command_line(),
            progress=progress,
        )
    write_text(out / "study.md", markdown(result), force=True)
    write_text(out / "study.csv", comma_separated(result), force=True)
    study_figures(result, out)
    return result
