"""``driftline sample``: events from a model."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import (
    Device,
    Force,
    Json,
    Model,
    Seed,
    Threads,
    Types,
    check_json,
    load_model,
    sampler_of,
    split_types,
)
from driftline.errors import InputError

_DRAWN = "the model draws it"
_JETS, _IMAGES, _GUIDANCE = "Jets", "Images", "Guidance, without training"
_RANGE = partial(typer.Option, metavar="X|LOW:HIGH", show_default=_DRAWN, rich_help_panel=_JETS)
GeV = Annotated[str | None, _RANGE(help="[GeV] Of jets, or its range.")]
Number = Annotated[str | None, _RANGE(help="Of jets, or its range.")]
_guide = partial(typer.Option, rich_help_panel=_GUIDANCE, show_default=False)


def sample(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(help="FILE.hdf5; of jets of several classes a directory: g.hdf5, ..."),
    ],
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Events of each class.", show_default="1000, or all of a file"),
    ] = None,
    types: Types = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="E.g. dpm:steps=20, em, rk45:tolerance=1e-4; for each network its own: A + B.",
            show_default="the model's; of guided networks dpm:steps=30",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of all networks.", show_default=False)
    ] = None,
    seed: Seed = 0,
    first: Annotated[
        int,
        typer.Option(
            min=0, max=2**47, help="Number of the first event of each class: one shard of many."
        ),
    ] = 0,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Events in one network call.", show_default="1000; 100 with gradients"
        ),
    ] = None,
    conditions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="One event a line: CSV with any of type,pt,eta,mass,num_particles, of images "
            "type,px,py,pz,plane,row,column; or events to be like: a file, directory or shipped "
            "reference.",
            show_default=False,
        ),
    ] = None,
    pt: GeV = None,
    eta: Number = None,
    mass: GeV = None,
    num_particles: Number = None,
    momentum: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,Z|LOW:HIGH",
            help="Of images, MeV/c, each a number or a range; or magnitudes, in any direction.",
            show_default="one of the training's",
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    plane: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2,
            help="Of all images.",
            show_default="each in turn",
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="ROW,COLUMN",
            help="Of images, each a number or a range of pixels: where particles start, from the "
            "edge of the first pixel; outside of the image too.",
            show_default=_DRAWN,
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    background: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.hdf5",
            help="Images to lay the generated ones on: those of its plane in turn.",
            show_default=False,
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    complete: Annotated[
        Path | None,
        _guide(
            metavar="FILE.hdf5",
            help="Images of which --missing pixels are drawn, given the others, class, plane and "
            "known momenta and starts. If their class is unknown, --types tells it.",
        ),
    ] = None,
    missing: Annotated[
        str | None,
        _guide(
            metavar="columns=20:24|FILE.npy",
            help="Pixels missing in the images to complete: columns=FIRST:END, rows=FIRST:END, "
            "END not included, several separated by commas; or bool, true where missing, "
            "(H, W), (C, H, W) or (N, C, H, W).",
        ),
    ] = None,
    error: Annotated[
        float | None,
        _guide(
            min=0,
            help="Of the other pixels, in their unit; by default they are kept exactly.",
        ),
    ] = None,
    measured: Annotated[
        str | None,
        _guide(
            metavar="NAME=VALUE,ERROR",
            help="What images amount to, in their unit: charge=150,0.2, or wavelets=13 values and "
            "an error.",
        ),
    ] = None,
    guidance: Annotated[
        float | None,
        _guide(help="Classifier-free scale: images more typical of their class above 1."),
    ] = None,
    fixed: Annotated[
        Path | None,
        _guide(
            metavar="FILE.csv",
            help="Particles that all jets contain: columns etarel,phirel,ptrel.",
        ),
    ] = None,
    device: Device = "cpu",
    threads: Threads = None,
    fast: Annotated[
        bool,
        typer.Option("--fast", help="Compile the network and use bfloat16: about twice as fast."),
    ] = False,
    json: Json = None,
    force: Force = False,
) -> None:
    """Generate events and write them: jets in JetNet's format, images in Driftline's.

    Event i of a seed and a class is the same whatever the count, batch size and other classes (but
    for samplers that treat a batch as a whole: rk45, within its tolerance, and poster-pc). It is
    that of the class's line or image i of a file, where one is given.
    """
    from driftline.cli.image_options import ImageOptions
    from driftline.cli.sampling import Order, sample_images, sample_jets
    from driftline.generation import refuse_student
    from driftline.generator import Generator
    from driftline.image_generator import ImageGenerator

    features = {"pt": pt, "eta": eta, "mass": mass, "num_particles": num_particles}
    check_json(json, force, out)
    generator = load_model(model, device, threads)
    guided = any(option is not None for option in (complete, measured, guidance, fixed))
    usual = generator.guided_sampler if guided else generator.default_sampler
    order = Order(
        model=model,
        out=out,
        count=count,
        types=split_types(types),
        sampler=sampler_of(sampler, steps, usual),
        seed=seed,
        first=first,
        # gradients of an image take 16 MB
        batch=batch or (100 if complete or measured or fixed else 1000),
        fast=fast,
        json=json,
        force=force,
    )
    order.check(generator)
    if guided:
        refuse_student(generator.card, "guidance")
    if isinstance(generator, Generator):
        if guidance is not None:
            raise InputError(
                "--guidance: models of jets are told class and structure throughout training, so "
                "that there is nothing to guide away from; leave it out"
            )
        if measured is not None:
            raise InputError(
                "--measured: mass and energy flow of jets are those that their jet level draws, "
                "whatever their particles are guided to; ask for a mass with --mass"
            )
        _refuse("images", momentum=momentum, plane=plane, start=start)
        _refuse("images", background=background, complete=complete, missing=missing, error=error)
        sample_jets(generator, order, features, conditions, fixed)
    elif isinstance(generator, ImageGenerator):
        _refuse("jets", **features, fixed=fixed)
        options = ImageOptions(
            momentum=momentum,
            plane=plane,
            start=start,
            conditions=conditions,
            complete=complete,
            missing=missing,
            error=error,
            measured=measured,
            guidance=guidance,
            background=background,
        )
        sample_images(generator, order, options)


def _refuse(kind: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}: is for models of {kind}, and this is none; leave it out")
