"""Samplers: each turns a schedule into a plan; ``sample`` runs any plan.

A sampler is a frozen dataclass: its fields are its settings, and ``parse`` reads the same from
text, ``"pc:steps=250,snr=0.165"``.
"""

from driftline.diffusion.samplers.adams import DEIS, IPNDM
from driftline.diffusion.samplers.adaptive_ode import DormandPrince
from driftline.diffusion.samplers.adaptive_sde import AdaptiveSDE
from driftline.diffusion.samplers.ancestral import Ancestral, ReverseDiffusion
from driftline.diffusion.samplers.bespoke import Bespoke
from driftline.diffusion.samplers.calibration import Calibration
from driftline.diffusion.samplers.checks import EvaluationLimit
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
from driftline.diffusion.samplers.loop import Result, sample
from driftline.diffusion.samplers.plan import Plan, Sampler
from driftline.diffusion.samplers.predictor_corrector import (
    PosterPredictorCorrector,
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
from driftline.diffusion.samplers.spec import GRIDS, SAMPLERS, describe, parse
from driftline.diffusion.samplers.tuning import require_tunable, tune
from driftline.diffusion.samplers.unipc import UniPC

__all__ = [
    "GRIDS",
    "SAMPLERS",
    "AdaptiveSDE",
    "Ancestral",
    "AnnealedLangevin",
    "Bespoke",
    "Calibration",
    "ConsistentAnnealedLangevin",
    "EDM",
    "ERSDE",
    "Langevin",
    "Restart",
    "ReverseDiffusion",
    "SASolver",
    "DDIM",
    "DEIS",
    "DPMSolver",
    "DPMSolver23",
    "DormandPrince",
    "Euler",
    "EulerMaruyama",
    "EvaluationLimit",
    "Heun",
    "IPNDM",
    "Midpoint",
    "MultistepConsistency",
    "Plan",
    "PosterPredictorCorrector",
    "PredictorCorrector",
    "ProbabilityFlowDOP853",
    "ProbabilityFlowRK23",
    "ProbabilityFlowRK45",
    "RK4",
    "Result",
    "Sampler",
    "UniPC",
    "describe",
    "parse",
    "sample",
    "require_tunable",
    "tune",
]
