"""Which samplers belong together in a figure: a colour a family, a marker and a line a variant.

A family is a file of ``diffusion/samplers``; a variant is a sampler with all its settings but those
that only buy accuracy with evaluations, so that its points lie on one curve.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from driftline.diffusion.samplers.spec import SAMPLERS
from driftline.network_samplers import BETWEEN
from driftline.study.results import Row

COSTS = frozenset({"steps", "tolerance", "levels", "weights"})
"""Settings along which a curve runs: weights are fitted to a number of steps."""

_COLOURS = {
    "probability_flow": "#000000",
    "euler_maruyama": "#e69f00",
    "predictor_corrector": "#009e73",
    "dpm_solver": "#0072b2",
}
"""Of the families that every figure of the poster and the demonstration shows."""

_CYCLE = ("#d55e00", "#cc79a7", "#56b4e9", "#882255", "#999933", "#5d3fd3", "#7f7f7f")
"""Of all others: with the four above, told apart by the colour-blind (Okabe and Ito; Tol)."""

_MARKERS = "osD^vPX*<>hp"

_COST_IN_LABEL = re.compile(r"(, [\d x]+( steps)?|\(\d(\.\d+)?e-?\d+\))$")


@dataclass(frozen=True)
class Series:
    """The points of one curve.

    Attributes:
        name: for the legend.
        colour: of the family.
        marker: of the variant.
        samplers: as text, in the order of the study.
    """

    name: str
    colour: str
    marker: str
    samplers: tuple[str, ...]


def settings(sampler: str) -> tuple[str, dict[str, str]]:
    """Name and settings of a sampler as text, known to this version or not."""
    name, _, rest = sampler.partition(":")
    return name, dict(item.split("=", 1) for item in rest.split(",") if "=" in item)


def series(rows: Sequence[Row]) -> list[Series]:
    """All curves of a study, in the order of their first samplers."""
    labels = {row.sampler: row.label for row in rows}
    variants: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for sampler in labels:
        variants[_variant(sampler)].append(sampler)
    names = {key: _without_cost(labels[found[0]]) for key, found in variants.items()}
    colours = _family_colours(key[0] for key in variants)
    markers: dict[str, int] = defaultdict(int)
    result = []
    for key, samplers in variants.items():
        family = _family(key[0])
        # families that share a colour, or are seen in grey, begin with different markers
        marker = _MARKERS[(list(colours).index(family) + markers[family]) % len(_MARKERS)]
        markers[family] += 1
        twins = [other for other in names if names[other] == names[key]]
        name = ", ".join([names[key], *_differences(key, twins)])
        result.append(Series(name, colours[family], marker, tuple(samplers)))
    return result


def _without_cost(label: str) -> str:
    """A label without the cost, of both levels if it names them."""
    parts = [_COST_IN_LABEL.sub("", part) for part in label.split(BETWEEN)]
    return BETWEEN.join(dict.fromkeys(parts))


def _variant(sampler: str) -> tuple[str, ...]:
    """Name and settings of the particle level's sampler, then the jet level's if it has its own."""
    return tuple(item for text in reversed(sampler.split(BETWEEN)) for item in _kind(text))


def _kind(sampler: str) -> tuple[str, ...]:
    """Name and settings without the cost; grids given by their levels are one setting."""
    name, found = settings(sampler)
    kept = {key: value.partition(";levels=")[0] for key, value in found.items() if key not in COSTS}
    return name, *(f"{k} {v}" for k, v in kept.items())


def _differences(key: tuple[str, ...], twins: Sequence[tuple[str, ...]]) -> list[str]:
    """What tells a variant from those whose labels are the same."""
    shared = set.intersection(*map(set, twins))
    return [item for item in key if item not in shared]


def _family(name: str) -> str:
    """The file that a sampler is written in; its name if this version does not know it."""
    kind = SAMPLERS.get(name)
    return kind.__module__.rpartition(".")[2] if kind else name


def _family_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour of each family: the same in every figure for those that are known."""
    families = dict.fromkeys(map(_family, [*SAMPLERS, *names]))
    others = [family for family in families if family not in _COLOURS]
    cycled = {family: _CYCLE[k % len(_CYCLE)] for k, family in enumerate(others)}
    return _COLOURS | cycled
