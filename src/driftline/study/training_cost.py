"""What a model's training has cost, as its card tells."""

from collections.abc import Iterator, Mapping
from typing import Any

from driftline.generation import EventGenerator
from driftline.study.economy import Training


def training_cost(generator: EventGenerator) -> Training:
    """Training events, and the time of all networks: also of those that a model goes on from.

    These are the teachers of a student, the student that it began as, and the model whose weights a
    training began with. The card tells wall time and threads. Where it tells of fewer steps than
    the recipe has, a part of the training is not told of, and its time is a lower bound.
    """
    events, card = _events(generator), generator.card
    histories: list[Any] = [card.get("training")]
    try:
        start = card.get("start")
        while start is not None:
            histories.append(start["training"])
            start = start.get("start")
        histories += _distillations(card.get("distillation"), set())
        if any(history.get("device", "cpu") != "cpu" for history in histories):
            note = "the model was trained on a GPU, whose time is not that of a core"
            return Training(events=events, seconds=None, note=note)
        seconds = sum(
            history["threads"] * stage["seconds"]
            for history in histories
            for stage in history["stages"].values()
        )
        note = "; ".join(_missing(card.get("recipe", {}), histories[0]["stages"]))
    except (AttributeError, KeyError, TypeError):
        note = "the model's card does not tell the time of the training"
        return Training(events=events, seconds=None, note=note)
    return Training(events=events, seconds=seconds, note=note)


def _distillations(student: Mapping[str, Any] | None, teachers: set[Any]) -> Iterator[Any]:
    """Trainings of a student, of the one that it began as, and of their teachers, each once."""
    if student is None:
        return
    start, teacher = student.get("start"), student.get("teacher", {})
    yield student["training"]
    yield from _distillations(start, teachers)
    known, own = teacher.get("fingerprint"), teacher.get("distillation")
    if (known is None or known not in teachers) and own != start:  # else it taught itself
        teachers.add(known)
        yield from _distillations(own, teachers)


def _events(generator: EventGenerator) -> dict[str, int]:
    """Events of every class of the last training, else those that constants were fitted to.

    Events of a training before that are not in it count no more: they may be the same.
    """
    name, constants = f"{generator.kind}_per_class", generator.constants["preprocessing"]
    fitted = dict(zip(constants["types"], constants[name], strict=True))
    counts = generator.card.get("training", {}).get(name, fitted)
    return {event_type: int(count) for event_type, count in counts.items() if count}


def _missing(recipe: Mapping[str, Any], stages: Mapping[str, Any]) -> Iterator[str]:
    """Stages with fewer steps than the recipe, of which some have a section for each."""
    for name, stage in stages.items():
        planned = recipe.get(name, recipe).get("training", {}).get("steps", 0)
        if stage.get("steps", planned) < planned:
            yield f"the card times {stage['steps']:,} of {planned:,} steps of {name}"
