"""Samplers on one model: evaluations, wall time and quality, judged in pairs."""

from driftline.study.results import Study
from driftline.study.run import DEFAULT_SAMPLERS, run_study

__all__ = ["DEFAULT_SAMPLERS", "Study", "run_study"]
