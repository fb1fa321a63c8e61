"""``driftline simulate``: reference data made by Pythia and FastJet, and in liquid argon."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftline.cli.options import Force, Seed, Types, split_types
from driftline.errors import InputError

if TYPE_CHECKING:
    from driftline.data.images import Images

app = typer.Typer(no_args_is_help=True, help="Make reference events by simulation.")


@app.callback()
def simulate() -> None:
    """Make reference events by simulation."""


@app.command()
def jets(
    out: Annotated[Path, typer.Option(help="Directory, gets one file a class: g.hdf5, ...")],
    types: Types = None,
    count: Annotated[int, typer.Option(min=1, help="Jets of each class.")] = 10_000,
    particles: Annotated[int, typer.Option(min=1, help="Constituents kept at most.")] = 30,
    seed: Seed = 0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; by default one a core.", show_default=False),
    ] = None,
    force: Force = False,
) -> None:
    """Simulate jets of the JetNet recipe: Pythia 8, anti-kT of R = 0.4, parton pT of 1 TeV.

    The same seed gives the same jets whatever the number of workers.
    """
    from driftline.cli.console import events_bar
    from driftline.data.clouds import JET_TYPES
    from driftline.data.formats import jetnet
    from driftline.output import check_output

    files = {
        t: out / jetnet.file_name(t, particles) for t in split_types(types, JET_TYPES) or JET_TYPES
    }
    for file in files.values():
        check_output(file, force)
    from driftline.simulation.pythia import simulate_jets  # needs the extra [simulation]

    with events_bar("jets") as start:
        for jet_type, file in files.items():
            made = simulate_jets(
                jet_type,
                count,
                particles=particles,
                seed=seed,
                workers=workers,
                progress=start(jet_type, count),
            )
            jetnet.write(file, made, force)
    for file in files.values():
        print(file)


@app.command()
def lartpc(
    out: Annotated[Path, typer.Option(help="File to write (HDF5).")],
    particles: Annotated[
        str,
        typer.Option(metavar="e-,gamma,...", help="Classes, separated by commas."),
    ] = "e-,gamma,mu-,pi+,pi-,p",
    count: Annotated[int, typer.Option(min=1, help="Events of each class.")] = 1000,
    seed: Seed = 0,
    momentum: Annotated[
        str, typer.Option(metavar="LOW,HIGH", help="Uniform between these [MeV/c].")
    ] = "30,800",
    recombination: Annotated[
        str, typer.Option(help="modified-box, birks, or none.")
    ] = "modified-box",
    unit: Annotated[
        str, typer.Option(help="Of the pixels: MeV (calibrated at minimum ionisation), electrons.")
    ] = "MeV",
    diffusion: Annotated[
        bool, typer.Option("--diffusion", help="Spread the charge on its drift along x.")
    ] = False,
    noise: Annotated[
        float, typer.Option(min=0, help="Standard deviation of a pixel's noise [MeV].")
    ] = 0.0,
    threshold: Annotated[
        float, typer.Option(min=0, help="Pixels below it are exactly zero [MeV].")
    ] = 0.05,
    crop: Annotated[
        bool,
        typer.Option("--crop", help="Write every plane on its own, 64 x 64 around its charge."),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Threads; by default one a core.", show_default=False),
    ] = None,
    force: Force = False,
) -> None:
    """Simulate single particles in liquid argon: three planes of 256 x 256 pixels of 0.5 cm.

    Event i of a class and seed is the same whatever the count, the other classes and the number of
    workers. The classes alternate in the file.
    """
    from driftline.cli.console import events_bar
    from driftline.data.crops import crop_blocks
    from driftline.data.formats import image_file
    from driftline.simulation.liquid_argon.events import LiquidArgonSettings, simulate_blocks

    chosen = tuple(dict.fromkeys(name.strip() for name in particles.split(",") if name.strip()))
    settings = LiquidArgonSettings(
        momentum=_range(momentum),
        recombination=recombination,
        unit=unit,
        diffusion=diffusion,
        noise=noise,
        threshold=threshold,
    )
    blocks = simulate_blocks(chosen, count, seed=seed, workers=workers, settings=settings)
    with image_file.Writer(out, force) as writer, events_bar("events") as start:
        counted = _counted(blocks, start("events", count * len(chosen)))
        for images in crop_blocks(counted) if crop else counted:
            writer.append(images)
    print(f"{out}: {writer.count} images")


def _range(text: str) -> tuple[float, float]:
    """``"30,800"`` as two numbers."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--momentum {text}: expected two numbers, such as 30,800") from error
    return low, high


def _counted(blocks: Iterator["Images"], progress: Callable[[int], None]) -> Iterator["Images"]:
    """The same blocks; tells their lengths."""
    for block in blocks:
        yield block
        progress(len(block))
