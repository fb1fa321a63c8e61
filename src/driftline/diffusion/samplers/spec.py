"""Samplers as text, for command lines, recipes and result files: ``name:key=value,key=value``."""

from dataclasses import fields
from typing import Any

from driftline.diffusion import grids
from driftline.diffusion.samplers.dpm_solver import DPMSolver
from driftline.diffusion.samplers.euler_maruyama import EulerMaruyama
from driftline.diffusion.samplers.plan import Sampler
from driftline.diffusion.samplers.predictor_corrector import (
    PosterPredictorCorrector,
    PredictorCorrector,
)
from driftline.diffusion.samplers.probability_flow import ProbabilityFlowRK45

SAMPLERS: dict[str, type[Any]] = {
    "dpm": DPMSolver,
    "em": EulerMaruyama,
    "pc": PredictorCorrector,
    "poster-pc": PosterPredictorCorrector,
    "rk45": ProbabilityFlowRK45,
}
"""Names of samplers; a new one is one class and one line here."""

GRIDS: dict[str, grids.Grid] = {
    "time": grids.UniformTime(),
    "logsnr": grids.UniformLogSNR(),
    "karras": grids.Karras(),
}
"""Names of grids."""


def parse(text: str) -> Sampler:
    """The sampler that a text describes, e.g. ``"dpm:steps=20,grid=karras"``.

    Raises:
        ValueError: the name, a key or a value is not valid; the message says what is.
    """
    name, _, rest = text.partition(":")
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}: choose from {', '.join(SAMPLERS)}")
    kind = SAMPLERS[name]
    known = {f.name: f for f in fields(kind)}
    settings: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if key not in known or not equals:
            raise ValueError(
                f"sampler {name!r} has no setting {item!r}: choose from {', '.join(known)}"
            )
        settings[key] = _value(name, key, value, known[key].type)
    return kind(**settings)


def _value(name: str, key: str, text: str, kind: Any) -> Any:
    if kind is grids.Grid:
        if text not in GRIDS:
            raise ValueError(f"unknown grid {text!r}: choose from {', '.join(GRIDS)}")
        return GRIDS[text]
    try:
        return kind(text)
    except ValueError:
        raise ValueError(
            f"sampler {name!r}: {key} must be of type {kind.__name__}, got {text!r}"
        ) from None


def describe(sampler: Sampler) -> str:
    """The text that ``parse`` reads back as the same sampler."""
    names = {kind: name for name, kind in SAMPLERS.items()}
    grid_names = {grid: name for name, grid in GRIDS.items()}
    settings = []
    for f in fields(sampler):  # type: ignore[arg-type]
        value = getattr(sampler, f.name)
        settings.append(
            f"{f.name}={grid_names.get(value, value) if f.type is grids.Grid else value}"
        )
    return f"{names[type(sampler)]}:{','.join(settings)}"
