"""``driftline sample``: events from a model."""

from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import (
    Batch,
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
GeV = Annotated[
    str | None,
    typer.Option(metavar="X|LOW:HIGH", help="[GeV] Of jets, or its range.", show_default=_DRAWN),
]
Number = Annotated[
    str | None,
    typer.Option(metavar="X|LOW:HIGH", help="Of jets, or its range.", show_default=_DRAWN),
]


def sample(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(help="FILE.hdf5; of jets of several classes a directory: g.hdf5, ..."),
    ],
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Events of each class.", show_default="1000, or the conditions'"),
    ] = None,
    types: Types = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="E.g. dpm:steps=20, em, rk45:tolerance=1e-4; for each network its own: A + B.",
            show_default="the model's",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of all networks.", show_default=False)
    ] = None,
    seed: Seed = 0,
    first: Annotated[
        int, typer.Option(min=0, help="Number of the first event of each class: one shard of many.")
    ] = 0,
    batch: Batch = 1000,
    pt: GeV = None,
    eta: Number = None,
    mass: GeV = None,
    num_particles: Number = None,
    conditions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="One event a line: CSV with any of type,pt,eta,mass,num_particles, of images "
            "type,px,py,pz,plane; or events to be like: a file, directory or shipped reference.",
            show_default=False,
        ),
    ] = None,
    momentum: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,Z|LOW:HIGH",
            help="[MeV/c] Of images, each a number or a range; or magnitudes, in any direction.",
            show_default=_DRAWN,
        ),
    ] = None,
    plane: Annotated[
        int | None,
        typer.Option(min=0, max=2, help="Of all images.", show_default="each in turn"),
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            help="Classifier-free scale: images more typical of their class above 1.",
            show_default="none",
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
    for samplers that treat a batch as a whole: rk45, within its tolerance, and poster-pc).
    """
    from driftline.cli.sampling import Order, sample_images, sample_jets
    from driftline.generator import Generator
    from driftline.image_generator import ImageGenerator

    features = {"pt": pt, "eta": eta, "mass": mass, "num_particles": num_particles}
    check_json(json, force)
    generator = load_model(model, device, threads)
    order = Order(
        model=model,
        out=out,
        count=count,
        types=split_types(types),
        sampler=sampler_of(sampler, steps, generator.default_sampler),
        seed=seed,
        first=first,
        batch=batch,
        fast=fast,
        json=json,
        force=force,
    )
    order.check(generator)
    if isinstance(generator, Generator):
        if guidance is not None:
            raise InputError(
                "--guidance: models of jets are told class and structure throughout training, so "
                "that there is nothing to guide away from; leave it out"
            )
        _refuse("images", momentum=momentum, plane=plane)
        sample_jets(generator, order, features, conditions)
    elif isinstance(generator, ImageGenerator):
        _refuse("jets", **features)
        sample_images(generator, order, momentum, plane, conditions, guidance)


def _refuse(kind: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}: is for models of {kind}, and this is none; leave it out")
