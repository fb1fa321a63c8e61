"""``driftline distill``: few-step students of a model."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Device, Model, Threads


class Method(StrEnum):
    """How students are made."""

    consistency = "consistency"
    progressive = "progressive"
    paths = "paths"
    distribution = "distribution"


def distill(
    model: Model,
    data: Annotated[
        Path,
        typer.Option(help="What the model was trained on: a directory of jets, or images."),
    ],
    out: Annotated[Path, typer.Option(help="Directory of the run: checkpoints, logs, student.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings that differ from the defaults."),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(help="How the student is made.", show_default="consistency"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Evaluations of the student's own sampler.", show_default="2"),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file of settings.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that stopped.")] = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Train a student that needs one to a few evaluations where its teacher needs tens.

    The student is a model as any other: sample, evaluate and study it. A run that was interrupted
    or killed continues with --resume exactly as if it had not been.
    """
    from driftline.cli.options import use
    from driftline.models import load
    from driftline.training.distill import distill as run
    from driftline.training.distill_recipe import read_distill_recipe
    from driftline.training.progress import ConsoleProgress

    use(device, threads)
    given = list(overrides or ())
    given += [] if method is None else [f"method={method.value}"]
    given += [] if steps is None else [f"steps={steps}"]
    settings, teacher = read_distill_recipe(recipe, given), load(model)

    def progress(title: str, log: Path) -> ConsoleProgress:
        return ConsoleProgress(title, log, unit=teacher.kind)

    print(run(teacher, settings, data, out, resume=resume, device=device, progress=progress))
