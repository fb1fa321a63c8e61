"""Options that mean the same in every command, and what they stand for."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftline.errors import InputError

if TYPE_CHECKING:
    from driftline.generation import EventGenerator
    from driftline.network_samplers import NetworkSamplers

Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of all random numbers.")]
Force = Annotated[bool, typer.Option("--force", help="Replace output that exists.")]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the results as JSON ('-': to stdout)."),
]
Device = Annotated[str, typer.Option(help="Where networks run: cpu, cuda, cuda:1, ...")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="CPU threads; by default one a core.", show_default=False)
]
Types = Annotated[
    str | None,
    typer.Option(
        "--types",
        "--type",
        metavar="g,q,...",
        help="Classes, separated by commas; by default all.",
        show_default=False,
    ),
]
Particles = Annotated[
    int | None,
    typer.Option(min=1, help="Keep this many of the hardest particles.", show_default=False),
]
Batch = Annotated[int, typer.Option(min=1, help="Events in one network call.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Model file or shipped model's name.")]


def split_types(text: str | None, known: Sequence[str] | None = None) -> list[str] | None:
    """``"g,q"`` as a list without repetitions; None stays None.

    Args:
        text: of ``--types``.
        known: the classes that there are, where that does not depend on a file.

    Raises:
        InputError: it names no class, or one that is unknown.
    """
    if text is None:
        return None
    types = list(dict.fromkeys(t.strip() for t in text.split(",") if t.strip()))
    if not types:
        raise InputError("--types: names no class; give some, separated by commas, or leave it out")
    unknown = [name for name in types if known is not None and name not in known]
    if known is not None and unknown:
        raise InputError(f"--types: unknown class {unknown[0]!r}; choose from {', '.join(known)}")
    return types


def load_model(model: str, device: str, threads: int | None) -> "EventGenerator":
    """Load a model on a device, computing with so many threads.

    Raises:
        InputError: as ``driftline.load``; the device is unknown or absent.
    """
    use(device, threads)
    from driftline.models import load

    return load(model).to(device)


def use(device: str, threads: int | None) -> None:
    """Check the device, set the number of CPU threads.

    Raises:
        InputError: the device is unknown or absent.
    """
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        reason = str(error).splitlines()[0]
        raise InputError(f"--device {device}: not available ({reason}); use cpu") from error
    if threads is not None:
        torch.set_num_threads(threads)


def sampler_of(
    text: str | None, steps: int | None, default: "NetworkSamplers"
) -> "NetworkSamplers":
    """The sampler of ``--sampler`` and ``--steps``, or the model's own.

    Raises:
        InputError: the text describes no sampler, or a sampler has no number of steps.
    """
    from driftline.network_samplers import NetworkSamplers

    try:
        sampler = default if text is None else NetworkSamplers.parse(text)
    except ValueError as error:
        raise InputError(f"--sampler: {error}") from error
    try:
        return sampler if steps is None else sampler.with_steps(steps)
    except ValueError as error:
        raise InputError(f"--steps: {error}; or name another sampler (--sampler)") from error


def command_line() -> str:
    """The command as it was given, for the provenance of what it writes."""
    return shlex.join(["driftline", *sys.argv[1:]])


def check_json(path: Path | None, force: bool, out: Path | None = None) -> None:
    """Refuse a file of ``--json`` that cannot be written, or is that of ``--out``."""
    from driftline.output import check_output

    if path is not None and str(path) != "-":
        if out is not None and path.resolve() == out.resolve():
            raise InputError(f"--json {path}: is the file of --out too; name another")
        check_output(path, force)


def write_json(path: Path, text: str, force: bool) -> None:
    """Write a file of ``--json``, or stdout."""
    from driftline.output import write_text

    if str(path) == "-":
        print(text)
    else:
        write_text(path, text + "\n", force)


def refuse_beside(option: str, path: Path, **given: object) -> None:
    """Refuse options for what the file of another one tells; None where one is left out."""
    for name, value in given.items():
        if value is not None:
            beside = f"--{name.replace('_', '-')}"
            raise InputError(f"{beside}: given beside {option}; put it into {path} alone")
