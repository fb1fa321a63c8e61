"""``driftline evaluate``: generated against reference events."""

from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import (
    Force,
    Json,
    Particles,
    Seed,
    Threads,
    Types,
    check_json,
    command_line,
    split_types,
    use,
    write_json,
)


def evaluate(
    generated: Annotated[Path, typer.Argument(help="File or directory of generated events.")],
    reference: Annotated[
        Path, typer.Argument(help="True events: a file, a directory or a shipped reference's name.")
    ],
    floor: Annotated[
        Path | None,
        typer.Option(help="More truth, for the floor.", show_default="halves of the reference"),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option(
            help="What the model was trained on: are the generated images copies of it?",
            show_default=False,
        ),
    ] = None,
    types: Types = None,
    particles: Particles = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, help="First events of each class.", show_default="all"),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Only these.", show_default="all")
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw events and spectra here.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write scores.json and figures/ here, for driftline report.",
            show_default=False,
        ),
    ] = None,
    json: Json = None,
    force: Force = False,
) -> None:
    """Judge jets or images: every metric with its error and the floor that truth itself reaches."""
    from driftline.cli.console import parts_bar, print_table
    from driftline.data.formats.reading import read_events
    from driftline.data.shipped import read_reference
    from driftline.metrics.calibration import HEAD
    from driftline.metrics.evaluation import choose
    from driftline.metrics.evaluation import evaluate as compare
    from driftline.metrics.kinds import kind_of
    from driftline.output import check_output
    from driftline.study.provenance import versions

    scores = [json] if json is not None else []
    folders = [figures] if figures is not None else []
    if out is not None:
        scores.append(out / "scores.json")
        folders.append(out / "figures")
    for path in scores:
        check_json(path, force)
    use("cpu", threads)
    made = read_events(generated, split_types(types), particles=particles, count=count)
    kind = kind_of(made)
    for folder in folders:
        check_output(folder / f"{kind.name}.png", force)
    chosen = None if metrics is None else choose(kind, [m.strip() for m in metrics.split(",")])
    same = {"types": made.present, "count": count, **kind.form(made)}
    true = read_reference(reference, **same)
    more = None if floor is None else read_reference(floor, **same)
    seen = None if training is None else read_reference(training, made.present, **kind.form(made))
    with parts_bar() as progress:
        result = compare(
            made,
            true,
            floor=more,
            training=seen,
            seed=seed,
            metrics=chosen,
            progress=progress,
        )
    for folder in folders:
        from driftline.report.figures import calibrations_drawn, evaluation_figures

        evaluation_figures(made, true, folder)
        calibrations_drawn(result, folder)
    if scores:
        source = {
            "command": command_line(),
            "versions": versions(),
            "sources": {"generated": made.attributes, "reference": true.attributes},
        }
        text = dumps(source | result.model_dump(mode="json"), indent=1)
        for path in scores:
            write_json(path, text, force)
    if json is None or str(json) != "-":
        print_table(
            f"{len(made):,} generated against {len(true):,} reference {kind.name}",
            ["class", "metric", "generated", "floor", ""],
            result.rows(),
        )
        for skipped in result.skipped:
            print(f"{skipped.event_type}: no {skipped.metric}: {skipped.reason}")
        if result.calibration:
            rows = [found.row() for found in result.calibration]
            print_table("Asked against obtained, means over bins of asked", HEAD, rows)
