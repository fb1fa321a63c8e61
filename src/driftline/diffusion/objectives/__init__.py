r"""Score matching: what a denoiser is trained to minimise."""

from driftline.diffusion.objectives.denoising import DenoisingScoreMatching, masked_mean
from driftline.diffusion.objectives.implicit import ImplicitScoreMatching, SlicedScoreMatching
from driftline.diffusion.objectives.observables import ObservableMatching
from driftline.diffusion.objectives.pairing import OptimalTransport, transport_pairing
from driftline.diffusion.objectives.weightings import (
    CleanWeighting,
    FlowWeighting,
    LikelihoodWeighting,
    LowNoiseWeighting,
    NoiseWeighting,
    PerDensity,
    ScoreWeighting,
    UnitVarianceWeighting,
    Weighting,
)

__all__ = [
    "CleanWeighting",
    "DenoisingScoreMatching",
    "FlowWeighting",
    "ImplicitScoreMatching",
    "LikelihoodWeighting",
    "LowNoiseWeighting",
    "NoiseWeighting",
    "ObservableMatching",
    "OptimalTransport",
    "PerDensity",
    "ScoreWeighting",
    "SlicedScoreMatching",
    "UnitVarianceWeighting",
    "Weighting",
    "masked_mean",
    "transport_pairing",
]
