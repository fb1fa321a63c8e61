"""``driftline simulate``: reference data made by Pythia and FastJet."""

from pathlib import Path
from typing import Annotated

import typer

from driftline.cli.options import Force, Seed, Types, split_types

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
