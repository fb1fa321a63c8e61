"""Samplers as text, for command lines, recipes and result files: ``name:key=value,key=value``."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from driftline.diffusion import grids
from driftline.diffusion.samplers.adams import DEIS, IPNDM
from driftline.diffusion.samplers.adaptive_ode import DormandPrince
from driftline.diffusion.samplers.adaptive_sde import AdaptiveSDE
from driftline.diffusion.samplers.ancestral import Ancestral, ReverseDiffusion
from driftline.diffusion.samplers.bespoke import Bespoke
from driftline.diffusion.samplers.clocks import Clock, LogSNRClock, TimeClock
from driftline.diffusion.samplers.consistency import MultistepConsistency
from driftline.diffusion.samplers.dpm_adaptive import DPMSolver23
from driftline.diffusion.samplers.dpm_solver import DDIM, DPMSolver
from driftline.diffusion.samplers.edm import EDM
from driftline.diffusion.samplers.er_sde import ERSDE
from driftline.diffusion.samplers.euler_maruyama import EulerMaruyama
from driftline.diffusion.samplers.langevin import (
    AnnealedLangevin,
    ConsistentAnnealedLangevin,
    Langevin,
)
from driftline.diffusion.samplers.plan import Sampler
from driftline.diffusion.samplers.predictor_corrector import (
    PREDICTORS,
    PosterPredictorCorrector,
    Predictor,
    PredictorCorrector,
)
from driftline.diffusion.samplers.probability_flow import (
    ProbabilityFlowDOP853,
    ProbabilityFlowRK23,
    ProbabilityFlowRK45,
)
from driftline.diffusion.samplers.restart import Restart
from driftline.diffusion.samplers.runge_kutta import RK4, Euler, Heun, Midpoint
from driftline.diffusion.samplers.sa_solver import SASolver
from driftline.diffusion.samplers.unipc import UniPC

SAMPLERS: dict[str, type[Any]] = {
    "dpm": DPMSolver,
    "em": EulerMaruyama,
    "pc": PredictorCorrector,
    "poster-pc": PosterPredictorCorrector,
    "rk45": ProbabilityFlowRK45,
    "rk23": ProbabilityFlowRK23,
    "dop853": ProbabilityFlowDOP853,
    "dopri5": DormandPrince,
    "dpm23": DPMSolver23,
    "euler": Euler,
    "heun": Heun,
    "midpoint": Midpoint,
    "rk4": RK4,
    "ddim": DDIM,
    "unipc": UniPC,
    "deis": DEIS,
    "ipndm": IPNDM,
    "bespoke": Bespoke,
    "reverse": ReverseDiffusion,
    "ancestral": Ancestral,
    "langevin": Langevin,
    "annealed": AnnealedLangevin,
    "consistent": ConsistentAnnealedLangevin,
    "adaptive-sde": AdaptiveSDE,
    "edm": EDM,
    "restart": Restart,
    "sa": SASolver,
    "er-sde": ERSDE,
    "cm": MultistepConsistency,
}
"""Names of samplers; a new one is one class and one line here."""

GRIDS: dict[str, grids.Grid] = {
    "time": grids.UniformTime(),
    "logsnr": grids.UniformLogSNR(),
    "karras": grids.Karras(),
    "angle": grids.UniformAngle(),
    "tuned": grids.TunedGrid(),
}
"""Names of grids."""

CLOCKS: dict[str, Clock] = {"logsnr": LogSNRClock(), "time": TimeClock()}
"""Names of the variables in which adaptive Runge-Kutta methods take their steps."""

TABLES: dict[Any, Mapping[str, Any]] = {grids.Grid: GRIDS, Clock: CLOCKS, Predictor: PREDICTORS}
"""Settings that are objects: the type of a sampler's field, and the objects' names in text.

An object's own settings follow its name after semicolons: ``grid=karras;rho=5``.
"""


def parse(text: str) -> Sampler:
    """The sampler that a text describes, e.g. ``"dpm:steps=20,grid=karras"``.

    Raises:
        ValueError: the name, a key or a value is not valid; the message says what is.
    """
    name, _, rest = text.partition(":")
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}: choose from {', '.join(SAMPLERS)}")
    kind = SAMPLERS[name]
    return kind(**_settings(f"sampler {name!r}", kind, rest.split(",")))


def _settings(owner: str, kind: Any, items: list[str]) -> dict[str, Any]:
    """The fields of a dataclass from texts ``key=value``."""
    known = {f.name: f for f in fields(kind)}
    settings: dict[str, Any] = {}
    for item in filter(None, items):
        key, equals, value = item.partition("=")
        if key not in known or not equals:
            raise ValueError(f"{owner} has no setting {item!r}: choose from {', '.join(known)}")
        settings[key] = _value(owner, key, value, known[key].type)
    return settings


def _value(owner: str, key: str, text: str, kind: Any) -> Any:
    if kind in TABLES:
        return _object(key, text, TABLES[kind])
    try:
        return _READERS.get(kind, kind)(text)
    except (ValueError, KeyError):
        wanted = getattr(kind, "__name__", str(kind))
        raise ValueError(f"{owner}: {key} must be of type {wanted}, got {text!r}") from None


def _object(key: str, text: str, table: Mapping[str, Any]) -> Any:
    name, *items = text.split(";")
    if name not in table:
        raise ValueError(f"unknown {key} {name!r}: choose from {', '.join(table)}")
    default = table[name]
    return replace(default, **_settings(f"{key} {name!r}", type(default), items))


_READERS: dict[Any, Callable[[str], Any]] = {
    bool: {"true": True, "false": False}.__getitem__,
    tuple[float, ...]: lambda text: tuple(float(v) for v in text.split("/")),
    tuple[int, ...]: lambda text: tuple(int(v) for v in text.split("/")),
}
"""Fields whose type does not read its own text: ``denoise=true``, ``levels=-1.5/0.2/3``."""


def describe(sampler: Sampler) -> str:
    """The text that ``parse`` reads back as the same sampler; what is empty is left out."""
    names = {kind: name for name, kind in SAMPLERS.items()}
    settings = [
        f"{f.name}={_text(getattr(sampler, f.name), f.type)}"
        for f in fields(sampler)  # type: ignore[arg-type]
        if getattr(sampler, f.name) != ()
    ]
    return f"{names[type(sampler)]}:{','.join(settings)}"


def _text(value: Any, kind: Any) -> str:
    if kind in TABLES:
        return _object_text(value, TABLES[kind])
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    return str(value).lower() if kind is bool else str(value)


def _object_text(value: Any, table: Mapping[str, Any]) -> str:
    names = {type(default): name for name, default in table.items()}
    if type(value) not in names:
        raise ValueError(f"{value} has no name in text: choose from {', '.join(table)}")
    name = names[type(value)]
    changed = [
        f"{f.name}={_text(getattr(value, f.name), f.type)}"
        for f in fields(value)
        if getattr(value, f.name) != getattr(table[name], f.name)
    ]
    return ";".join([name, *changed])
