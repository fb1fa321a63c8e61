"""Tuning a model's sampler: grids fitted to the model, then the study that picks the cheapest."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from driftline.data.clouds import JET_FEATURES, PARTICLE_FEATURES
from driftline.data.preprocessing import JET_LEVEL_FEATURES
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Sampler, describe, tune_grid
from driftline.errors import InputError
from driftline.generator import Generator
from driftline.output import write_text
from driftline.study.provenance import fingerprint
from driftline.study.results import Study
from driftline.study.run import parsed
from driftline.two_level import TwoLevelSampler

CANDIDATES = tuple(
    f"{name}:steps={steps},order=3" for steps in (8, 10, 12, 16, 20) for name in ("unipc", "ipndm")
)
"""Samplers whose grids are fitted unless others are named."""

CALIBRATION_JETS = 250
"""Jets, in equal shares of the classes, which a grid is fitted to."""

CALIBRATION_SEED = 2**63
"""Far from the seeds of studies, whose jets judge the grid."""


def with_tuned_grids(
    generator: Generator, sampler: TwoLevelSampler, *, events: int = CALIBRATION_JETS
) -> TwoLevelSampler:
    """The samplers with grids fitted to the two levels of a model.

    Args:
        generator: the model.
        sampler: deterministic ones with steps and a grid.
        events: calibration jets.

    Raises:
        InputError: a sampler has no grid to tune.
    """
    jets = generator.draw_features(events, seed=CALIBRATION_SEED)
    nothing = torch.zeros(events, len(JET_FEATURES))
    jet_level = _with_tuned_grid(
        generator.jet_level,
        sampler.jet_level,
        events=events,
        shape=(JET_LEVEL_FEATURES,),
        condition=generator.jet_condition(jets.labels, nothing, nothing),
        mask=None,
    )
    particle_level = _with_tuned_grid(
        generator.particle_level,
        sampler.particle_level,
        events=events,
        shape=(jets.mask.shape[1], len(PARTICLE_FEATURES)),
        condition=jets.condition,
        mask=torch.from_numpy(jets.mask),
    )
    return TwoLevelSampler(jet_level, particle_level)


def _with_tuned_grid(denoiser: Denoiser, sampler: Sampler, **problem: Any) -> Sampler:
    device = next(denoiser.parameters()).device
    noise = Noise(CALIBRATION_SEED, stream=1)
    settings: Any = sampler
    try:
        grid = tune_grid(denoiser, sampler, noise=noise, device=device, **problem)
    except ValueError as error:
        raise InputError(f"candidate {describe(sampler)}: {error}") from error
    tuned: Sampler = replace(settings, grid=grid)
    return tuned


def fitted(generator: Generator, candidates: Sequence[str], path: Path) -> list[str]:
    """The candidates with grids fitted to the model, as text; kept in ``path`` once computed.

    Raises:
        InputError: a candidate is not valid, or the file is damaged or of another model.
    """
    model = fingerprint(generator)
    known: dict[str, str] = {}
    if path.exists():
        try:
            content = json.loads(path.read_text())
            known = dict(content["grids"]) if content["model"] == model else {}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: damaged ({error}); delete it") from error
    for text, sampler in zip(candidates, parsed(candidates, "candidates"), strict=True):
        if text not in known:
            known[text] = str(with_tuned_grids(generator, sampler))
            content = json.dumps({"model": model, "grids": known}, indent=1)
            write_text(path, content + "\n", force=True)
    return [known[text] for text in candidates]


def with_recommendation(generator: Generator, study: Study) -> Generator:
    """The model with the recommended sampler as its default, and the evidence in its card.

    Raises:
        InputError: no sampler passed the study.
    """
    found = study.recommendation
    if found.sampler is None:
        raise InputError(
            f"no sampler was shown to be non-inferior to {study.labels[study.baseline]}; "
            "give more jets (--count) or seeds, or samplers of more steps"
        )
    verdicts = [v for v in study.verdicts if v.sampler == found.sampler]
    evidence = {
        "baseline": study.baseline,
        "evaluations": found.evaluations,
        "baseline_evaluations": found.baseline_evaluations,
        "jets": study.cells[0].settings.count,
        "seeds": study.rows[0].seeds,
        "reference": {c.jet_type: c.settings.reference for c in study.cells},
        "command": study.command,
        "verdicts": [v.model_dump(mode="json", exclude={"sampler"}) for v in verdicts],
    }
    card = {**generator.card, "sampler": found.sampler, "sampler_evidence": evidence}
    return replace(generator, card=card)
