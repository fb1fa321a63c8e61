"""Samplers on one model: evaluations, wall time and quality, judged in pairs."""

from driftline.study.results import Study
from driftline.study.run import run_study

__all__ = ["Study", "run_study"]
