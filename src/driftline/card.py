"""The card of a model as a reader wants it: earlier trainings in a line each, scores by metric.

A card tells all that a model comes from, every training that it goes on from with its settings and
losses: thousands of lines for a student of a student. The file and ``--json`` have all of it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_FIRST = ("name", "description", "sampler")

_LONGEST = 12
"""Entries of a list that are shown one by one."""


def readable(card: Mapping[str, Any]) -> dict[str, Any]:
    """A model's card, shortened; nested as the card, all values JSON-able.

    What it is called, is and is sampled with comes first.

    - ``start``: a list, one line for each model that the training went on from, the last first.
    - ``distillation``: likewise of the students before, and of its teacher's own distillation.
    - ``evaluation``: one line for each metric, value ± error (floor) of each class.
    - of a list of more than 12 entries, how many there are and the last.
    """
    told = {name: card[name] for name in _FIRST if name in card} | dict(card)
    if "start" in card:
        told["start"] = list(_lines(card["start"]))
    if "distillation" in card:
        told["distillation"] = _distillation(card["distillation"])
    if "evaluation" in card:
        told["evaluation"] = _evaluation(card["evaluation"])
    return {name: _shortened(value) for name, value in told.items()}


def _distillation(found: Mapping[str, Any]) -> dict[str, Any]:
    told, teacher = dict(found), dict(found.get("teacher", {}))
    own, start = teacher.pop("distillation", None), found.get("start")
    if own is not None and own != start:
        teacher["distilled by"] = list(_lines(own))
    told["teacher"] = teacher
    if start is not None:
        told["start"] = list(_lines(start))
    return told


def _lines(training: Mapping[str, Any] | None) -> Iterator[str]:
    """A line for a training, and for each one that it went on from."""
    while training is not None:
        yield ", ".join(_words(training))
        training = training.get("start")


def _words(training: Mapping[str, Any]) -> Iterator[str]:
    if training.get("name"):
        yield str(training["name"])
    if "method" in training:
        yield f"{training['method']} to {training.get('steps')} evaluations"
    history = training.get("training", {})
    for name, stage in history.get("stages", {}).items():
        yield f"{name} {stage.get('steps', 0):,} steps"
    if "finished" in history:
        yield f"finished {history['finished']}"


def _evaluation(found: Mapping[str, Any]) -> dict[str, Any]:
    metrics: dict[str, list[str]] = {}
    for score in found.get("scores", ()):
        metrics.setdefault(score["metric"], []).append(
            f"{score['class']} {score['value']} ({score['floor']})"
        )
    return {**found, "scores": {metric: "; ".join(cells) for metric, cells in metrics.items()}}


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        if len(value) > _LONGEST:
            return f"{len(value)} entries, the last {value[-1]}"
        return [_shortened(inner) for inner in value]
    return value
