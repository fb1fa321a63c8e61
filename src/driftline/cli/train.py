"""``driftline train``: a model from a recipe and a data set."""

from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Device, Threads


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A TOML file.")],
    data: Annotated[
        Path, typer.Option(help="Directory with one JetNet file a class; file or folder of images.")
    ],
    out: Annotated[Path, typer.Option(help="Directory of the run: checkpoints, logs, model.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings that differ from the recipe's."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that stopped.")] = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Train a model; watch it with TensorBoard on the run's directory.

    A run that was interrupted or killed continues with --resume exactly as if it had not been.
    """
    from driftline.cli.options import use
    from driftline.training.images import train_images
    from driftline.training.jets import train_jets
    from driftline.training.progress import ConsoleProgress
    from driftline.training.recipe import JetRecipe, read_recipe

    use(device, threads)
    settings = read_recipe(recipe, overrides or ())

    def progress(title: str, log: Path) -> ConsoleProgress:
        return ConsoleProgress(title, log, unit=settings.kind)

    if isinstance(settings, JetRecipe):
        model = train_jets(settings, data, out, resume=resume, device=device, progress=progress)
    else:
        model = train_images(settings, data, out, resume=resume, device=device, progress=progress)
    print(model)
