"""Rows, verdicts and best samplers of a study, from its finished cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from driftline.metrics.scores import Measurement
from driftline.network_samplers import NetworkSamplers
from driftline.study.cells import Store, Task
from driftline.study.endpoints import endpoint
from driftline.study.resampling import Distances, mean
from driftline.study.results import Best, Cell, Endpoint, Floor, Row, Verdict
from driftline.study.verdicts import best, judge


@dataclass(frozen=True)
class Summary:
    """What the cells of one class say."""

    cells: list[Cell]
    rows: list[Row]
    verdicts: list[Verdict]
    best: Best | None
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
        tasks = [Task(sampler, floor.event_type, seed) for seed in seeds]
        mine = [cell for cell in map(store.cell, tasks) if cell is not None]
        parts = [store.distances(task, cell) for task, cell in zip(tasks, mine, strict=True)]
        distances[sampler] = mean(parts)
        rows.append(_row(mine, distances[sampler], rows[0] if rows else None))
        cells += mine
    baseline, *others = samplers
    headline = store.kind.headline
    verdicts = [
        verdict
        for sampler in others
        for verdict in judge(distances[sampler], distances[baseline], floor, sampler, headline)
    ]
    winner = best(distances, floor.event_type, headline) if store.kind.averaged else None
    endpoints = _endpoints(store, samplers, seeds, floor.event_type)
    return Summary(cells, rows, verdicts, winner, endpoints)


def _endpoints(
    store: Store, samplers: Sequence[str], seeds: Sequence[int], event_type: str
) -> list[Endpoint]:
    """Of the deterministic samplers against the first, if that is one."""
    if not NetworkSamplers.parse(samplers[0]).deterministic:
        return []
    reference = [store.events(Task(samplers[0], event_type, seed)) for seed in seeds]
    return [
        endpoint(
            sampler,
            event_type,
            [store.events(Task(sampler, event_type, s)) for s in seeds],
            reference,
        )
        for sampler in samplers[1:]
        if NetworkSamplers.parse(sampler).deterministic
    ]


def _row(cells: Sequence[Cell], distances: Distances, baseline: Row | None) -> Row:
    """All seeds of a sampler and a class together."""
    seeds = len(cells)
    networks = cells[0].evaluations
    evaluations = {name: sum(c.evaluations[name] for c in cells) / seeds for name in networks}
    events = sum(c.settings.count for c in cells)
    return Row(
        sampler=cells[0].sampler,
        label=cells[0].label,
        event_type=cells[0].event_type,
        seeds=seeds,
        by_network=evaluations,
        seconds_per_1000=1000 * sum(c.seconds for c in cells) / events,
        fewer_evaluations=baseline.evaluations / sum(evaluations.values()) if baseline else 1.0,
        scores=distances.scores,
        reported=[_mean(numbers) for numbers in zip(*(c.reported for c in cells), strict=True)],
    )


def _mean(numbers: Sequence[Measurement]) -> Measurement:
    """Of one number over seeds, which share the reference: the error stays that of one."""
    value, error = np.mean([[number.value, number.error] for number in numbers], axis=0)
    return numbers[0].model_copy(update={"value": float(value), "error": float(error)})
