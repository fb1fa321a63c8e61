"""Guidance: models made to draw conditionally on what they were not trained to be told.

Each wraps a clean estimate in another one, so that every sampler takes it; none is trained.
"""

from driftline.diffusion.guidance.base import Guided, evaluations_of, of_rows
from driftline.diffusion.guidance.bounded import Bounded
from driftline.diffusion.guidance.classifier_free import ClassifierFree
from driftline.diffusion.guidance.inpainting import Inpainting
from driftline.diffusion.guidance.posterior import Posterior, conjugate_gradients
from driftline.diffusion.guidance.reconstruction import Reconstruction

__all__ = [
    "Bounded",
    "ClassifierFree",
    "Guided",
    "Inpainting",
    "Posterior",
    "Reconstruction",
    "conjugate_gradients",
    "evaluations_of",
    "of_rows",
]
