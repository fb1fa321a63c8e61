"""A clean estimate that is kept within the range of clean events."""

from dataclasses import dataclass

from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.guidance.base import Guided, check_events, evaluations_of


@dataclass(frozen=True)
class Bounded(Guided):
    r"""The model's clean estimate, no entry of it beyond a bound: :math:`\min(\max(D, -b), b)`.

    Guidance that asks for what the model hardly knows may push its estimate outwards, where the
    network knows still less and is pushed further. Events themselves are bounded, and so is their
    mean ("static thresholding", Saharia et al., 2205.11487, section 2.3).

    Attributes:
        denoiser: the model, guided or not.
        bound: (N,) b of each event, positive; no smaller than what clean events have.

    Raises:
        ValueError: a bound is not positive; from a call also: they do not fit the events.
    """

    denoiser: CleanEstimate
    bound: Tensor

    def __post_init__(self) -> None:
        if self.bound.ndim != 1 or not (self.bound > 0).all():
            raise ValueError(
                f"bound must be one positive number an event, got {self.bound.tolist()}"
            )

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        check_events("bound", self.bound, x)
        bound = expand(self.bound.to(x), x)
        return self.denoiser(x, t, condition, mask).clamp(-bound, bound)

    def evaluations(self, t: Tensor) -> Tensor:
        """The model's."""
        return evaluations_of(self.denoiser, t)
