"""Samplers against evaluations, time and quality on one model: the study."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from driftline.data.clouds import Jets, concatenate
from driftline.errors import InputError
from driftline.generator import Generator
from driftline.metrics.observables import Sample
from driftline.output import check_output
from driftline.study.cells import Store, Task
from driftline.study.provenance import fingerprint, fingerprint_jets, machine, versions
from driftline.study.recommend import recommend
from driftline.study.resampling import compare, floor
from driftline.study.results import HEADLINE, Cell, Floor, Settings, Study
from driftline.study.summary import summarise
from driftline.study.verdicts import decide
from driftline.two_level import TwoLevelSampler

DEFAULT_SAMPLERS = (
    "rk45:tolerance=1e-5",
    "rk45:tolerance=1e-4",
    "rk45:tolerance=1e-3",
    "em:steps=300",
    "pc:steps=125",
    "pc:steps=250",
    "poster-pc:steps=250",
    "dpm:steps=10",
    "dpm:steps=20",
    "dpm:steps=30",
    "dpm:steps=50",
)
"""The poster's samplers, and DPM-Solver++ beside them. The first is the baseline."""

FEWEST_JETS = 20
"""Reference jets that a class needs: with fewer a distance says nothing."""

Progress = Callable[[str, float, int], None]
"""Called with what is being computed, cells done (with fractions) and cells in all."""


@dataclass(frozen=True)
class Plan:
    """What a study computes: every sampler (the first is the baseline), class and seed.

    Attributes:
        samplers: the samplers.
        types: the classes.
        seeds: of the noise.
        count: jets a cell.
        batch: jets in one network call.
        draws: bootstrap draws.
    """

    samplers: tuple[TwoLevelSampler, ...]
    types: tuple[str, ...]
    seeds: tuple[int, ...]
    count: int
    batch: int
    draws: int

    @property
    def tasks(self) -> list[Task]:
        """The cells, class by class."""
        return [
            Task(str(sampler), jet_type, seed)
            for jet_type in self.types
            for sampler in self.samplers
            for seed in self.seeds
        ]


def run_study(
    generator: Generator,
    reference: Jets,
    out: Path,
    *,
    samplers: Sequence[str] = DEFAULT_SAMPLERS,
    count: int = 10_000,
    types: Sequence[str] | None = None,
    seeds: Sequence[int] = (1,),
    batch: int = 1000,
    truth: Jets | None = None,
    draws: int = 1000,
    force: bool = False,
    name: str = "",
    command: str = "",
    progress: Progress | None = None,
) -> Study:
    """Compare samplers; write ``out/study.json`` and ``out/cells/``.

    Every sampler gets the same noise, seed by seed, and its jets are compared with the same
    reference jets. Finished cells are not computed again, so that a study that was stopped goes on
    where it was.

    Args:
        generator: the model.
        reference: true jets.
        out: directory.
        samplers: as text, see ``TwoLevelSampler.parse``; the first is the baseline.
        count: jets a cell.
        types: the classes; by default those of the reference.
        seeds: of the noise.
        batch: jets in one network call.
        truth: more true jets, for a floor that needs no scaling.
        draws: bootstrap draws.
        force: compute cells again that have other settings.
        name: of the model.
        command: the command line, to be recorded.
        progress: told how far the study is.

    Raises:
        InputError: a sampler, class or number is not valid; the model or the reference does not
            know a class; ``out`` holds something else, or cells of another study.
    """
    plan = _plan(samplers, types, seeds, count, batch, draws, reference)
    _check_classes(plan, generator, reference)
    _check_directory(out)
    store = Store(out / "cells")
    model = fingerprint(generator)
    settings = {
        t: Settings(
            model=model,
            reference=fingerprint_jets(reference.of_type(t)),
            count=count,
            batch=batch,
            draws=draws,
        )
        for t in plan.types
    }
    # All cells are looked at first: a study of other settings is refused before hours of work.
    done = {task for task in plan.tasks if store.finished(task, settings[task.jet_type], force)}
    true = {t: Sample(reference.of_type(t)) for t in plan.types}
    for task in plan.tasks:
        if task not in done:
            work = _Work(generator, true[task.jet_type], settings[task.jet_type], progress)
            work.compute(task, store, len(done), len(plan.tasks))
            done.add(task)
    floors = [_floor(t, reference, truth, count) for t in plan.types]
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
        baseline=texts[0],
        cells=[cell for part in parts for cell in part.cells],
        floors=floors,
        rows=rows,
        verdicts=verdicts,
        best=[part.best for part in parts],
        endpoints=[found for part in parts for found in part.endpoints],
        recommendation=recommend(rows, verdicts, texts[0]),
    )
    study.write(out / "study.json")
    return study


@dataclass(frozen=True)
class _Work:
    """Computes the cells of one class."""

    generator: Generator
    reference: Sample
    settings: Settings
    progress: Progress | None

    def compute(self, task: Task, store: Store, done: int, total: int) -> None:
        """Generate the jets of a cell, measure them and store the cell."""
        sampler = TwoLevelSampler.parse(task.sampler)
        label = self.generator.preprocessing.types.index(task.jet_type)
        made = 0

        def report(jets: int) -> None:
            nonlocal made
            made += jets
            if self.progress is not None:
                text = f"{task.jet_type}, {sampler.label}, seed {task.seed}"
                self.progress(text, done + made / self.settings.count, total)

        report(0)
        generated = self.generator.generate(
            self.settings.count,
            task.jet_type,
            sampler=sampler,
            seed=task.seed,
            batch=self.settings.batch,
            progress=report,
        )
        distances = compare(
            Sample(generated.jets),
            self.reference,
            draws=self.settings.draws,
            label=label,
            seed=task.seed,
        )
        jet_level = generated.jet_level
        cell = Cell(
            sampler=task.sampler,
            label=sampler.label,
            jet_type=task.jet_type,
            seed=task.seed,
            settings=self.settings,
            jet_evaluations=generated.jet_evaluations,
            particle_evaluations=generated.particle_evaluations,
            jet_calls=jet_level.calls,
            particle_calls=generated.particle_level.calls,
            seconds=generated.seconds,
            repaired=generated.repaired,
            scores=distances.scores,
        )
        store.put(task, cell, generated.jets, distances)


def parsed(samplers: Sequence[str], what: str = "samplers") -> tuple[TwoLevelSampler, ...]:
    """Samplers from text.

    Args:
        samplers: see ``TwoLevelSampler.parse``.
        what: names them in messages.

    Raises:
        InputError: one is not valid.
    """
    try:
        return tuple(TwoLevelSampler.parse(text) for text in samplers)
    except ValueError as error:
        raise InputError(f"{what}: {error}") from error


def _plan(
    samplers: Sequence[str],
    types: Sequence[str] | None,
    seeds: Sequence[int],
    count: int,
    batch: int,
    draws: int,
    reference: Jets,
) -> Plan:
    wanted = tuple(dict.fromkeys(types or reference.present))
    # with fewer draws no p-value is small enough for Holm's first test
    draws_needed = 20 * len(HEADLINE) * len(wanted) - 1
    needed = (("count", count, 2), ("batch", batch, 1), ("draws", draws, draws_needed))
    for what, number, least in needed:
        if number < least:
            raise InputError(f"{what} is {number}; a study of this size needs at least {least}")
    chosen = tuple(dict.fromkeys(parsed(samplers)))
    if not chosen or not seeds:
        raise InputError("a study needs at least one sampler and one seed; name some")
    return Plan(chosen, wanted, tuple(dict.fromkeys(seeds)), count, batch, draws)


def _check_classes(plan: Plan, generator: Generator, reference: Jets) -> None:
    for jet_type in plan.types:
        if jet_type not in generator.types:
            raise InputError(
                f"class {jet_type!r} is unknown to the model, which has "
                f"{', '.join(generator.types)}; choose with --types"
            )
        found = int((reference.labels == reference.types.index(jet_type)).sum())
        if found < FEWEST_JETS:
            raise InputError(
                f"class {jet_type!r} has {found} reference jets and needs {FEWEST_JETS}; "
                "give more, or choose other classes with --types"
            )
    slots, most = reference.particles.shape[1], generator.preprocessing.max_particles
    if slots != most:
        raise InputError(
            f"the reference jets have up to {slots} particles, the model's up to {most}; "
            f"read the reference with --particles {most}, or use another model"
        )


def _check_directory(out: Path) -> None:
    check_output(out / "study.json", force=True)
    if out.is_dir() and any(out.iterdir()):
        # cells alone: a study that was stopped; study.json alone: the demonstration's last one
        if not ((out / "cells").is_dir() or (out / "study.json").is_file()):
            raise InputError(f"{out}: is not empty and holds no study; choose another --out")


def _floor(jet_type: str, reference: Jets, truth: Jets | None, count: int) -> Floor:
    true = reference.of_type(jet_type)
    pool = true
    if truth is not None and jet_type in truth.present:
        pool = concatenate([true, truth.of_type(jet_type)])
    return floor(Sample(pool), (count, len(true)), jet_type)
