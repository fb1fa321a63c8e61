"""Tuning a model's sampler: candidates fitted to the model, then the study of them."""

import json
from collections.abc import Sequence
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from driftline.calibrations import calibrations
from driftline.diffusion.samplers import Calibration, Sampler, describe, require_tunable, tune
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

VERSION = 2
"""Raised when the search or what it is given changes, so that kept samplers are fitted again."""

CALIBRATION_SEED = 2**63
"""Far from the seeds of studies, whose events judge the grid."""


@dataclass(frozen=True)
class Search:
    """How much work a sampler is fitted with.

    Attributes:
        events: in equal shares of the classes: a half to fit a sampler with, the other to choose
            by.
        sweeps: over the grid; 0 takes the best of the starting grids as it is.
    """

    events: int = 500
    sweeps: int = 6


def tuned_to(
    generator: EventGenerator, samplers: NetworkSamplers, search: Search = Search()
) -> NetworkSamplers:
    """The samplers tuned to the networks of a model, each to its own: grids and weights.

    Args:
        generator: the model.
        samplers: deterministic ones with steps and a grid.
        search: how much is tried, with how many events.

    Raises:
        InputError: a sampler has no grid to tune.
    """
    known = calibrations(generator, search.events, CALIBRATION_SEED)
    each = zip(samplers.each(list(known)), known.values(), strict=True)
    return NetworkSamplers(tuple(_tuned(*pair, search.sweeps) for pair in each))


def _tuned(sampler: Sampler, calibration: Calibration, sweeps: int) -> Sampler:
    try:
        return tune(sampler, calibration, sweeps=sweeps)
    except ValueError as error:
        raise InputError(f"candidate {describe(sampler)}: {error}") from error


def _check(samplers: NetworkSamplers) -> None:
    """Refuse a candidate that has no grid to tune, before events are solved for."""
    for sampler in samplers.samplers:
        try:
            require_tunable(sampler)
        except ValueError as error:
            raise InputError(f"candidate {describe(sampler)}: {error}") from error


def fitted(
    generator: EventGenerator, candidates: Sequence[str], path: Path, search: Search = Search()
) -> list[str]:
    """The candidates tuned to the model, as text; kept in ``path`` once computed.

    Raises:
        InputError: a candidate is not valid, or the file is damaged.
    """
    chosen = parsed(candidates, "candidates")
    for samplers in chosen:
        _check(samplers)
    begun = {"model": fingerprint(generator), "search": {"version": VERSION, **asdict(search)}}
    known: dict[str, str] = {}
    if path.exists():
        try:
            content = json.loads(path.read_text())
            alike = begun == {key: content[key] for key in begun}
            known = dict(content["fitted"]) if alike else {}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: damaged ({error}); delete it") from error
    for text, samplers in zip(candidates, chosen, strict=True):
        if text not in known:
            known[text] = str(tuned_to(generator, samplers, search))
            content = json.dumps({**begun, "fitted": known}, indent=1)
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
