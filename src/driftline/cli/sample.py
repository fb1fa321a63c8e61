"""``driftline sample``: jets from a model."""

from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    write_json,
)
from driftline.errors import InputError

if TYPE_CHECKING:
    from driftline.data.formats.conditions import Conditions
    from driftline.generator import Generated

GeV = Annotated[
    float | None, typer.Option(help="[GeV] Of all jets.", show_default="the model draws it")
]
Number = Annotated[
    float | None, typer.Option(help="Of all jets.", show_default="the model draws it")
]


def sample(
    model: Model,
    out: Annotated[
        Path, typer.Option(help="FILE.hdf5 for one class, else a directory: g.hdf5, ...")
    ],
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Jets of each class.", show_default="1000, or the conditions'"),
    ] = None,
    types: Types = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="E.g. dpm:steps=20, em, rk45:tolerance=1e-4; for each level its own: A + B.",
            show_default="the model's",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of both levels.", show_default=False)
    ] = None,
    seed: Seed = 0,
    first: Annotated[
        int, typer.Option(min=0, help="Number of the first jet of each class: one shard of many.")
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
            help="One jet a line: CSV with any of type,pt,eta,mass,num_particles, or JetNet HDF5.",
            show_default=False,
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
    """Generate jets and write them in JetNet's format.

    Jet i of a seed and a class is the same whatever the count, batch size and other classes (but
    for samplers that treat a batch as a whole: rk45, within its tolerance, and poster-pc).
    """
    from driftline import __version__
    from driftline.cli.console import jets_bar
    from driftline.data.clouds import concatenate
    from driftline.data.formats import jetnet

    values = {"pt": pt, "eta": eta, "mass": mass, "num_particles": num_particles}
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        if not isfinite(value):
            raise InputError(f"--{name.replace('_', '-')} is {value}; give a finite number")
    asked = _read(conditions, given, count)
    wanted = split_types(types)
    generator = load_model(model, device, threads)
    chosen = sampler_of(sampler, steps, generator.default_sampler)
    names = _classes(wanted, asked, generator.types)
    if fast:
        generator = generator.accelerated()
    single = out.suffix in (".hdf5", ".h5")
    _check_out(out, single, names, generator.preprocessing.max_particles, force)
    check_json(json, force)

    made: dict[str, Generated] = {}
    with jets_bar() as start:
        for name in names:
            mine = asked.of_type(name) if asked else None
            number = len(mine) if mine is not None else count or 1000
            made[name] = generator.generate(
                number,
                name,
                sampler=chosen,
                seed=seed,
                first=first,
                batch=batch,
                progress=start(name, number),
                **(mine.features if mine is not None else given),
            )
    jets = concatenate([part.jets for part in made.values()])
    jets = replace(jets, attributes={**jets.attributes, "model": model, "driftline": __version__})
    if single:
        jetnet.write(out, jets, force)
    else:
        jetnet.write_directory(out, jets, force)
    _report(made, json, force)


def _read(path: Path | None, given: dict[str, float], count: int | None) -> "Conditions | None":
    from driftline.data.formats import conditions

    if path is None:
        return None
    for name in [*given, *(["count"] if count else [])]:
        option = f"--{name.replace('_', '-')}"
        raise InputError(f"{option}: given beside --conditions; put it into {path} alone")
    return conditions.read(path)


def _classes(
    wanted: list[str] | None, asked: "Conditions | None", known: tuple[str, ...]
) -> list[str]:
    """The classes to generate, in the order asked for."""
    if asked is None or asked.types is None:
        return wanted or list(known)
    there = [name for name in known if name in asked.types]
    unknown = set(asked.types) - set(known)
    if unknown:
        raise InputError(f"--conditions: the model does not know class {', '.join(unknown)}")
    missing = [name for name in wanted or [] if name not in there]
    if missing:
        raise InputError(f"--conditions: asks for no jets of class {', '.join(missing)}")
    return wanted or there


def _check_out(out: Path, single: bool, names: list[str], particles: int, force: bool) -> None:
    from driftline.data.formats import jetnet
    from driftline.output import check_output

    if single and len(names) > 1:
        raise InputError(
            f"{out}: one file holds one class and these are {', '.join(names)}; "
            "choose one with --type or give a directory"
        )
    for file in [out] if single else [out / jetnet.file_name(n, particles) for n in names]:
        check_output(file, force)


def _report(made: dict[str, "Generated"], json: Path | None, force: bool) -> None:
    from json import dumps

    from driftline.cli.console import print_table

    rows = [
        {
            "type": name,
            "jets": len(part.jets),
            "jet_evaluations": part.jet_evaluations,
            "particle_evaluations": part.particle_evaluations,
            "evaluations": part.evaluations,
            "seconds": part.seconds,
            "jets_per_second": len(part.jets) / part.seconds,
            "repaired": part.repaired,
        }
        for name, part in made.items()
    ]
    if json is not None:
        write_json(json, dumps(rows, indent=1), force)
    if json is None or str(json) != "-":
        print_table(
            "Evaluations of the networks per jet",
            ["class", "jets", "jet level", "particle level", "sum", "jets/s", "repaired"],
            [
                [
                    name,
                    f"{len(part.jets):,}",
                    f"{part.jet_evaluations:g}",
                    f"{part.particle_evaluations:g}",
                    f"{part.evaluations:g}",
                    f"{len(part.jets) / part.seconds:,.0f}",
                    ", ".join(f"{what} {n}" for what, n in part.repaired.items()),
                ]
                for name, part in made.items()
            ],
        )
