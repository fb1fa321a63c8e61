"""Options that mean the same in every command, and what they stand for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftline.errors import InputError

if TYPE_CHECKING:
    from driftline.generator import Generator
    from driftline.two_level import TwoLevelSampler

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
Batch = Annotated[int, typer.Option(min=1, help="Jets in one network call.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Model file or shipped model's name.")]


def split_types(text: str | None) -> list[str] | None:
    """``"g,q"`` as a list without repetitions; None stays None.

    Raises:
        InputError: a class is unknown.
    """
    from driftline.data.clouds import JET_TYPES

    if text is None:
        return None
    types = list(dict.fromkeys(t.strip() for t in text.split(",") if t.strip()))
    for name in types:
        if name not in JET_TYPES:
            raise InputError(f"--types: unknown class {name!r}; choose from {', '.join(JET_TYPES)}")
    if not types:
        raise InputError(f"--types: names no class; choose from {', '.join(JET_TYPES)}")
    return types


def load_model(model: str, device: str, threads: int | None) -> "Generator":
    """Load a model on a device, computing with so many threads.

    Raises:
        InputError: as ``driftline.load``; the device is unknown or absent.
    """
    use(device, threads)
    from driftline.generator import load

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
    text: str | None, steps: int | None, default: "TwoLevelSampler"
) -> "TwoLevelSampler":
    """The sampler of ``--sampler`` and ``--steps``, or the model's own.

    Raises:
        InputError: the text describes no sampler, or a sampler has no number of steps.
    """
    from driftline.two_level import TwoLevelSampler

    try:
        sampler = default if text is None else TwoLevelSampler.parse(text)
    except ValueError as error:
        raise InputError(f"--sampler: {error}") from error
    try:
        return sampler if steps is None else sampler.with_steps(steps)
    except ValueError as error:
        raise InputError(f"--steps: {error}") from error


def check_json(path: Path | None, force: bool) -> None:
    """Refuse a file of ``--json`` that cannot be written."""
    from driftline.output import check_output

    if path is not None and str(path) != "-":
        check_output(path, force)


def write_json(path: Path, text: str, force: bool) -> None:
    """Write a file of ``--json``, or stdout."""
    from driftline.output import write_text

    if str(path) == "-":
        print(text)
    else:
        write_text(path, text + "\n", force)
