"""The report of an evaluation: which metrics are as good as truth, and which are not."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from driftline.metrics.calibration import HEAD
from driftline.metrics.kinds import kind_named
from driftline.metrics.scores import Evaluation
from driftline.report.calibration import by_quantity, calibration_figure
from driftline.report.floors import BOUND, Ratio, floors_figure, in_floors, main_keys, ratios
from driftline.report.page import Cell, Page, Picture, Table, card_rows, flatten, plain
from driftline.report.style import class_name

_CALIBRATION = (
    "Linearity: sum of obtained over sum of asked, in bins of asked; resolution: half the central "
    "68% of obtained over asked. Of simulated events the true value stands for the asked one, and "
    "they are weighted to what was asked. Errors by bootstrap."
)

MOST_NAMED = 6
"""Metrics that the verdict names."""


class Judgement(Evaluation):
    """An evaluation as ``driftline evaluate`` writes it, with where it comes from.

    Attributes:
        command: the command line.
        versions: of Python and the libraries.
        sources: provenance of the generated and of the reference jets.
    """

    command: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def types(self) -> list[str]:
        """The classes."""
        return list(dict.fromkeys(score.event_type for score in self.scores))


def evaluation_page(
    judgement: Judgement, figures: Path | None = None, card: dict[str, object] | None = None
) -> Page:
    """The page of an evaluation.

    Args:
        judgement: the scores.
        figures: directory with the figures of ``report.figures.evaluation_figures``, as PNG.
        card: of the model that made the jets, where it is at hand.

    Raises:
        InputError: a figure cannot be read.
    """
    keys = main_keys(judgement)
    return Page(
        kind=f"Driftline evaluation of {judgement.kind}",
        title=_title(judgement),
        verdict=_verdict(judgement, keys),
        facts=list(_facts(judgement, keys)),
        remarks=list(_remarks(judgement)),
        judged=_judged(judgement, keys),
        pictures=list(_pictures(judgement, keys, figures)),
        tables=list(_tables(judgement)),
        provenance=list(_provenance(judgement)),
        card=card_rows(card),
    )


def _title(judgement: Judgement) -> str:
    model = judgement.sources.get("generated", {}).get("model")
    made = f"{judgement.kind} of {model}" if model else f"generated {judgement.kind}"
    return f"{made[0].upper()}{made[1:]} against simulation"


def _verdict(judgement: Judgement, keys: Sequence[str]) -> str:
    good = [key for key in keys if _all_within(judgement, key)]
    bad = [key for key in keys if key not in good]
    bound = f"{BOUND:g} times the floor"
    if not bad:
        return f"All {len(keys)} metrics are within {bound}, in every class."
    named = "; ".join(_worst(judgement, key) for key in bad[:MOST_NAMED])
    more = f"; and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
    if not good:
        return f"No metric is within {bound} in every class. Worst first: {named}{more}."
    return (
        f"{len(good)} of {len(keys)} metrics are within {bound} in every class. Beyond it, worst "
        f"first: {named}{more}."
    )


def _all_within(judgement: Judgement, key: str) -> bool:
    return all(ratio.within for ratio in ratios(judgement, key).values())


def _worst(judgement: Judgement, key: str) -> str:
    found = ratios(judgement, key)
    event_type = max(found, key=lambda t: found[t].value)
    where = f"{found[event_type].value:.2g} floors, {class_name(event_type)}"
    return f"{_labels(judgement)[key]} ({where})"


def _labels(judgement: Judgement) -> dict[str, str]:
    return {score.key: score.label for score in judgement.scores}


def _facts(judgement: Judgement, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    within = sum(_all_within(judgement, key) for key in keys)
    yield f"metrics within {BOUND:g} floors in every class", f"{within} of {len(keys)}"
    yield "classes", str(len(judgement.types))
    yield f"generated {judgement.kind} a class", _range([s.generated for s in judgement.scores])
    yield f"reference {judgement.kind} a class", _range([s.reference for s in judgement.scores])


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _remarks(judgement: Judgement) -> Iterator[str]:
    sizes = sorted({score.floor_sizes for score in judgement.scores})
    shown = "; ".join(f"{a:,} against {b:,}" for a, b in sizes)
    yield f"Floor: what truth against truth gives, of {shown} {judgement.kind}."
    yield (
        "Counted in floors, or in the floor's error where that is larger, or in the score's where "
        "truth against truth gave zero; the classifier's AUC "
        "from 0.5; coverage as floor over value. Components of a metric and other conventions of "
        "drawing are in the tables only."
    )
    for skipped in judgement.skipped:
        yield f"Not computed: {skipped.metric}, {class_name(skipped.event_type)}: {skipped.reason}"


def _judged(judgement: Judgement, keys: Sequence[str]) -> Table:
    """A row a metric, worst first; a column a class."""
    lines = []
    for key in keys:
        found = ratios(judgement, key)
        cells = [_cell(found[t]) if t in found else Cell("", "quiet") for t in judgement.types]
        lines.append([Cell(_labels(judgement)[key]), *cells])
    note = (
        f"In floors, with the score's standard error. Question mark: beyond {BOUND:g} by less than "
        "two standard errors of score and floor together."
    )
    return Table(
        "Distance from the truth, worst first",
        ["Metric", *map(class_name, judgement.types)],
        lines,
        note,
    )


def _cell(ratio: Ratio) -> Cell:
    if ratio.within:
        return Cell(str(ratio), "good")
    return Cell(str(ratio), "bad" if ratio.beyond else "open")


def _pictures(judgement: Judgement, keys: Sequence[str], figures: Path | None) -> Iterator[Picture]:
    caption = (
        f"Dashed: as good as truth. Shaded: within {BOUND:g} floors. Bars: standard errors of the "
        "score."
    )
    yield Picture.drawn("Distance from the truth", caption, floors_figure(judgement, keys))
    for found in by_quantity(judgement.calibration).values():
        title = f"Asked against obtained: {found[0].label}"
        yield Picture.drawn(title, _calibration_note(judgement), calibration_figure(found))
    if figures is None:
        return
    shown = {
        "jets": "Single jets",
        "average_jets": "Average jets",
        "images": "Single images",
        "segmentation": "Tracks and showers by the segmentation network",
        "profiles": "Charge along and across",
    }
    shown |= {f"spectra_{t}": f"Spectra: {class_name(t)}" for t in judgement.types}
    for stem, title in shown.items():
        path = figures / f"{stem}.png"
        if path.is_file():
            yield Picture.png(title, "", path.read_bytes())


def _tables(judgement: Judgement) -> Iterator[Table]:
    if judgement.calibration:
        yield _calibration_table(judgement)
    for event_type in judgement.types:
        yield _table(judgement, event_type)


def _calibration_note(judgement: Judgement) -> str:
    return f"{_CALIBRATION} {kind_named(judgement.kind).not_asked}"


def _calibration_table(judgement: Judgement) -> Table:
    """A row a quantity and class."""
    head = [name.capitalize() for name in HEAD]
    lines = [
        [Cell(class_name(row[0])), *plain(row[1:])]
        for row in (c.row() for c in judgement.calibration)
    ]
    note = f"Means over the bins. {_calibration_note(judgement)}"
    return Table("Asked against obtained", head, lines, note)


def _table(judgement: Judgement, event_type: str) -> Table:
    lines = [
        [Cell(label), Cell(value), Cell(floor), _cell(in_floors(score)), Cell(note, "quiet")]
        for score, (_, label, value, floor, note) in zip(
            judgement.scores, judgement.rows(), strict=True
        )
        if score.event_type == event_type
    ]
    head = ["Metric", "Generated", "Floor", "In floors", "Note"]
    if not any(line[-1].text for line in lines):
        head, lines = head[:-1], [line[:-1] for line in lines]
    return Table(class_name(event_type).capitalize(), head, lines)


def _provenance(judgement: Judgement) -> Iterator[tuple[str, str]]:
    yield "command", judgement.command or "(from Python)"
    yield "seed of the resampling", str(judgement.seed)
    yield from judgement.versions.items()
    yield from flatten(judgement.sources)
