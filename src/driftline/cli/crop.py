"""``driftline crop``: images of any known format as crops in Driftline's own."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Force, Seed
from driftline.errors import InputError

SAMPLES = ("train", "validation", "test")


def crop(
    source: Annotated[Path, typer.Argument(help="File or folder of images.")],
    out: Annotated[Path, typer.Option(help="File to write (HDF5).")],
    size: Annotated[int, typer.Option(min=1, help="Side of a crop [pixels].")] = 64,
    margin: Annotated[
        int, typer.Option(min=0, help="The centroid is farther than this from the edge [pixels].")
    ] = 32,
    occupancy: Annotated[
        float, typer.Option(min=0, max=1, help="Smallest fraction of pixels above zero.")
    ] = 0.01,
    eight_bit: Annotated[
        bool,
        typer.Option("--8bit", help="Stretch every plane to 0 ... 255 first (loses the charge)."),
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="0.8,0.1,0.1",
            help="Fractions of the events for OUT_train, OUT_validation and OUT_test.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    unit: Annotated[
        str | None,
        typer.Option(
            help="Of the pixels, where the format does not tell: MeV, electrons, ADC, 8-bit. "
            "Where it tells electrons, MeV turns them into energy.",
            show_default=False,
        ),
    ] = None,
    pitch: Annotated[
        float | None,
        typer.Option(
            metavar="CM",
            help="Resample Wire-Cell frames to square pixels of this side.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Cut images to boxes around their charge, plane by plane, and split them by event.

    Reads Driftline's HDF5, .npy and .npz stacks, folders of PNG, LArCV2 ROOT, LArCV3 and PILArNet-M
    HDF5, and Wire-Cell frame archives. Large files are read in blocks.
    """
    fractions = _fractions(split)
    names = SAMPLES[: len(fractions)] if split else ()
    files = [out.with_name(f"{out.stem}_{name}{out.suffix}") for name in names] or [out]
    from driftline.data.crops import crop_blocks, split_by_event
    from driftline.data.formats import detector_images, image_file
    from driftline.data.image_preprocessing import eight_bit as stretched

    blocks = detector_images.blocks(source, unit, pitch)
    with ExitStack() as stack:
        writers = [stack.enter_context(image_file.Writer(file, force)) for file in files]
        for images in crop_blocks(
            map(stretched, blocks) if eight_bit else blocks, size, margin, occupancy
        ):
            samples = split_by_event(images, fractions, seed) if split else (images,)
            for writer, sample in zip(writers, samples):
                writer.append(sample)
        for writer in writers:  # before any of them takes its place
            if not writer.count:
                raise InputError(
                    f"{writer.path}: no event fell into this sample; choose another --split "
                    "or --seed, or more images"
                )
    for writer in writers:
        print(f"{writer.path}: {writer.count} images")


def _fractions(text: str | None) -> tuple[float, ...]:
    """``"0.8,0.1,0.1"`` as numbers; one sample where there is no split."""
    if text is None:
        return (1.0,)
    try:
        fractions = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--split {text}: not numbers; write for instance 0.8,0.1,0.1") from error
    if len(fractions) not in (2, 3):
        raise InputError(f"--split {text}: expected two or three fractions; write 0.8,0.1,0.1")
    return fractions
