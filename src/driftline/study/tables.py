"""The study's table, for reading (Markdown) and for a spreadsheet (CSV)."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence

from driftline.study.results import HEADLINE, Outcome, Row, Score, Study

UNITS = {"w1m": 1e-3, "w1p": 1e-3, "w1efp": 1e-5}
"""In which the tables print a metric."""

NAMES = {"w1m": "W1M", "w1p": "W1P", "w1efp": "W1EFP"}


def column_name(metric: str) -> str:
    """Name of a metric with its unit."""
    return f"{NAMES[metric]} [{UNITS[metric]:.0e}]".replace("e-0", "e-")


def markdown(study: Study) -> str:
    """The recommendation, all classes, the solvers' errors, the poster's table."""
    first = study.cells[0].settings
    lines = [
        f"# Samplers on {study.model or 'a model'}",
        "",
        f"**{recommendation(study)}**",
        "",
        *_standings_list(study),
        f"{first.count:,} jets a class, sampler and seed; {study.rows[0].seeds} seed(s); batches "
        f"of {first.batch:,}. W1 counts every jet once; errors by the bootstrap over jets. Floor: "
        "what as many true jets give (mean ± standard deviation). Fewer: ratio of the evaluations "
        f"of both networks to those of {study.labels[study.baseline]}. Verdict against it, paired, "
        f"in {', '.join(NAMES.values())}: margin the larger of 10% and one standard deviation of "
        f"the floor, one-sided 95%. {study.machine.threads} thread(s) on {study.machine.cores} "
        f"core(s), {study.machine.device}.",
    ]
    for jet_type in study.types:
        lines += ["", f"## Class {jet_type}", "", *_table(HEAD, rows(study, jet_type))]
    if study.endpoints:
        lines += ["", *_endpoint_table(study)]
    return "\n".join([*lines, "", *_best_table(study), ""])


def recommendation(study: Study) -> str:
    """Which sampler to use, in one or two sentences, with the baseline's own count."""
    found, baseline = study.recommendation, study.labels[study.baseline]
    needed = f"{found.baseline_evaluations:,.0f} evaluations a jet"
    tests = len(study.verdicts) // max(1, len(study.labels) - 1)
    if not study.verdicts:
        return f"Nothing was compared with {baseline}, which takes {needed}."
    if found.sampler is None:
        return (
            f"Stay with {baseline}, which takes {needed}: no other sampler is shown to be "
            f"non-inferior to it in all {tests} tests of class and metric."
        )
    if found.evaluations >= found.baseline_evaluations:
        return (
            f"Stay with {baseline}, which takes {needed}: the cheapest sampler shown to be "
            f"non-inferior to it, {found.label}, takes {found.evaluations:,.0f}."
        )
    ratio = found.baseline_evaluations / found.evaluations
    return (
        f"Use {found.label}: {found.evaluations:,.0f} evaluations a jet, {ratio:.3g} times fewer "
        f"than the {found.baseline_evaluations:,.0f} of {baseline} on this model, and non-inferior "
        f"to it in all {tests} tests of class and metric. A loss of {found.detectable:.2g} margins "
        "would have been seen in any of them with 80% probability."
    )


def standings(study: Study) -> dict[Outcome, list[str]]:
    """The samplers, as text, by their verdict over all classes and metrics; cheapest first."""
    found: dict[Outcome, list[str]] = {"non-inferior": [], "worse": [], "undecided": []}
    others = [s for s in study.labels if s != study.baseline]
    for sampler in sorted(others, key=lambda s: evaluations(study, s)):
        found[study.outcome(sampler)].append(sampler)
    return found


def evaluations(study: Study, sampler: str) -> float:
    """Of both networks per jet, mean over classes."""
    mine = [row.evaluations for row in study.rows if row.sampler == sampler]
    return sum(mine) / len(mine)


def _standings_list(study: Study) -> Iterator[str]:
    for outcome, samplers in standings(study).items():
        if samplers:
            names = "; ".join(f"{study.labels[s]} ({evaluations(study, s):,.0f})" for s in samplers)
            yield f"- {outcome} (evaluations): {names}"
    yield ""


HEAD = (
    "Sampler",
    *map(column_name, HEADLINE),
    "Evaluations (jet + particle level)",
    "Fewer",
    "s per 1,000 jets",
    "Verdict",
)
"""Columns of ``rows``."""


def rows(study: Study, jet_type: str) -> Iterator[list[str]]:
    """The floor, then every sampler in one class."""
    floor = study.floor(jet_type).scores
    yield ["floor", *(number(floor[m], m) for m in HEADLINE), "", "", "", ""]
    for row in study.rows:
        if row.jet_type == jet_type:
            yield _cells(study, row)


def _cells(study: Study, row: Row) -> list[str]:
    baseline = row.sampler == study.baseline
    return [
        row.label,
        *(number(row.scores[m], m) for m in HEADLINE),
        f"{row.jet_evaluations:.0f} + {row.particle_evaluations:.0f}",
        "1" if baseline else f"{row.fewer_evaluations:.3g}",
        f"{row.seconds_per_1000:.3g}",
        "baseline" if baseline else study.outcome(row.sampler, row.jet_type),
    ]


def _endpoint_table(study: Study) -> Iterator[str]:
    yield "## Errors of the solvers"
    yield ""
    yield (
        f"{ENDPOINT_NOTE} Distance from the jets of {study.labels[study.baseline]}, in standard "
        "deviations of the particles' features: RMS over jets (median over jets)."
    )
    yield ""
    yield from _table(["Sampler", *study.types], endpoint_rows(study))


ENDPOINT_NOTE = (
    "Deterministic samplers from equal noise. A few jets that end in another mode dominate the RMS "
    "and leave the median alone."
)


def endpoint_rows(study: Study) -> Iterator[list[str]]:
    """A row a deterministic sampler, a column a class: RMS (median)."""
    found = {(e.sampler, e.jet_type): e for e in study.endpoints}
    for sampler in dict.fromkeys(e.sampler for e in study.endpoints):
        mine = [found[sampler, jet_type] for jet_type in study.types]
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
        yield [best.jet_type, study.labels[best.sampler], average, verdict]


def number(score: Score, metric: str) -> str:
    """Value ± error in the metric's unit, to the second digit of the error."""
    value, error = score.value / UNITS[metric], score.error / UNITS[metric]
    digits = max(0, 1 - math.floor(math.log10(error))) if error > 0 else 2
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *lines):
        yield f"| {' | '.join(cells)} |"


def comma_separated(study: Study) -> str:
    """One line a sampler and class, in plain units."""
    text = io.StringIO()
    head = ["class", "sampler", "seeds", "jet_evaluations", "particle_evaluations"]
    head += ["fewer_evaluations", "seconds_per_1000_jets"]
    keys = list(study.rows[0].scores)
    head += [f"{key}{what}" for key in keys for what in ("", "_error", "_floor", "_floor_sd")]
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*head, "verdict"])
    for row in study.rows:
        floor = study.floor(row.jet_type).scores
        numbers: list[object] = [row.jet_type, row.sampler, row.seeds, row.jet_evaluations]
        numbers += [row.particle_evaluations, row.fewer_evaluations, row.seconds_per_1000]
        for key in keys:
            numbers += [row.scores[key].value, row.scores[key].error]
            numbers += [floor[key].value, floor[key].error]
        baseline = row.sampler == study.baseline
        table.writerow(
            [*numbers, "baseline" if baseline else study.outcome(row.sampler, row.jet_type)]
        )
    return text.getvalue()
