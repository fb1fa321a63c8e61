"""The command line: each command parses its options, calls the library and prints."""

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from driftline.cli import (
    crop,
    demo,
    distill,
    evaluate,
    illustrate,
    info,
    likelihood,
    report,
    sample,
    simulate,
    ssnet,
    study,
    train,
    tune,
)
from driftline.errors import InputError

app = typer.Typer(
    name="driftline",
    help="Score-based generation of particle-physics events.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.add_typer(simulate.app, name="simulate")
app.command("crop")(crop.crop)
app.command("train")(train.train)
app.command("train-ssnet")(ssnet.train_ssnet)
app.command("sample")(sample.sample)
app.command("evaluate")(evaluate.evaluate)
app.command("likelihood")(likelihood.likelihood)
app.command("study")(study.study)
app.command("report")(report.report)
app.command("tune")(tune.tune)
app.command("distill")(distill.distill)
app.command("illustrate")(illustrate.illustrate)
app.command("info")(info.info)


@app.callback(invoke_without_command=True)
def version(
    ctx: typer.Context,
    show: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Score-based generation of particle-physics events."""
    if show:
        from driftline import __version__

        print(f"driftline {__version__}")
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 failed, 2 bad input (one line says which)."""
    try:
        sys.exit(app(args=arguments, prog_name="driftline", standalone_mode=False))
    except TyperException as error:
        if error.format_message():  # empty where the help was shown instead
            print(f"error: {_told(error)}", file=sys.stderr)
        sys.exit(2)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        if os.environ.get("DRIFTLINE_DEBUG"):
            raise
        print(
            f"error: {type(error).__name__}: {error} (set DRIFTLINE_DEBUG=1 for the traceback)",
            file=sys.stderr,
        )
        sys.exit(1)


def _told(error: TyperException) -> str:
    """What is wrong with the options, in one line."""
    context = getattr(error, "ctx", None)
    remedy = "" if context is None else f"; {context.command_path} -h tells what there is"
    return " ".join(error.format_message().split()).rstrip(".") + remedy
