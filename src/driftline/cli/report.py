"""``driftline report``: one HTML page of a study, an evaluation or log-likelihoods."""

from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Force


def report(
    run: Annotated[
        Path,
        typer.Argument(
            help="Directory or JSON file of driftline study or evaluate, CSV of likelihood."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page.", show_default="report.html beside it"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Model file or shipped model's name: its card goes on the page.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write one HTML page for the group meeting: verdict, pictures, tables, provenance.

    The page needs no other file and no network.
    """
    from driftline.output import check_output, write_text
    from driftline.report.page import render
    from driftline.report.runs import page_of, result_file

    path = result_file(run).with_name("report.html") if out is None else out
    check_output(path, force)
    card = None if model is None else _card(model)
    write_text(path, render(page_of(run, card)), force)
    print(path)


def _card(model: str) -> dict[str, object]:
    """The card of a model, without its networks."""
    from driftline import modelfile
    from driftline.models import shipped_models

    header = modelfile.read_header(shipped_models().get(model, Path(model)))
    return dict(header.get("card", {}))
