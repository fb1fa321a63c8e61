"""``driftline likelihood``: how likely events are under a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    command_line,
    load_model,
    split_types,
    write_json,
)
from driftline.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from driftline.diffusion.likelihood import Likelihood
    from driftline.event_likelihood import EventLikelihood
    from driftline.generation import EventGenerator


def likelihood(
    model: Model,
    events: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Events: a file, a directory or a shipped reference's name."
        ),
    ],
    types: Types = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="The first ones of each class.", show_default="all")
    ] = None,
    judged_as: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="CLASS", help="Class to judge all events as.", show_default="their own"
        ),
    ] = None,
    probes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Random probes of the trace; that of a network of few numbers is exact.",
            show_default="4",
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="The exact trace: as many products as dimensions.")
    ] = False,
    steps: Annotated[
        int, typer.Option(min=1, help="Steps along the flow, of four evaluations each.")
    ] = 50,
    blur: Annotated[
        float | None,
        typer.Option(
            help="Noise left at the end of the flow, over the spread of the encoded data.",
            show_default="the model's smallest",
        ),
    ] = None,
    seed: Seed = 0,
    batch: Batch = 100,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="One line an event; for driftline report.", show_default=False
        ),
    ] = None,
    device: Device = "cpu",
    threads: Threads = None,
    json: Json = None,
    force: Force = False,
) -> None:
    """Log-likelihood and bits per dimension of events, by the probability-flow ODE.

    The density is that of the encoded numbers that the networks draw: compare events under one
    model, one class (--as) and the same --blur. Lower bits per dimension are likelier.
    """
    from json import dumps

    from driftline.data.shipped import read_reference
    from driftline.event_likelihood import event_likelihood
    from driftline.fingerprint import fingerprint
    from driftline.likelihood_table import LikelihoodTable
    from driftline.output import check_output, write_text
    from driftline.study.provenance import versions

    check_json(json, force, out)
    if out is not None:
        if out.suffix.lower() != ".csv":
            raise InputError(f"--out {out}: is a table; name it {out.with_suffix('.csv').name}")
        check_output(out, force)
    generator = load_model(model, device, threads)
    how = _how(generator, probes, exact, steps, blur)
    found = read_reference(events, split_types(types), count=count, **generator.form)
    result = event_likelihood(generator, found, how, event_type=judged_as, seed=seed, batch=batch)
    if out is not None:
        write_text(out, LikelihoodTable.of(found, result, judged_as).csv, force)
    rows = [
        _summary(name, result, found.labels == found.types.index(name)) for name in found.present
    ]
    if json is not None:
        source = {"command": command_line(), "versions": versions()}
        content = {**source, "model": fingerprint(generator), "classes": rows}
        write_json(json, dumps(content, indent=1), force)
    if json is None or str(json) != "-":
        _print(rows)


def _how(
    generator: "EventGenerator", probes: int | None, exact: bool, steps: int, blur: float | None
) -> "Likelihood":
    """What ``--probes``, ``--exact``, ``--steps`` and ``--blur`` ask for.

    Raises:
        InputError: both a number of probes and the exact trace, or a noise that is out of range.
    """
    import math

    import torch

    from driftline.diffusion.divergence import ExactTrace, Rademacher
    from driftline.diffusion.likelihood import Likelihood

    if exact and probes is not None:
        raise InputError("--exact: needs no --probes; leave one of them out")
    trace = ExactTrace() if exact else Rademacher(probes or 4)
    if blur is None:
        return Likelihood(steps, trace)
    if not (math.isfinite(blur) and blur > 0):
        raise InputError(f"--blur {blur:g}: give a positive number, such as 0.01")
    times = [
        float(denoiser.schedule.time(torch.tensor(-math.log(blur), dtype=torch.float64)))
        for denoiser in generator.denoisers.values()
    ]
    if not 0 < times[0] < 1:
        raise InputError(f"--blur {blur:g}: the model knows no such noise; try 0.01")
    return Likelihood(steps, trace, times[0])


def _print(rows: list[dict[str, Any]]) -> None:
    """Means over the events of each class as a table."""
    from driftline.cli.console import print_table

    networks = list(rows[0]["by_network"])
    print_table(
        "Log-likelihood: mean over the events of a class, its error, and their spread",
        ["class", "events", "nats", "spread", *networks, "dimensions", "bits/dimension"],
        [
            [
                str(row["type"]),
                f"{row['events']:,}",
                _with_error(row["nats"], row["nats_error"], 2),
                f"{row['nats_spread']:.1f}",
                *(f"{row['by_network'][name]:.2f}" for name in networks),
                f"{row['dimensions']:.1f}",
                _with_error(row["bits_per_dimension"], row["bits_per_dimension_error"], 3),
            ]
            for row in rows
        ],
    )


def _summary(name: str, result: "EventLikelihood", mine: "NDArray[np.bool_]") -> dict[str, Any]:
    nats, bits = result.value[mine], result.bits_per_dimension[mine]
    parts = result.by_network.items()
    return {
        "type": name,
        "events": len(nats),
        "nats": float(nats.mean()),
        "nats_error": _error(nats),
        "nats_spread": float(nats.std()),
        "trace_error": _known(float(result.standard_error[mine].mean())),
        "by_network": {network: float(part.value[mine].mean()) for network, part in parts},
        "evaluations": {network: part.evaluations for network, part in parts},
        "products": {network: part.products for network, part in parts},
        "dimensions": float(result.dimensions[mine].mean()),
        "bits_per_dimension": float(bits.mean()),
        "bits_per_dimension_error": _error(bits),
    }


def _error(values: "NDArray[np.float64]") -> float | None:
    """Standard error of the mean; a single number has none."""
    return float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else None


def _known(value: float) -> float | None:
    """A number of JSON, which has no NaN."""
    return value if value == value else None


def _with_error(value: float, error: float | None, digits: int) -> str:
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")
