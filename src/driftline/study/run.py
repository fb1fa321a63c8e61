"""Samplers against evaluations, time and quality on one model: the study."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from driftline.data.events import LabelledEvents
from driftline.errors import InputError
from driftline.fingerprint import fingerprint
from driftline.generation import EventGenerator, check_sampler, is_student
from driftline.metrics.kinds import EventKind, kind_of
from driftline.metrics.sample import Sample
from driftline.network_samplers import NetworkSamplers
from driftline.output import check_output
from driftline.study.against_simulation import against_simulation as timed_against
from driftline.study.cells import Store, Task
from driftline.study.provenance import fingerprint_events, machine, versions
from driftline.study.recommend import recommend
from driftline.study.resampling import compare, floor, measured
from driftline.study.results import Cell, Floor, Settings, Study
from driftline.study.summary import summarise
from driftline.study.verdicts import decide

FEWEST_EVENTS = 20
"""Reference events that a class needs: with fewer a distance says nothing."""

Progress = Callable[[str, float, int], None]
"""Called with what is being computed, cells done (with fractions) and cells in all."""


@dataclass(frozen=True)
class Plan:
    """What a study computes: every sampler (the first is the baseline), class and seed.

    Attributes:
        samplers: the samplers.
        types: the classes.
        seeds: of the noise.
        count: events a cell.
        batch: events in one network call.
        draws: bootstrap draws.
    """

    samplers: tuple[NetworkSamplers, ...]
    types: tuple[str, ...]
    seeds: tuple[int, ...]
    count: int
    batch: int
    draws: int

    @property
    def tasks(self) -> list[Task]:
        """The cells, class by class."""
        return [
            Task(str(sampler), event_type, seed)
            for event_type in self.types
            for sampler in self.samplers
            for seed in self.seeds
        ]


@dataclass(frozen=True)
class Planned:
    """A study that nothing speaks against.

    Attributes:
        kind: of its events.
        plan: what it computes.
        store: where its cells are.
        settings: of the cells, by class.
        done: those that are finished.
    """

    kind: EventKind
    plan: Plan
    store: Store
    settings: Mapping[str, Settings]
    done: frozenset[Task]


def run_study(
    generator: EventGenerator,
    reference: LabelledEvents,
    out: Path,
    *,
    samplers: Sequence[str] | None = None,
    count: int = 10_000,
    types: Sequence[str] | None = None,
    seeds: Sequence[int] = (1,),
    batch: int = 1000,
    truth: LabelledEvents | None = None,
    draws: int = 1000,
    force: bool = False,
    against_simulation: bool = False,
    name: str = "",
    command: str = "",
    progress: Progress | None = None,
) -> Study:
    """Compare samplers; write ``out/study.json`` and ``out/cells/``.

    Every sampler gets the same noise, seed by seed, and its events are compared with the same
    reference events. Finished cells are not computed again, so that a study that was stopped goes
    on where it was.

    Args:
        generator: the model.
        reference: true events.
        out: directory.
        samplers: as text, see ``NetworkSamplers.parse``; the first is the baseline. By default
            those that ``EventKind.compared`` names, and the model's own; of a student its own.
        count: events a cell.
        types: the classes; by default those of the reference.
        seeds: of the noise.
        batch: events in one network call.
        truth: more true events, for a floor that needs no scaling.
        draws: bootstrap draws.
        force: compute cells again that have other settings.
        against_simulation: time generation beside the simulation that made the reference.
        name: of the model.
        command: the command line, to be recorded.
        progress: told how far the study is.

    Raises:
        InputError: a sampler, class or number is not valid; model and reference are of two kinds of
            events; either does not know a class; ``out`` holds something else, or cells of another
            study; also as ``study.against_simulation``.
    """
    planned = plan_study(
        generator,
        reference,
        out,
        samplers=samplers,
        count=count,
        types=types,
        seeds=seeds,
        batch=batch,
        truth=truth,
        draws=draws,
        force=force,
    )
    kind, plan, store, settings = planned.kind, planned.plan, planned.store, planned.settings
    done, economy = set(planned.done), None
    if against_simulation:  # before the cells: a simulation that is absent is told at once
        economy = timed_against(
            generator,
            reference,
            plan.samplers,
            plan.types,
            events=count,
            batch=batch,
            tell=lambda text: progress(text, 0, len(plan.tasks)) if progress else None,
        )
    true = {t: kind.sample(reference.of_type(t)) for t in plan.types}
    for task in plan.tasks:
        if task not in done:
            work = _Work(
                generator, kind, true[task.event_type], settings[task.event_type], progress
            )
            work.compute(task, store, len(done), len(plan.tasks))
            done.add(task)
    floors = [_floor(kind, t, reference, truth, count) for t in plan.types]
    texts = [str(sampler) for sampler in plan.samplers]
    parts = [summarise(store, texts, plan.seeds, found) for found in floors]
    rows = [row for part in parts for row in part.rows]
    alone = [verdict for part in parts for verdict in part.verdicts]
    verdicts = [v for text in texts for v in decide([v for v in alone if v.sampler == text])]
    study = Study(
        versions=versions(),
        command=command,
        machine=machine(generator),
        model=name or str(generator.card.get("name", "")),
        kind=kind.name,
        baseline=texts[0],
        cells=[cell for part in parts for cell in part.cells],
        floors=floors,
        rows=rows,
        verdicts=verdicts,
        best=[part.best for part in parts if part.best is not None and len(texts) > 1],
        endpoints=[found for part in parts for found in part.endpoints],
        recommendation=recommend(rows, verdicts, texts[0]),
        economy=economy,
    )
    study.write(out / "study.json")
    return study


def plan_study(
    generator: EventGenerator,
    reference: LabelledEvents,
    out: Path,
    *,
    samplers: Sequence[str] | None = None,
    count: int = 10_000,
    types: Sequence[str] | None = None,
    seeds: Sequence[int] = (1,),
    batch: int = 1000,
    truth: LabelledEvents | None = None,
    draws: int = 1000,
    force: bool = False,
) -> Planned:
    """What ``run_study`` would do with the same arguments; nothing is computed or written.

    Raises:
        InputError: as ``run_study``, of all that can be told before.
    """
    kind = _fitting(generator, reference, "reference")
    if truth is not None:
        _fitting(generator, truth, "floor")
    own = str(generator.default_sampler)
    usual = [own] if is_student(generator.card) else [*kind.compared, own]
    chosen = usual if samplers is None else samplers
    plan = _plan(kind, chosen, types, seeds, count, batch, draws, reference)
    for sampler in plan.samplers:
        check_sampler(generator, sampler)
    _check_classes(plan, generator, reference)
    _check_directory(out)
    store, model = Store(out / "cells", kind), fingerprint(generator)
    settings = {
        t: Settings(
            model=model,
            reference=fingerprint_events(reference.of_type(t)),
            count=count,
            batch=batch,
            draws=draws,
        )
        for t in plan.types
    }
    # All cells are looked at: a study of other settings is refused before hours of work.
    done = {task for task in plan.tasks if store.finished(task, settings[task.event_type], force)}
    return Planned(kind, plan, store, settings, frozenset(done))


@dataclass(frozen=True)
class _Work:
    """Computes the cells of one class."""

    generator: EventGenerator
    kind: EventKind
    reference: Sample
    settings: Settings
    progress: Progress | None

    def compute(self, task: Task, store: Store, done: int, total: int) -> None:
        """Generate the events of a cell, measure them and store the cell."""
        sampler = NetworkSamplers.parse(task.sampler)
        made = 0

        def report(events: int) -> None:
            nonlocal made
            made += events
            if self.progress is not None:
                text = f"{task.event_type}, {sampler.label}, seed {task.seed}"
                self.progress(text, done + made / self.settings.count, total)

        report(0)
        generated = self.generator.generate(
            self.settings.count,
            task.event_type,
            sampler=sampler,
            seed=task.seed,
            batch=self.settings.batch,
            progress=report,
        )
        events, costs = generated.events, generated.costs
        sample = self.kind.sample(events)
        distances = compare(
            sample,
            self.reference,
            self.kind.headline_metrics,
            draws=self.settings.draws,
            label=events.types.index(task.event_type),
            seed=task.seed,
        )
        cell = Cell(
            sampler=task.sampler,
            label=sampler.label,
            event_type=task.event_type,
            seed=task.seed,
            settings=self.settings,
            evaluations={name: part.evaluations for name, part in costs.by_network.items()},
            calls={name: part.calls for name, part in costs.by_network.items()},
            seconds=costs.seconds,
            repaired=generated.repaired,
            scores=distances.scores,
            reported=measured(
                self.kind.reported_metrics, sample, self.reference, task.event_type, task.seed
            ),
        )
        store.put(task, cell, events, distances)


def parsed(samplers: Sequence[str], what: str = "samplers") -> tuple[NetworkSamplers, ...]:
    """Samplers from text.

    Args:
        samplers: see ``NetworkSamplers.parse``.
        what: names them in messages.

    Raises:
        InputError: one is not valid.
    """
    try:
        return tuple(NetworkSamplers.parse(text) for text in samplers)
    except ValueError as error:
        raise InputError(f"{what}: {error}") from error


def _fitting(generator: EventGenerator, events: LabelledEvents, what: str) -> EventKind:
    """The kind of events that are like those that the model makes."""
    kind = kind_of(events)
    if kind.name != generator.kind:
        raise InputError(
            f"the model makes {generator.kind} and the {what} holds {kind.name}; "
            f"give {generator.kind}"
        )
    difference = generator.unlike(events)
    if difference is not None:
        raise InputError(f"the {what} does not fit the model: {difference}")
    return kind


def _plan(
    kind: EventKind,
    samplers: Sequence[str],
    types: Sequence[str] | None,
    seeds: Sequence[int],
    count: int,
    batch: int,
    draws: int,
    reference: LabelledEvents,
) -> Plan:
    wanted = tuple(dict.fromkeys(types or reference.present))
    # with fewer draws no p-value is small enough for Holm's first test
    draws_needed = 20 * len(kind.headline) * len(wanted) - 1
    needed = (("count", count, 2), ("batch", batch, 1), ("draws", draws, draws_needed))
    for what, number, least in needed:
        if number < least:
            raise InputError(f"{what} is {number}; a study of this size needs at least {least}")
    chosen = tuple(dict.fromkeys(parsed(samplers)))
    if not chosen or not seeds:
        raise InputError("a study needs at least one sampler and one seed; name some")
    return Plan(chosen, wanted, tuple(dict.fromkeys(seeds)), count, batch, draws)


def _check_classes(plan: Plan, generator: EventGenerator, reference: LabelledEvents) -> None:
    for event_type in plan.types:
        if event_type not in generator.types:
            raise InputError(
                f"class {event_type!r} is unknown to the model, which has "
                f"{', '.join(generator.types)}; choose with --types"
            )
        known = event_type in reference.types
        found = len(reference.of_type(event_type)) if known else 0
        if found < FEWEST_EVENTS:
            raise InputError(
                f"class {event_type!r} has {found} reference events and needs {FEWEST_EVENTS}; "
                "give more, or choose other classes with --types"
            )


def _check_directory(out: Path) -> None:
    check_output(out / "study.json", force=True)
    if out.is_dir() and any(out.iterdir()):
        # cells alone: a study that was stopped; study.json alone: the demonstration's last one
        if not ((out / "cells").is_dir() or (out / "study.json").is_file()):
            raise InputError(f"{out}: is not empty and holds no study; choose another --out")


def _floor(
    kind: EventKind,
    event_type: str,
    reference: LabelledEvents,
    truth: LabelledEvents | None,
    count: int,
) -> Floor:
    true = reference.of_type(event_type)
    pool = true
    if truth is not None and event_type in truth.present:
        pool = kind.concatenate([true, truth.of_type(event_type)])
    sizes = count, len(true)
    return floor(kind.sample(pool), sizes, event_type, kind.headline_metrics, kind.reported_metrics)
