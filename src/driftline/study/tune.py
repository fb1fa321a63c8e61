"""Tuning a model's sampler: candidates fitted to the model, then the study of them."""

import json
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TypeVar

from driftline.calibrations import calibrations
from driftline.diffusion.samplers import Calibration, Sampler, describe, tune
from driftline.errors import InputError
from driftline.fingerprint import fingerprint
from driftline.generation import EventGenerator
from driftline.network_samplers import NetworkSamplers
from driftline.output import write_text
from driftline.study.results import Study
from driftline.study.run import parsed

Model = TypeVar("Model", bound=EventGenerator)

CANDIDATES = tuple(f"bespoke:steps={steps}" for steps in (6, 8, 10, 12, 16))
"""Samplers that are tuned unless others are named."""

CALIBRATION_EVENTS = 500
"""Events, in equal shares of the classes: a half to fit a sampler with, the other to choose by."""

SEARCH = 2
"""Raised when the search or what it is given changes, so that kept samplers are fitted again."""

CALIBRATION_SEED = 2**63
"""Far from the seeds of studies, whose events judge the grid."""


def tuned_to(
    generator: EventGenerator, samplers: NetworkSamplers, *, events: int = CALIBRATION_EVENTS
) -> NetworkSamplers:
    """The samplers tuned to the networks of a model, each to its own: grids and weights.

    Args:
        generator: the model.
        samplers: deterministic ones with steps and a grid.
        events: calibration events.

    Raises:
        InputError: a sampler has no grid to tune.
    """
    known = calibrations(generator, events, CALIBRATION_SEED)
    each = zip(known.values(), samplers.each(list(known)), strict=True)
    return NetworkSamplers(tuple(_tuned(sampler, calibration) for calibration, sampler in each))


def _tuned(sampler: Sampler, calibration: Calibration) -> Sampler:
    try:
        return tune(sampler, calibration)
    except ValueError as error:
        raise InputError(f"candidate {describe(sampler)}: {error}") from error


def fitted(generator: EventGenerator, candidates: Sequence[str], path: Path) -> list[str]:
    """The candidates tuned to the model, as text; kept in ``path`` once computed.

    Raises:
        InputError: a candidate is not valid, or the file is damaged.
    """
    model = fingerprint(generator)
    known: dict[str, str] = {}
    if path.exists():
        try:
            content = json.loads(path.read_text())
            alike = (content["model"], content.get("search")) == (model, SEARCH)
            known = dict(content["fitted"]) if alike else {}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: damaged ({error}); delete it") from error
    for text, sampler in zip(candidates, parsed(candidates, "candidates"), strict=True):
        if text not in known:
            known[text] = str(tuned_to(generator, sampler))
            content = json.dumps({"model": model, "search": SEARCH, "fitted": known}, indent=1)
            write_text(path, content + "\n", force=True)
    return [known[text] for text in candidates]


def with_recommendation(generator: Model, study: Study) -> Model:
    """The model with the recommended sampler as its default, and the evidence in its card.

    Raises:
        InputError: no sampler passed the study.
    """
    found = study.recommendation
    if found.sampler is None:
        raise InputError(
            f"no sampler was shown to be non-inferior to {study.labels[study.baseline]}; "
            "give more events (--count) or seeds, or samplers of more steps"
        )
    verdicts = [v for v in study.verdicts if v.sampler == found.sampler]
    evidence = {
        "baseline": study.baseline,
        "evaluations": found.evaluations,
        "baseline_evaluations": found.baseline_evaluations,
        "events": study.cells[0].settings.count,
        "seeds": study.rows[0].seeds,
        "reference": {c.event_type: c.settings.reference for c in study.cells},
        "command": study.command,
        "verdicts": [v.model_dump(mode="json", exclude={"sampler"}) for v in verdicts],
    }
    tuned = copy(generator)
    tuned.card = {**generator.card, "sampler": found.sampler, "sampler_evidence": evidence}
    return tuned
