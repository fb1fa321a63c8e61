"""Rows, verdicts and best samplers of a study, from its finished cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from driftline.study.cells import Store, Task
from driftline.study.endpoints import endpoint
from driftline.study.resampling import Distances, mean
from driftline.study.results import Best, Cell, Endpoint, Floor, Row, Verdict
from driftline.study.verdicts import best, judge
from driftline.two_level import TwoLevelSampler


@dataclass(frozen=True)
class Summary:
    """What the cells of one class say."""

    cells: list[Cell]
    rows: list[Row]
    verdicts: list[Verdict]
    best: Best
    endpoints: list[Endpoint]


def summarise(store: Store, samplers: Sequence[str], seeds: Sequence[int], floor: Floor) -> Summary:
    """Put all samplers of a class beside each other.

    Args:
        store: with every cell finished.
        samplers: as text; the first is the baseline.
        seeds: of the noise.
        floor: of the class.
    """
    cells: list[Cell] = []
    rows: list[Row] = []
    distances: dict[str, Distances] = {}
    for sampler in samplers:
        tasks = [Task(sampler, floor.jet_type, seed) for seed in seeds]
        mine = [cell for cell in map(store.cell, tasks) if cell is not None]
        parts = [store.distances(task, cell) for task, cell in zip(tasks, mine, strict=True)]
        distances[sampler] = mean(parts)
        rows.append(_row(mine, distances[sampler], rows[0] if rows else None))
        cells += mine
    baseline, *others = samplers
    verdicts = [
        verdict
        for sampler in others
        for verdict in judge(distances[sampler], distances[baseline], floor, sampler)
    ]
    endpoints = _endpoints(store, samplers, seeds, floor.jet_type)
    return Summary(cells, rows, verdicts, best(distances, floor.jet_type), endpoints)


def _endpoints(
    store: Store, samplers: Sequence[str], seeds: Sequence[int], jet_type: str
) -> list[Endpoint]:
    """Of the deterministic samplers against the first, if that is one."""
    if not TwoLevelSampler.parse(samplers[0]).deterministic:
        return []
    reference = [store.jets(Task(samplers[0], jet_type, seed)) for seed in seeds]
    return [
        endpoint(
            sampler, jet_type, [store.jets(Task(sampler, jet_type, s)) for s in seeds], reference
        )
        for sampler in samplers[1:]
        if TwoLevelSampler.parse(sampler).deterministic
    ]


def _row(cells: Sequence[Cell], distances: Distances, baseline: Row | None) -> Row:
    """All seeds of a sampler and a class together."""
    seeds = len(cells)
    jet = sum(c.jet_evaluations for c in cells) / seeds
    particle = sum(c.particle_evaluations for c in cells) / seeds
    jets = sum(c.settings.count for c in cells)
    return Row(
        sampler=cells[0].sampler,
        label=cells[0].label,
        jet_type=cells[0].jet_type,
        seeds=seeds,
        jet_evaluations=jet,
        particle_evaluations=particle,
        seconds_per_1000=1000 * sum(c.seconds for c in cells) / jets,
        fewer_evaluations=baseline.evaluations / (jet + particle) if baseline else 1.0,
        scores=distances.scores,
    )
