"""What ``driftline sample`` does for each kind of event."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline import __version__
from driftline.cli.asked import AskedFeatures, AskedMomentum, AskedStart
from driftline.cli.console import events_bar, print_table
from driftline.cli.image_options import ImageOptions
from driftline.cli.options import refuse_beside, write_json
from driftline.data import clouds, images
from driftline.data.formats import conditions, fixed_particles, image_file, jetnet
from driftline.data.formats.conditions import Conditions
from driftline.data.overlay import overlay
from driftline.data.shipped import reference_path
from driftline.errors import InputError
from driftline.generation import EventGenerator, Generation, check_sampler
from driftline.generator import Generator
from driftline.image_generator import ImageGenerator
from driftline.jet_guidance import KnownParticles
from driftline.network_samplers import NetworkSamplers
from driftline.output import check_output

_OTHER_FILES = (".csv", ".hd5", ".hdf", ".json", ".npy", ".npz", ".root", ".txt")
"""Endings of names that are no directory's."""


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

    def rows(self, names: list[str], wanted: Conditions | None) -> dict[str, NDArray[np.int64]]:
        """What events are made from, by class: lines of a file, or without one their numbers.

        Event i of a class is that of its i-th line. A class that has none is left out.

        Raises:
            InputError: all of them are.
        """
        if wanted is None:
            return dict.fromkeys(names, np.arange(self.first, self.first + (self.count or 1000)))
        end = None if self.count is None else self.first + self.count
        rows = {name: wanted.rows(name)[self.first : end] for name in names}
        found = {name: lines for name, lines in rows.items() if len(lines)}
        if not found:
            most = max(len(wanted.rows(name)) for name in names)
            raise InputError(f"--first {self.first}: a class has {most} events; begin earlier")
        return found

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

    def provenance(self, attributes: dict[str, Any], guided: Mapping[str, str]) -> dict[str, Any]:
        """Attributes of the events, with the model as the user named it, and what guided it."""
        guided_by = {"guided_by": guided} if guided else {}
        return {**attributes, **guided_by, "model": self.model, "driftline": __version__}


def sample_jets(
    generator: Generator,
    order: Order,
    given: Mapping[str, str | None],
    path: Path | None,
    fixed: Path | None,
) -> None:
    """Generate jets and write them in JetNet's format.

    Jet i of a class is that of the i-th line of the class in a file of features.

    Args:
        generator: the model.
        order: how many, of which classes, where to.
        given: numbers or ranges of the features; None where the model is to draw them.
        path: file of the features of each jet, or None.
        fixed: file of particles that all jets contain, or None.

    Raises:
        InputError: classes, features, particles or the output are not valid.
    """
    most = generator.preprocessing.max_particles
    layout = conditions.jets_of(most)
    ranges = AskedFeatures.parse(given, layout)
    if path is not None:
        refuse_beside("--conditions", path, **given)
    wanted = None if path is None else conditions.read(reference_path(path), layout)
    guidance = None if fixed is None else _fixed(fixed, most)
    rows = order.rows(_classes(order.types, wanted, generator.types), wanted)
    if wanted is not None:
        for name, mine in rows.items():
            wanted[mine].check(layout.columns, f"{path}: class {name}", order.first)
    single = order.out.suffix in (".hdf5", ".h5")
    if order.out.suffix.lower() in _OTHER_FILES:
        raise InputError(f"--out {order.out}: is neither FILE.hdf5 nor a directory; name one")
    _check_out(order.out, single, list(rows), most, order.force)
    model = generator.accelerated() if order.fast else generator
    made: dict[str, Generation] = {}
    parts = []
    with events_bar("jets") as start:
        for name, mine in rows.items():
            drawn = ranges.of(mine, order.seed)
            features: Mapping[str, Any] = drawn if wanted is None else wanted[mine].features
            with _in_reach(guidance):
                made[name] = found = model.generate(
                    len(mine),
                    name,
                    progress=start(name, len(mine)),
                    guidance=guidance,
                    **order.options,
                    **features,
                )
            parts.append(found.jets)
    jets = clouds.concatenate(parts)
    guided = {} if fixed is None else {"fixed": str(fixed)}
    jets = replace(jets, attributes=order.provenance(jets.attributes, guided))
    if single:
        jetnet.write(order.out, jets, order.force)
    else:
        jetnet.write_directory(order.out, jets, order.force)
    _report("jets", made, order)


@contextmanager
def _in_reach(guidance: object) -> Iterator[None]:
    """Guided events that grow beyond all bounds are the fault of what was asked.

    Raises:
        InputError: events are not finite, and they are guided.
    """
    try:
        yield
    except FloatingPointError as error:
        if guidance is None:
            raise
        raise InputError(f"guidance: {error}; ask for what the model can make") from error


def _fixed(path: Path, most: int) -> KnownParticles:
    """The particles of a file, where a jet of the model has room for so many.

    Raises:
        InputError: it has not, or the file is malformed.
    """
    particles = fixed_particles.read(path)
    if len(particles) > most:
        raise InputError(
            f"{path}: has {len(particles)} particles, jets of this model up to {most}; "
            "leave some out"
        )
    return KnownParticles(particles)


def sample_images(generator: ImageGenerator, order: Order, options: ImageOptions) -> None:
    """Generate images and write them to one file.

    Images stand in the order of the lines or images of a file that tells classes; otherwise they
    are class by class.

    Args:
        generator: the model.
        order: how many, of which classes, where to.
        options: what is asked of them.

    Raises:
        InputError: classes, what is asked or the output are not valid.
    """
    if order.out.suffix not in (".hdf5", ".h5"):
        raise InputError(f"--out {order.out}: images are written in HDF5; name FILE.hdf5")
    vectors = None if options.momentum is None else AskedMomentum.parse(options.momentum)
    points = None if options.start is None else AskedStart.parse(options.start)
    completion = options.completion(generator, order.types)
    wanted = options.wanted if completion is None else completion.wanted
    started = points is not None or (wanted is not None and wanted.start is not None)
    if started and generator.preprocessing.shape[0] > 1:
        raise InputError(
            "start: row and column are for models of one plane, and this makes several at once; "
            "leave them out"
        )
    guidance = options.guidance_of_all(generator)
    frames = options.frames(generator)
    rows = order.rows(_classes(order.types, wanted, generator.types), wanted)
    check_output(order.out, order.force)
    model = generator.accelerated() if order.fast else generator
    made: dict[str, Generation] = {}
    parts = []
    with events_bar("images") as start:
        for name, mine in rows.items():
            drawn, begun = (
                None if given is None else given.of(mine, order.seed) for given in (vectors, points)
            )
            asked = None if wanted is None else wanted[mine]
            aim = guidance if completion is None else completion.of(mine)
            with _in_reach(aim):
                made[name] = found = model.generate(
                    len(mine),
                    name,
                    progress=start(name, len(mine)),
                    momentum=drawn if asked is None else asked.momentum,
                    plane=options.plane if asked is None else asked.features.get("plane"),
                    start=begun if asked is None else asked.start,
                    guidance=aim,
                    **order.options,
                )
            parts.append(found.images)
    joined = images.concatenate(parts)
    if wanted is not None:
        joined = joined[wanted.in_order(list(rows.values()))]
    if frames is not None:
        joined = overlay(joined, frames)
    joined = replace(joined, attributes=order.provenance(joined.attributes, options.guided))
    image_file.write(order.out, joined, order.force)
    _report("images", made, order)


def _classes(
    types: list[str] | None, wanted: Conditions | None, known: tuple[str, ...]
) -> list[str]:
    """The classes to generate, in the order asked for."""
    if wanted is None or wanted.types is None:
        return types or list(known)
    there = [name for name in known if name in wanted.types]
    unknown = set(wanted.types) - set(known)
    if unknown:
        raise InputError(
            f"--conditions: the model does not know class {', '.join(unknown)}; "
            f"choose from {', '.join(known)}"
        )
    missing = [name for name in types or [] if name not in there]
    if missing:
        raise InputError(
            f"--types: the file asks for none of class {', '.join(missing)}; leave it out"
        )
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
                    _rate(len(part.events) / part.costs.seconds),
                    ", ".join(f"{what} {n}" for what, n in part.repaired.items()),
                ]
                for name, part in made.items()
            ],
        )


def _rate(rate: float) -> str:
    """Whole numbers, or two digits of what is slower than ten a second."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
