"""``driftline tune``: the cheapest sampler that loses nothing, stored in the model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from driftline.cli.options import (
    Batch,
    Device,
    Force,
    Model,
    Threads,
    Types,
    load_model,
    split_types,
)


def tune(
    model: Model,
    reference: Annotated[
        Path, typer.Argument(help="True events: a file, a directory or a shipped reference's name.")
    ],
    out: Annotated[Path, typer.Option(help="The tuned model, a .safetensors file.")],
    study: Annotated[Path, typer.Option(help="Directory of the study; it goes on where it was.")],
    candidate: Annotated[
        list[str] | None,
        typer.Option(
            help="May be repeated: a sampler that is fitted to the model.",
            show_default="bespoke of 6 to 16 steps",
        ),
    ] = None,
    sampler: Annotated[
        list[str] | None,
        typer.Option(
            help="May be repeated: compared as it is; the first is the baseline.",
            show_default="rk45:tolerance=1e-5; of images em:steps=1000",
        ),
    ] = None,
    types: Types = None,
    count: Annotated[int, typer.Option(min=1, help="Events of each class and sampler.")] = 10_000,
    events: Annotated[
        int, typer.Option(min=2, help="To fit with, in equal shares of the classes; others judge.")
    ] = 500,
    sweeps: Annotated[
        int, typer.Option(min=0, help="Of the search for grids: 4 sweeps steps^2 network calls.")
    ] = 6,
    seeds: Annotated[int, typer.Option(min=1, help="Noise seeds: 1, 2, ... so many.")] = 1,
    batch: Batch = 1000,
    floor: Annotated[
        Path | None,
        typer.Option(help="More truth, for the floor.", show_default="halves of the reference"),
    ] = None,
    device: Device = "cpu",
    threads: Threads = None,
    force: Force = False,
) -> None:
    """Fit samplers to a model, compare them, and make the cheapest that passed its default.

    Grids are fitted, and the weights of bespoke. A sampler passes if it is shown to be
    non-inferior to the baseline in the headline metrics of every class: W1M, W1P and W1EFP of
    jets, of images those in the study's table. The verdicts are kept in the model's card.
    """
    from driftline.cli.study import compare, read_truth
    from driftline.generation import refuse_student
    from driftline.metrics.kinds import kind_named
    from driftline.output import check_output
    from driftline.study.run import plan_study
    from driftline.study.tables import markdown
    from driftline.study.tune import CANDIDATES, Search, fitted, with_recommendation

    check_output(out, force)
    generator = load_model(model, device, threads)
    refuse_student(generator.card, "tune")
    compared = sampler or kind_named(generator.kind).compared[:1]
    names = split_types(types)
    true, more = read_truth(generator, reference, floor, names)
    settings: dict[str, Any] = {
        "types": names,
        "count": count,
        "seeds": range(1, seeds + 1),
        "batch": batch,
        "truth": more,
        "force": force,
    }
    # Before minutes are spent on fits.
    plan_study(generator, true, study, samplers=compared, **settings)
    kept = study / "cells" / "fitted.json"
    candidates = fitted(generator, candidate or CANDIDATES, kept, Search(events, sweeps))
    name = str(generator.card.get("name") or Path(model).stem)
    result = compare(
        generator,
        true,
        study,
        samplers=[*compared, *candidates],
        name=name,
        **settings,
    )
    print(markdown(result))
    with_recommendation(generator, result).save(out, force)
