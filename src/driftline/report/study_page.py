"""The report of a study of samplers: the recommendation, and what it rests on."""

from collections.abc import Iterator, Sequence

from driftline.report.figures import draw_study
from driftline.report.page import Cell, Page, Picture, Table, Tone, card_rows, plain
from driftline.report.style import class_name
from driftline.study.economy_tables import economy_head, economy_note, economy_rows
from driftline.study.results import Outcome, Study
from driftline.study.tables import (
    BEST_HEAD,
    BEST_NOTE,
    best_rows,
    endpoint_note,
    endpoint_rows,
    evaluations,
    head,
    of_networks,
    rows,
    standings,
    verdict,
)

TONES: dict[Outcome, Tone] = {"non-inferior": "good", "worse": "bad", "undecided": "open"}

_SHOWN = {
    "pareto": (
        "What no other sampler beats",
        "The worst of the headline metrics, in units of its floor, against evaluations. "
        "Numbered and joined: samplers that no other one beats in both. Each class has its own "
        "noise, so that a point may be on the front by luck: the verdicts above decide.",
    ),
    "differences": (
        "Paired differences to the baseline",
        "What the verdicts test, before Holm's correction: a bar that ends inside the shaded area "
        "is non-inferior if it were the only test. Arrows: beyond the axis.",
    ),
    "endpoints": ("Errors of the solvers alone", ""),
    "evaluations_rk45": ("RK45: evaluations against tolerance", ""),
    "time": ("Wall time against evaluations", "Mean over classes, on the machine named below."),
    "against_simulation": (
        "Cost against simulation",
        "Left: to the right of the line generation is faster than simulation. Right: cost of so "
        "many events, training sample and training included; where a line crosses the thick one, "
        "that of the simulation, training has paid off.",
    ),
}
"""Title and caption of each figure that is not of one metric."""

_QUALITY = (
    "W1 to the reference, every event counted once; bars: standard errors by the bootstrap over "
    "events; band: what as many true events give, one standard deviation to either side."
)


def study_page(study: Study, card: dict[str, object] | None = None) -> Page:
    """The page of a study.

    Args:
        study: the results.
        card: of the model, where it is at hand.
    """
    return Page(
        kind="Driftline study of samplers",
        title=f"Samplers on {study.model or 'a model'}",
        verdict=verdict(study),
        facts=list(_facts(study)),
        remarks=list(_remarks(study)),
        judged=_judged(study),
        pictures=list(_pictures(study)),
        tables=list(_tables(study)),
        provenance=list(_provenance(study)),
        card=card_rows(card),
    )


def _facts(study: Study) -> Iterator[tuple[str, str]]:
    found = study.recommendation
    baseline = study.labels[study.baseline]
    if found.sampler is not None:
        yield (
            f"evaluations per {study.events.one} ({of_networks(study)})",
            f"{found.evaluations:,.0f}",
        )
    yield f"of {baseline}, the baseline", f"{found.baseline_evaluations:,.0f}"
    if found.sampler is not None:
        seconds = _seconds(study, found.sampler)
        yield f"s per 1,000 {study.events.name}", f"{seconds:.3g}"
        yield f"of {baseline}", f"{_seconds(study, study.baseline):.3g}"
    yield "classes", str(len(study.types))
    yield f"{study.events.name} a class and seed", f"{study.cells[0].settings.count:,}"
    yield "noise seeds", str(study.rows[0].seeds)


def _seconds(study: Study, sampler: str) -> float:
    mine = [row.seconds_per_1000 for row in study.rows if row.sampler == sampler]
    return sum(mine) / len(mine)


def _remarks(study: Study) -> Iterator[str]:
    for outcome, samplers in standings(study).items():
        if samplers:
            yield f"{outcome.capitalize()}: {'; '.join(study.labels[s] for s in samplers)}."
    yield (
        "Verdict: in every class and metric the loss against the baseline, paired event by event, "
        "is below a margin: the larger of 10% and one standard deviation of the floor. One-sided "
        "95% over all tests of a sampler (Holm)."
    )


def _judged(study: Study) -> Table:
    """A row a sampler, a column a class: verdicts, and what loss could have been seen."""
    types = map(class_name, study.types)
    names = ["Sampler", "Evaluations", "All", *types, "Visible loss [margins]"]
    lines = [_baseline_line(study)]
    for samplers in standings(study).values():
        lines += [_line(study, sampler) for sampler in samplers]
    note = (
        "Named are the metrics that the sign is about. Visible loss: the smallest that would have "
        "been seen with 80% probability, in the class and metric where that is hardest; above 1, "
        f"more {study.events.name} or seeds are needed. Evaluations: {of_networks(study)}, mean "
        "over classes."
    )
    return Table("Who passed", names, lines, note)


def _baseline_line(study: Study) -> list[Cell]:
    cost = f"{study.recommendation.baseline_evaluations:,.0f}"
    rest = [Cell("", "quiet")] * (len(study.types) + 1)
    return [*plain([study.labels[study.baseline], cost]), Cell("baseline", "quiet"), *rest]


def _line(study: Study, sampler: str) -> list[Cell]:
    mine = [v for v in study.verdicts if v.sampler == sampler]
    overall = study.outcome(sampler)
    return [
        *plain([study.labels[sampler], f"{evaluations(study, sampler):,.0f}"]),
        Cell(overall, TONES[overall]),
        *(_verdict(study, sampler, event_type) for event_type in study.types),
        Cell(f"{max(v.detectable / v.margin for v in mine):.2g}"),
    ]


def _verdict(study: Study, sampler: str, event_type: str) -> Cell:
    """The outcome in one class, with the metrics that caused it."""
    outcome = study.outcome(sampler, event_type)
    labels = {metric.name: metric.label for metric in study.events.headline_metrics}
    found = [
        labels[v.metric]
        for v in study.verdicts
        if (v.sampler, v.event_type, v.outcome) == (sampler, event_type, outcome)
    ]
    return Cell("all" if len(found) == len(labels) else ", ".join(found), TONES[outcome])


def _pictures(study: Study) -> Iterator[Picture]:
    for name, figure in draw_study(study).items():
        title, caption = _SHOWN.get(name) or _of_metric(study, name)
        yield Picture.drawn(title, caption, figure)


def _of_metric(study: Study, name: str) -> tuple[str, str]:
    against = "wall time" if name.startswith("quality_time") else "evaluations"
    (metric,) = (m for m in study.events.headline_metrics if name.endswith(f"_{m.name}"))
    return f"{metric.label} against {against}", _QUALITY


def _tables(study: Study) -> Iterator[Table]:
    for event_type in study.types:
        lines = [[*plain(line[:-1]), _toned(line[-1])] for line in rows(study, event_type)]
        yield Table(
            class_name(event_type).capitalize(), head(study), lines, _floor_note(study, event_type)
        )
    if study.economy is not None:
        lines = [plain(line) for line in economy_rows(study, study.economy)]
        note = economy_note(study, study.economy)
        yield Table("Cost against simulation", economy_head(study), lines, note)
    if study.endpoints:
        names = ["Sampler", *map(class_name, study.types)]
        title = f"Errors of the solvers against {study.labels[study.baseline]}"
        yield Table(
            title, names, [plain(line) for line in endpoint_rows(study)], endpoint_note(study)
        )
    if study.best:
        lines = [plain(line) for line in best_rows(study)]
        yield Table("The poster's table", BEST_HEAD, lines, BEST_NOTE)


def _toned(verdict: str) -> Cell:
    """A verdict of a table of rows, which may be "baseline" or empty."""
    for outcome, tone in TONES.items():
        if verdict == outcome:
            return Cell(verdict, tone)
    return Cell(verdict, "quiet")


def _floor_note(study: Study, event_type: str) -> str:
    """What the first row is."""
    floor = study.floor(event_type)
    what = f"{_sizes(floor.sizes)} true {study.events.name}"
    note = f"Floor: {what}, mean ± standard deviation over random splits"
    if floor.splits != floor.sizes:
        note += f" of {_sizes(floor.splits)}, scaled by the square root of the sizes"
    return f"{note}. Fewer: the baseline's evaluations over the sampler's."


def _sizes(sizes: Sequence[int]) -> str:
    return " against ".join(f"{n:,}" for n in sizes)


def _provenance(study: Study) -> Iterator[tuple[str, str]]:
    settings = study.cells[0].settings
    machine = study.machine
    yield "command", study.command or "(from Python)"
    yield "model", f"{study.model or '(no name)'}, fingerprint {settings.model}"
    yield "seeds", ", ".join(map(str, sorted({cell.seed for cell in study.cells})))
    yield (
        f"{study.events.name} a class, sampler and seed",
        f"{settings.count:,}, in batches of {settings.batch:,}",
    )
    yield "bootstrap draws", f"{settings.draws:,}"
    yield (
        "machine of the last run",
        f"{machine.processor}, {machine.cores} cores, {machine.threads} threads, {machine.device}",
    )
    yield from study.versions.items()
    yield "samplers", "; ".join(study.labels)
