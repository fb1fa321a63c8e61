"""What ``driftline sample`` does for each kind of event."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline import __version__
from driftline.cli.asked import AskedFeatures, AskedMomentum
from driftline.cli.console import events_bar, print_table
from driftline.cli.options import write_json
from driftline.data import clouds, images
from driftline.data.formats import conditions, image_file, jetnet
from driftline.data.formats.conditions import Conditions, Layout
from driftline.data.shipped import reference_path
from driftline.errors import InputError
from driftline.generation import EventGenerator, Generation, check_sampler
from driftline.generator import Generator
from driftline.image_generator import ImageGenerator
from driftline.image_guidance import Emphasis
from driftline.network_samplers import NetworkSamplers
from driftline.output import check_output


@dataclass(frozen=True)
class Order:
    """What is to be made of any kind of event; see the options of the command."""

    model: str
    out: Path
    count: int | None
    types: list[str] | None
    sampler: NetworkSamplers
    seed: int
    first: int
    batch: int
    fast: bool
    json: Path | None
    force: bool

    @property
    def options(self) -> dict[str, Any]:
        """Of ``generate``."""
        return {
            "sampler": self.sampler,
            "seed": self.seed,
            "first": self.first,
            "batch": self.batch,
        }

    def numbers(self, count: int) -> NDArray[np.int64]:
        """(count,) of the events of a class."""
        return np.arange(self.first, self.first + count)

    def check(self, generator: EventGenerator) -> None:
        """Refuse what the model cannot make.

        Raises:
            InputError: it does not know a class, or cannot run the samplers.
        """
        for name in self.types or ():
            if name not in generator.types:
                raise InputError(
                    f"--types: unknown class {name!r}; the model knows {', '.join(generator.types)}"
                )
        check_sampler(generator, self.sampler)

    def provenance(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Attributes of the events, with the model as the user named it."""
        return {**attributes, "model": self.model, "driftline": __version__}


def sample_jets(
    generator: Generator, order: Order, given: Mapping[str, str | None], path: Path | None
) -> None:
    """Generate jets and write them in JetNet's format.

    Jet i of a class is that of the i-th line of the class in a file of features.

    Args:
        generator: the model.
        order: how many, of which classes, where to.
        given: numbers or ranges of the features; None where the model is to draw them.
        path: file of the features of each jet, or None.

    Raises:
        InputError: classes, features or the output are not valid.
    """
    most = generator.preprocessing.max_particles
    layout = conditions.jets_of(most)
    ranges = AskedFeatures.parse(given, layout)
    wanted = None if path is None else _read(path, layout, order.count, **given)
    names = _classes(order.types, wanted, generator.types)
    single = order.out.suffix in (".hdf5", ".h5")
    _check_out(order.out, single, names, most, order.force)
    model = generator.accelerated() if order.fast else generator
    made: dict[str, Generation] = {}
    parts = []
    with events_bar("jets") as start:
        for name in names:
            mine = wanted.of_type(name) if wanted else None
            number = len(mine) if mine is not None else order.count or 1000
            drawn = ranges.of(order.numbers(number), order.seed)
            features: Mapping[str, Any] = drawn if mine is None else mine.features
            made[name] = found = model.generate(
                number,
                name,
                progress=start(name, number),
                **order.options,
                **features,
            )
            parts.append(found.jets)
    jets = clouds.concatenate(parts)
    jets = replace(jets, attributes=order.provenance(jets.attributes))
    if single:
        jetnet.write(order.out, jets, order.force)
    else:
        jetnet.write_directory(order.out, jets, order.force)
    _report("jets", made, order)


def sample_images(
    generator: ImageGenerator,
    order: Order,
    momentum: str | None,
    plane: int | None,
    path: Path | None = None,
    scale: float | None = None,
) -> None:
    """Generate images and write them to one file.

    Image i is that of the i-th line of a file that tells classes; otherwise they are class by
    class.

    Args:
        generator: the model.
        order: how many, of which classes, where to.
        momentum: numbers or ranges [MeV/c], see ``AskedMomentum``, or None.
        plane: of all images, or None.
        path: file of what is asked of each image, or None.
        scale: of classifier-free guidance, or None.

    Raises:
        InputError: classes, momentum, plane, scale or the output are not valid.
    """
    vectors = None if momentum is None else AskedMomentum.parse(momentum)
    given = {"momentum": momentum, "plane": plane}
    wanted = None if path is None else _read(path, conditions.IMAGES, order.count, **given)
    names = _classes(order.types, wanted, generator.types)
    check_output(order.out, order.force)
    model = generator.accelerated() if order.fast else generator
    made: dict[str, Generation] = {}
    parts = []
    with events_bar("images") as start:
        for name in names:
            mine = wanted.of_type(name) if wanted else None
            number = len(mine) if mine is not None else order.count or 1000
            drawn = None if vectors is None else vectors.of(order.numbers(number), order.seed)
            made[name] = found = model.generate(
                number,
                name,
                progress=start(name, number),
                momentum=drawn if mine is None else mine.momentum,
                plane=plane if mine is None else mine.features.get("plane"),
                guidance=None if scale is None else Emphasis(scale),
                **order.options,
            )
            parts.append(found.images)
    joined = images.concatenate(parts)
    if wanted is not None:
        joined = joined[wanted.in_order(names)]
    joined = replace(joined, attributes=order.provenance(joined.attributes))
    image_file.write(order.out, joined, order.force)
    _report("images", made, order)


def _read(path: Path, layout: Layout, count: int | None, **given: object) -> Conditions:
    for name, value in {**given, "count": count}.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}: given beside --conditions; put it into {path} alone")
    return conditions.read(reference_path(path), layout)


def _classes(
    types: list[str] | None, wanted: Conditions | None, known: tuple[str, ...]
) -> list[str]:
    """The classes to generate, in the order asked for."""
    if wanted is None or wanted.types is None:
        return types or list(known)
    there = [name for name in known if name in wanted.types]
    unknown = set(wanted.types) - set(known)
    if unknown:
        raise InputError(f"--conditions: the model does not know class {', '.join(unknown)}")
    missing = [name for name in types or [] if name not in there]
    if missing:
        raise InputError(f"--conditions: asks for none of class {', '.join(missing)}")
    return types or there


def _check_out(out: Path, single: bool, names: list[str], particles: int, force: bool) -> None:
    if single and len(names) > 1:
        raise InputError(
            f"{out}: one file holds one class and these are {', '.join(names)}; "
            "choose one with --types or give a directory"
        )
    for file in [out] if single else [out / jetnet.file_name(n, particles) for n in names]:
        check_output(file, force)


def _report(events: str, made: Mapping[str, Generation], order: Order) -> None:
    """Evaluations and rates, as a table or as JSON."""
    rows = [
        {
            "type": name,
            events: len(part.events),
            "evaluations": {n: cost.evaluations for n, cost in part.costs.by_network.items()},
            "seconds": part.costs.seconds,
            f"{events}_per_second": len(part.events) / part.costs.seconds,
            "repaired": part.repaired,
        }
        for name, part in made.items()
    ]
    if order.json is not None:
        write_json(order.json, dumps(rows, indent=1), order.force)
    if order.json is None or str(order.json) != "-":
        networks = list(next(iter(made.values())).costs.by_network)
        print_table(
            f"Evaluations of the networks, {events} a second",
            ["class", events, *networks, "sum", f"{events}/s", "repaired"],
            [
                [
                    name,
                    f"{len(part.events):,}",
                    *(f"{cost.evaluations:g}" for cost in part.costs.by_network.values()),
                    f"{part.costs.evaluations:g}",
                    f"{len(part.events) / part.costs.seconds:,.0f}",
                    ", ".join(f"{what} {n}" for what, n in part.repaired.items()),
                ]
                for name, part in made.items()
            ],
        )
