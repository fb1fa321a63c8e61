"""Generation timed beside the simulation that it stands for.

Each on one thread, as both are run on many cores: one process a core. Processor time and not wall
time, so that other work on the machine does not decide. Both take turns, chunk by chunk, so that
what slows the machine for a while slows both; the spread of the chunks is the error.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count

import torch

from driftline.data.events import LabelledEvents
from driftline.errors import InputError
from driftline.generation import EventGenerator
from driftline.metrics.kinds import kind_of
from driftline.network_samplers import NetworkSamplers
from driftline.study.economy import Cost, Economy, break_even
from driftline.study.training_cost import training_cost

CHUNKS = 5
"""Chunks that the events of a class are made in."""

EVENTS = 1000
"""Of each class at most: errors of one or two percent."""

_SEED = 2**62
"""Of generated events: far from the seeds of studies."""

Make = Callable[[int], int]
"""Makes at least so many events and tells how many."""


def against_simulation(
    generator: EventGenerator,
    reference: LabelledEvents,
    samplers: Sequence[NetworkSamplers],
    types: Sequence[str],
    *,
    events: int,
    batch: int,
    tell: Callable[[str], None],
) -> Economy:
    """Time simulation and generation.

    Args:
        generator: the model, on the processor.
        reference: true events, whose simulation is timed.
        samplers: to be timed.
        types: classes that are generated; every class that was trained on is simulated.
        events: of each class that either is timed by; ``EVENTS`` at most.
        batch: generated events in one network call at most.
        tell: told what is being timed.

    Raises:
        InputError: the model is on another device; no known simulation made the reference, or its
            software is absent; simulated events are not of the reference's form.
    """
    device = next(next(iter(generator.denoisers.values())).parameters()).device
    if device.type != "cpu":
        raise InputError(
            f"--against-simulation compares on the same cores, and the model is on {device}; "
            "use --device cpu"
        )
    kind, training = kind_of(reference), training_cost(generator)
    origin = kind.origin(reference)
    size = -(-min(events, EVENTS) // CHUNKS)
    batch = min(batch, size)
    work: dict[tuple[str, str], Make] = {}
    with _one_thread():
        for event_type in training.events:
            tell(f"starting the simulation, {event_type}")
            stream = origin.stream(event_type)
            difference = kind.unlike(next(stream), reference)
            if difference is not None:
                raise InputError(f"what is simulated does not fit the reference: {difference}")
            work["simulation", event_type] = _simulating(stream)
        for sampler in samplers:
            for event_type in types:
                make = _generating(generator, sampler, event_type, batch)
                make(1)
                work[str(sampler), event_type] = make
        costs = time_in_turns(work, size, tell)
    simulated = {t: costs["simulation", t] for t in training.events}
    generated = {str(s): {t: costs[str(s), t] for t in types} for s in samplers}
    return Economy(
        simulation=origin.described,
        batch=batch,
        simulated=simulated,
        generated=generated,
        training=training,
        break_even={s: break_even(simulated, found, training) for s, found in generated.items()},
    )


def time_in_turns(
    work: dict[tuple[str, str], Make], size: int, tell: Callable[[str], None]
) -> dict[tuple[str, str], Cost]:
    """Cost of an event of each kind of work, from ``CHUNKS`` rounds of ``size`` events or more."""
    made: dict[tuple[str, str], list[int]] = {key: [] for key in work}
    took: dict[tuple[str, str], list[float]] = {key: [] for key in work}
    for number in range(CHUNKS):
        for key, make in work.items():
            tell(f"timing {', '.join(key)}, {number + 1} of {CHUNKS}")
            start = time.process_time()
            made[key].append(make(size))
            took[key].append(time.process_time() - start)
    return {key: Cost.of_chunks(made[key], took[key]) for key in work}


def _simulating(stream: Iterator[LabelledEvents]) -> Make:
    def make(size: int) -> int:
        made = 0
        while made < size:
            made += len(next(stream))
        return made

    return make


def _generating(
    generator: EventGenerator, sampler: NetworkSamplers, event_type: str, batch: int
) -> Make:
    seeds = count(_SEED)

    def make(size: int) -> int:
        generator.generate(size, event_type, sampler=sampler, seed=next(seeds), batch=batch)
        return size

    return make


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
