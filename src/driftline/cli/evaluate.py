"""``driftline evaluate``: generated jets against reference jets."""

import shlex
import sys
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
    split_types,
    use,
    write_json,
)


def evaluate(
    generated: Annotated[Path, typer.Argument(help="File or directory of generated jets.")],
    reference: Annotated[
        Path, typer.Argument(help="File or directory of true jets, or a shipped reference's name.")
    ],
    floor: Annotated[
        Path | None,
        typer.Option(help="More true jets, for the floor.", show_default="halves of the reference"),
    ] = None,
    types: Types = None,
    particles: Particles = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, help="First jets of each file.", show_default="all"),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Only these.", show_default="all")
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw jets and spectra here.", show_default=False),
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
    """Judge generated jets: every metric with its error and the floor that truth itself reaches."""
    from driftline.cli.console import parts_bar, print_table
    from driftline.data.formats import jetnet
    from driftline.data.shipped import read_reference
    from driftline.metrics.jet_metrics import METRICS
    from driftline.metrics.jets import choose
    from driftline.metrics.jets import evaluate as compare
    from driftline.output import check_output
    from driftline.study.provenance import versions

    scores = [json] if json is not None else []
    folders = [figures] if figures is not None else []
    if out is not None:
        scores.append(out / "scores.json")
        folders.append(out / "figures")
    for path in scores:
        check_json(path, force)
    for folder in folders:
        check_output(folder / "jets.png", force)
    use("cpu", threads)
    chosen = METRICS if metrics is None else choose([m.strip() for m in metrics.split(",")])
    names = split_types(types)
    made = jetnet.read_directory(generated, names, particles=particles, count=count)
    width = made.mask.shape[1]
    true = read_reference(reference, made.present, particles=width, count=count)
    more = (
        None if floor is None else read_reference(floor, made.present, particles=width, count=count)
    )
    with parts_bar() as progress:
        result = compare(
            made,
            true,
            floor=more,
            seed=seed,
            metrics=chosen,
            progress=progress,
        )
    for folder in folders:
        from driftline.report.figures import evaluation_figures

        evaluation_figures(made, true, folder)
    if scores:
        source = {
            "command": shlex.join(["driftline", *sys.argv[1:]]),
            "versions": versions(),
            "sources": {"generated": made.attributes, "reference": true.attributes},
        }
        text = dumps(source | result.model_dump(mode="json"), indent=1)
        for path in scores:
            write_json(path, text, force)
    if json is None or str(json) != "-":
        print_table(
            f"{len(made):,} generated against {len(true):,} reference jets",
            ["class", "metric", "generated", "floor", ""],
            result.rows(),
        )
        for skipped in result.skipped:
            print(f"{skipped.jet_type}: no {skipped.metric}: {skipped.reason}")
