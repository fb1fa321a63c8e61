"""The study's table, for reading (Markdown) and for a spreadsheet (CSV)."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence

from driftline.metrics.metric import Wasserstein
from driftline.metrics.scores import Measurement, unit_factor
from driftline.study.economy import Economy
from driftline.study.economy_tables import (
    economy_head,
    economy_note,
    economy_rows,
    economy_verdict,
)
from driftline.study.results import Outcome, Row, Score, Study


def column_name(metric: Wasserstein | Measurement) -> str:
    """Name of a metric or a number with its unit."""
    return f"{metric.label} [{metric.unit}]" if metric.unit else metric.label


def metric_names(study: Study) -> str:
    """The headline metrics, for text."""
    return ", ".join(metric.label for metric in study.events.headline_metrics)


def of_networks(study: Study) -> str:
    """Whose evaluations are counted, for text."""
    return " and ".join(study.networks)


def markdown(study: Study) -> str:
    """The recommendation, all classes, the solvers' errors, the poster's table."""
    first, events = study.cells[0].settings, study.events
    lines = [
        f"# Samplers on {study.model or 'a model'}",
        "",
        f"**{verdict(study)}**",
        "",
        *_standings_list(study),
        f"{first.count:,} {events.name} a class, sampler and seed; {study.rows[0].seeds} seed(s); "
        f"batches of {first.batch:,}. W1 counts every {events.one} once; errors by the bootstrap "
        f"over {events.name}. Floor: what as many true {events.name} give (mean ± standard "
        f"deviation). Fewer: ratio of the evaluations ({of_networks(study)}) to those of "
        f"{study.labels[study.baseline]}. Verdict against it, paired, in {metric_names(study)}: "
        "margin the larger of 10% and one standard deviation of the floor, one-sided 95%. "
        f"{study.machine.threads} thread(s) on {study.machine.cores} core(s), "
        f"{study.machine.device}.",
    ]
    for event_type in study.types:
        lines += ["", f"## Class {event_type}", "", *_table(head(study), rows(study, event_type))]
    if study.economy is not None:
        lines += ["", *_economy_table(study, study.economy)]
    if study.endpoints:
        lines += ["", *_endpoint_table(study)]
    if study.best:
        lines += ["", *_best_table(study)]
    return "\n".join([*lines, ""])


def verdict(study: Study) -> str:
    """The recommendation, and if the simulation was timed what generation gains on it."""
    if study.economy is None:
        return recommendation(study)
    return f"{recommendation(study)} {economy_verdict(study, study.economy)}"


def recommendation(study: Study) -> str:
    """Which sampler to use, in one or two sentences, with the baseline's own count."""
    found, baseline = study.recommendation, study.labels[study.baseline]
    needed = f"{found.baseline_evaluations:,.0f} evaluations per {study.events.one}"
    tests = len(study.verdicts) // max(1, len(study.labels) - 1)
    if not study.verdicts:
        return f"Nothing was compared with {baseline}, which takes {needed}."
    if found.sampler is None:
        return (
            f"Stay with {baseline}, which takes {needed}: no other sampler is shown to be "
            f"non-inferior to it in all {tests} tests of class and metric."
        )
    if found.cheaper is None:
        return (
            f"Stay with {baseline}, which takes {needed}: the cheapest sampler shown to be "
            f"non-inferior to it, {found.label}, takes {found.evaluations:,.0f}."
        )
    ratio = found.baseline_evaluations / found.evaluations
    return (
        f"Use {found.label}: {found.evaluations:,.0f} evaluations per {study.events.one}, "
        f"{ratio:.3g} times fewer than the {found.baseline_evaluations:,.0f} of {baseline} on this "
        f"model, and non-inferior to it in all {tests} tests of class and metric. A loss of "
        f"{found.detectable:.2g} margins would have been seen in any of them with 80% probability."
    )


def standings(study: Study) -> dict[Outcome, list[str]]:
    """The samplers, as text, by their verdict over all classes and metrics; cheapest first."""
    found: dict[Outcome, list[str]] = {"non-inferior": [], "worse": [], "undecided": []}
    others = [s for s in study.labels if s != study.baseline]
    for sampler in sorted(others, key=lambda s: evaluations(study, s)):
        found[study.outcome(sampler)].append(sampler)
    return found


def evaluations(study: Study, sampler: str) -> float:
    """Of all networks per event, mean over classes."""
    mine = [row.evaluations for row in study.rows if row.sampler == sampler]
    return sum(mine) / len(mine)


def _standings_list(study: Study) -> Iterator[str]:
    for outcome, samplers in standings(study).items():
        if samplers:
            names = "; ".join(f"{study.labels[s]} ({evaluations(study, s):,.0f})" for s in samplers)
            yield f"- {outcome} (evaluations): {names}"
    yield ""


def head(study: Study) -> list[str]:
    """Columns of ``rows``."""
    return [
        "Sampler",
        *map(column_name, study.events.headline_metrics),
        *map(column_name, study.rows[0].reported),
        f"Evaluations ({' + '.join(study.networks)})",
        "Fewer",
        f"s per 1,000 {study.events.name}",
        "Verdict",
    ]


def rows(study: Study, event_type: str) -> Iterator[list[str]]:
    """The floor, then every sampler in one class."""
    floor = study.floor(event_type)
    mine = [row for row in study.rows if row.event_type == event_type]
    yield [
        "floor",
        *(number(floor.scores[m.name], m.unit) for m in study.events.headline_metrics),
        *(_if_known(floor.reported.get(n.key), n.unit) for n in mine[0].reported),
        *[""] * 4,
    ]
    for row in mine:
        yield _cells(study, row)


def _cells(study: Study, row: Row) -> list[str]:
    baseline = row.sampler == study.baseline
    return [
        row.label,
        *(number(row.scores[m.name], m.unit) for m in study.events.headline_metrics),
        *(number(found, found.unit) for found in row.reported),
        " + ".join(f"{evaluations:.0f}" for evaluations in row.by_network.values()),
        "1" if baseline else f"{row.fewer_evaluations:.3g}",
        f"{row.seconds_per_1000:.3g}",
        "baseline" if baseline else study.outcome(row.sampler, row.event_type),
    ]


def _if_known(score: Score | None, unit: str) -> str:
    return number(score, unit) if score else ""


def _economy_table(study: Study, economy: Economy) -> Iterator[str]:
    yield "## Cost against simulation"
    yield ""
    yield economy_note(study, economy)
    yield ""
    yield from _table(economy_head(study), economy_rows(study, economy))


def _endpoint_table(study: Study) -> Iterator[str]:
    yield "## Errors of the solvers"
    yield ""
    yield f"{endpoint_note(study)} Baseline: {study.labels[study.baseline]}."
    yield ""
    yield from _table(["Sampler", *study.types], endpoint_rows(study))


def endpoint_note(study: Study) -> str:
    """What the errors of the solvers are."""
    events = study.events.name
    return (
        f"Deterministic samplers from equal noise: how far their {events} are from the baseline's, "
        f"in standard deviations. RMS over {events} (median): a few {events} that end in another "
        "mode dominate the RMS and leave the median alone."
    )


def endpoint_rows(study: Study) -> Iterator[list[str]]:
    """A row a deterministic sampler, a column a class: RMS (median)."""
    found = {(e.sampler, e.event_type): e for e in study.endpoints}
    for sampler in dict.fromkeys(e.sampler for e in study.endpoints):
        mine = [found[sampler, event_type] for event_type in study.types]
        yield [study.labels[sampler], *(f"{e.rms:.2g} ({e.median:.2g})" for e in mine)]


def _best_table(study: Study) -> Iterator[str]:
    yield "## Smallest average W1"
    yield ""
    yield BEST_NOTE
    yield ""
    yield from _table(BEST_HEAD, best_rows(study))


BEST_NOTE = (
    "The poster's table: the mean of W1M, W1P and W1EFP. It adds numbers of different units, W1EFP "
    "hardly counts in it, and the smallest of several noisy numbers is often not the best method: "
    "the last column names those that cannot be told from it (paired, one-sided 95%)."
)

BEST_HEAD = ("Class", "Sampler", "Average W1 [1e-3]", "Significantly better than the others?")
"""Columns of ``best_rows``."""


def best_rows(study: Study) -> Iterator[list[str]]:
    """The sampler with the smallest average W1 in every class."""
    for best in study.best:
        close = "; ".join(study.labels[s] for s in best.indistinguishable)
        verdict = f"no, not than {close}" if close else "yes"
        average = f"{best.average.value / 1e-3:.3f} ± {best.average.error / 1e-3:.3f}"
        yield [best.event_type, study.labels[best.sampler], average, verdict]


def number(score: Score | Measurement, unit: str) -> str:
    """Value ± error in a unit, to the second digit of the error."""
    factor = unit_factor(unit)
    value, error = score.value / factor, score.error / factor
    digits = max(0, 1 - math.floor(math.log10(error))) if error > 0 else 2
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _table(names: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (names, ["---"] * len(names), *lines):
        yield f"| {' | '.join(cells)} |"


_COSTS = ("generated_event", "simulated_event")
"""What costs processor time; columns of the CSV."""


def comma_separated(study: Study) -> str:
    """One line a sampler and class, in plain units."""
    text = io.StringIO()
    names = ["class", "sampler", "seeds"]
    names += [f"{network.replace(' ', '_')}_evaluations" for network in study.networks]
    names += ["fewer_evaluations", f"seconds_per_1000_{study.events.name}"]
    keys = list(study.rows[0].scores)
    names += [f"{key}{what}" for key in keys for what in ("", "_error", "_floor", "_floor_sd")]
    if study.economy is not None:
        names += [f"{what}_seconds{error}" for what in _COSTS for error in ("", "_error")]
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*names, "verdict"])
    for row in study.rows:
        floor = study.floor(row.event_type).scores
        numbers: list[object] = [row.event_type, row.sampler, row.seeds]
        numbers += [*row.by_network.values(), row.fewer_evaluations, row.seconds_per_1000]
        for key in keys:
            numbers += [row.scores[key].value, row.scores[key].error]
            numbers += [floor[key].value, floor[key].error]
        if study.economy is not None:
            generated = study.economy.generated[row.sampler][row.event_type]
            for cost in (generated, study.economy.simulated[row.event_type]):
                numbers += [cost.seconds, cost.error]
        baseline = row.sampler == study.baseline
        table.writerow(
            [*numbers, "baseline" if baseline else study.outcome(row.sampler, row.event_type)]
        )
    return text.getvalue()
