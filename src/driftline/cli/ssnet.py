"""``driftline train-ssnet``: the network that tells track from shower pixels."""

from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Force, Seed, Threads


def train_ssnet(
    data: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="File of images with segmentation, in MeV.")
    ],
    out: Annotated[Path, typer.Option(help="Model file to write.")],
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps, 64 planes each.")] = 2000,
    seed: Seed = 0,
    threads: Threads = None,
    force: Force = False,
) -> None:
    """Train the segmentation network that images are judged by.

    A tenth of the events gives the accuracy on pixels with charge, printed and kept in the file.
    """
    from driftline.cli.console import print_table
    from driftline.cli.options import use
    from driftline.data.formats.image_file import read
    from driftline.data.images import SEGMENTS
    from driftline.training.progress import ConsoleProgress
    from driftline.training.ssnet import train_ssnet as train

    use("cpu", threads)
    progress = ConsoleProgress("SSNet", out.with_suffix(".log"), unit="images")
    found = train(read(data), out, steps=steps, seed=seed, force=force, progress=progress)
    print(f"{out}: {found.accuracy:.2%} of {found.confusion.sum():,} pixels with charge are right")
    print_table(
        "Pixels of the test events",
        ("true", *SEGMENTS),
        (
            (name, *(f"{n:,}" for n in row))
            for name, row in zip(SEGMENTS, found.confusion, strict=True)
        ),
    )
