"""A clean estimate that is kept within the range of clean events."""

import math
from dataclasses import dataclass

from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.guidance.base import Guided, evaluations_of


@dataclass(frozen=True)
class Bounded(Guided):
    r"""The model's clean estimate, of which no entry exceeds a bound: :math:`\min(\max(D, -b), b)`.

    Guidance that asks for what the model hardly knows may push its estimate outwards, where the
    network knows still less and is pushed further. Events themselves are bounded, and so is their
    mean ("static thresholding", Saharia et al., 2205.11487, section 2.3).

    Attributes:
        denoiser: the model, guided or not.
        bound: b, positive; no smaller than what clean events have.

    Raises:
        ValueError: the bound is not positive and finite.
    """

    denoiser: CleanEstimate
    bound: float

    def __post_init__(self) -> None:
        if not 0 < self.bound < math.inf:
            raise ValueError(f"bound must be positive and finite, got {self.bound}")

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        return self.denoiser(x, t, condition, mask).clamp(-self.bound, self.bound)

    def evaluations(self, t: Tensor) -> Tensor:
        """The model's."""
        return evaluations_of(self.denoiser, t)
