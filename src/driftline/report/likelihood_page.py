"""The report of log-likelihoods: how likely the events of each class are, and what that finds."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from driftline.likelihood_table import LikelihoodTable
from driftline.metrics.classifier import AreaUnderCurve, area_under_curve
from driftline.report.likelihood import likelihood_figure, roc_figure
from driftline.report.page import Cell, Page, Picture, Table, card_rows, plain
from driftline.report.style import class_name

_CAVEAT = (
    "The density is that of the encoded numbers which the networks draw. Compare events under one "
    "model, one class and one smallest noise; bits per dimension: lower is likelier."
)
_CHANCE = "0.5 is chance; below it the class is more likely than what it was judged as."
_RANKED = "all numbers"
"""The score of the verdict; which one finds most is not known beforehand."""


def likelihood_page(
    table: LikelihoodTable, source: str, card: dict[str, object] | None = None
) -> Page:
    """The page of a table of ``driftline likelihood``.

    Args:
        table: at least one event.
        source: name of its file.
        card: of the model, where it is at hand.
    """
    judged = ", ".join(dict.fromkeys(map(class_name, table.judged_as.tolist())))
    return Page(
        kind="Driftline log-likelihoods",
        title=f"How likely {len(table):,} events are",
        verdict=_verdict(table),
        facts=[
            ("events", f"{len(table):,}"),
            ("classes", ", ".join(map(class_name, table.present))),
            ("judged as", judged),
        ],
        remarks=[_CAVEAT],
        judged=_means(table),
        pictures=list(_pictures(table)),
        tables=list(_areas(table)),
        provenance=[("file", source)],
        card=card_rows(card),
    )


def _verdict(table: LikelihoodTable) -> str:
    if table.background is None:
        means = "; ".join(
            f"{class_name(name)} {_mean(table.bits_per_dimension[table.types == name])}"
            for name in table.present
        )
        alike = "as what it is" if (table.judged_as == table.types).all() else "as another class"
        return f"Bits per dimension, each class judged {alike}: {means}."
    found = "; ".join(
        f"{class_name(signal)} {_area(_ranked(table, signal)[_RANKED])}" for signal in table.signals
    )
    return f"Found by how unlikely they are as {class_name(table.background)}, AUC: {found}."


def _ranked(table: LikelihoodTable, signal: str) -> dict[str, AreaUnderCurve]:
    """How well each score tells a class from the background."""
    own, other = table.types == signal, table.types == table.background
    return {name: area_under_curve(v[own], v[other]) for name, v in table.scores.items()}


def _means(table: LikelihoodTable) -> Table:
    rows = []
    for name in table.present:
        own = table.types == name
        networks = [_mean(nats[own]) for nats in table.by_network.values()]
        cells = [
            class_name(name),
            f"{own.sum():,}",
            _mean(table.nats[own]),
            f"{table.nats[own].std():.3g}",
            *networks,
            f"{table.dimensions[own].mean():.1f}",
            _mean(table.bits_per_dimension[own]),
        ]
        rows.append(plain(cells))
    head = ["Class", "Events", "ln p [nats]", "Spread", *table.by_network, "Numbers", "Bits each"]
    return Table("Mean over the events of a class", head, rows, "Standard errors of the mean.")


def _mean(values: NDArray[np.float64]) -> str:
    if len(values) < 2:
        return f"{values.mean():.4g}"
    return f"{values.mean():.4g} ± {values.std(ddof=1) / np.sqrt(len(values)):.2g}"


def _pictures(table: LikelihoodTable) -> Iterator[Picture]:
    roc = roc_figure(table)
    if roc is not None:
        yield Picture.drawn("Found by how unlikely they are", _CHANCE, roc)
    caption = "Fractions of each class; half a per cent of the events lies beyond either end."
    yield Picture.drawn("Spectra", caption, likelihood_figure(table))


def _areas(table: LikelihoodTable) -> Iterator[Table]:
    if table.background is None:
        return
    found = {signal: _ranked(table, signal) for signal in table.signals}
    rows = [
        [Cell(name), *(Cell(_area(areas[name])) for areas in found.values())]
        for name in table.scores
    ]
    title = f"Area under the curve, against {class_name(table.background)}"
    yield Table(title, ["Ranked by", *map(class_name, found)], rows, f"{_CHANCE} Errors: DeLong.")


def _area(area: AreaUnderCurve) -> str:
    error = "" if np.isnan(area.error) else f" ± {area.error:.3f}"
    return f"{area.value:.3f}{error}"
