"""Inpainting: events of which some entries have been measured, and the rest is to be drawn."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.guidance.base import Guided, check_events, evaluations_of
from driftline.diffusion.guidance.posterior import Posterior, conjugate_gradients


@dataclass(frozen=True)
class Inpainting(Guided):
    r"""Events given entries y = x_0 + n, n normal, by moment matching posterior sampling.

    Of what a noisy event may have been, mean D and covariance V are known (``Posterior``); taken
    for normal, the measurement changes the mean into

    .. math:: D_{guided} = D + V A^T (A V A^T + N)^{-1} (y - A D)

    with A the choice of the known entries and N the variance of n (Rozet et al., 2405.13712; with V
    isotropic it is PiGDM, Song et al., ICLR 2023). The linear system is solved by conjugate
    gradients, one gradient through the network each. **Exact if the data are Gaussian** and the
    iterations suffice, so that any sampler then draws from the exact conditional distribution.
    Otherwise V is exact but the shape is not, most so at large noise between modes, and events
    begin in modes that do not fit what is known: of two clearly apart, some stay there. Samplers
    that return to more noise (``Restart``, as RePaint does, 2201.09865) lessen that. Replacing the
    known entries at every step (2011.13456) instead is wrong even for Gaussians.

    Attributes:
        denoiser: the model.
        known: (N, ...) bool, like the events, which entries are known.
        values: (N, ...) what they are; ignored elsewhere.
        noise: (N, ...) standard deviation of n, not negative.
        iterations: of the conjugate gradients; a call takes 2 + iterations evaluations.

    Raises:
        ValueError: shapes differ, a known value is not finite, noise is negative or not finite, or
            iterations < 1; from a call also: they do not fit the events.
    """

    denoiser: CleanEstimate
    known: Tensor
    values: Tensor
    noise: Tensor
    iterations: int = 3

    def __post_init__(self) -> None:
        shapes = {tuple(a.shape) for a in (self.known, self.values, self.noise)}
        if len(shapes) > 1 or self.known.dtype != torch.bool:
            raise ValueError(
                "known (bool), values and noise must have one shape, that of the events: got "
                f"{self.known.dtype} and shapes {', '.join(map(str, sorted(shapes)))}"
            )
        if not self.values[self.known].isfinite().all():
            raise ValueError("known values must be finite: mark the others as not known")
        noise = self.noise[self.known]
        if not ((noise >= 0) & (noise < math.inf)).all():
            raise ValueError("noise must be finite and not negative where an entry is known")
        if self.iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {self.iterations}")

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        check_events("known", self.known, x)
        if self.known.shape != x.shape:
            raise ValueError(
                f"known has shape {tuple(self.known.shape)} and the events have {tuple(x.shape)}: "
                "mark every entry as known or not"
            )
        known = self.known.to(x.device)
        if mask is not None:
            known = known & expand(mask, x)
        variance = torch.where(known, self.noise.to(x), 0) ** 2
        posterior = Posterior.of(self.denoiser, x, t, condition, mask)
        missed = torch.where(known, self.values.to(x) - posterior.mean, 0)
        solved = conjugate_gradients(
            lambda v: torch.where(known, posterior.covariance(v), 0) + variance * v,
            missed,
            self.iterations,
        )
        return posterior.mean + posterior.covariance(solved)

    def evaluations(self, t: Tensor) -> Tensor:
        """One and a gradient for each iteration, and one for the step."""
        return evaluations_of(self.denoiser, t) * (2 + self.iterations)
