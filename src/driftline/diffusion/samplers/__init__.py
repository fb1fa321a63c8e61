"""Samplers: each turns a schedule into a plan; ``sample`` runs any plan.

A sampler is a frozen dataclass: its fields are its settings, and ``parse`` reads the same from
text, ``"pc:steps=250,snr=0.165"``.
"""

from driftline.diffusion.samplers.dpm_solver import DPMSolver
from driftline.diffusion.samplers.euler_maruyama import EulerMaruyama
from driftline.diffusion.samplers.loop import Result, sample
from driftline.diffusion.samplers.plan import Plan, Sampler
from driftline.diffusion.samplers.predictor_corrector import (
    PosterPredictorCorrector,
    PredictorCorrector,
)
from driftline.diffusion.samplers.probability_flow import ProbabilityFlowRK45
from driftline.diffusion.samplers.spec import GRIDS, SAMPLERS, describe, parse

__all__ = [
    "GRIDS",
    "SAMPLERS",
    "DPMSolver",
    "EulerMaruyama",
    "Plan",
    "PosterPredictorCorrector",
    "PredictorCorrector",
    "ProbabilityFlowRK45",
    "Result",
    "Sampler",
    "describe",
    "parse",
    "sample",
]
