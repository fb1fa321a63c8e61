r"""The exact model of a known distribution under any schedule: the oracle of samplers."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from driftline.diffusion.denoisers import expand, score_of
from driftline.diffusion.schedules import Schedule


class Distribution(Protocol):
    """Events (B, ...) whose perturbed density and clean estimate are known; alpha, sigma (B, 1)."""

    def log_density_of_events(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """ln p_t(x), (B,)."""
        ...

    def denoise_events(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """E[x_0 | x_t = x], like x."""
        ...


@dataclass(frozen=True)
class AnalyticDenoiser:
    """The exact denoiser of a distribution under a schedule, usable wherever a trained one is.

    Events may have any shape: a ``Mixture`` over d entries takes every d entries in turn as an
    independent draw, so that (B, d) is one draw an event and (B, P, d) with a mask (B, P) a cloud
    of independent particles; a ``CloudMixture`` makes the particles of an event depend on each
    other.
    """

    distribution: Distribution
    schedule: Schedule

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        return self.distribution.denoise_events(x, *self._levels(t), mask)

    def score(self, x: Tensor, t: Tensor, mask: Tensor | None = None) -> Tensor:
        """Exact score, grad_x ln p_t(x), like x (B, ...); zero where padded if x is."""
        alpha, sigma = (expand(v[:, 0], x) for v in self._levels(t))
        return score_of(self(x, t, None, mask), x, alpha, sigma)

    def log_density(self, x: Tensor, t: Tensor, mask: Tensor | None = None) -> Tensor:
        """Exact ln p_t(x), (B,), of events x (B, ...) at times t (B,)."""
        return self.distribution.log_density_of_events(x, *self._levels(t), mask)

    def _levels(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return self.schedule.alpha(t)[:, None], self.schedule.sigma(t)[:, None]
