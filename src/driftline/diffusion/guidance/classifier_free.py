"""Classifier-free guidance: away from what the model says when it is told less."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.guidance.base import Guided, check_events, evaluations_of, of_rows


@dataclass(frozen=True)
class ClassifierFree(Guided):
    r"""Extrapolates from the estimate that is told less to the one that is told all.

    .. math:: D = D_{null} + w\,(D_{cond} - D_{null})

    (Ho & Salimans, 2207.12598, eq. 6), optionally only between two levels of noise
    :math:`s = \sigma/\alpha` (Kynkaanniemi et al., 2404.07724), elsewhere :math:`D_{cond}`. With
    w = 1 nothing changes; above, events become more typical of their condition and less diverse:
    :math:`p_{cond}^w\, p_{null}^{1 - w}` is what is drawn from, but only roughly, since it does not
    diffuse into the product of the diffused densities. It is no conditional distribution: use it
    where fidelity counts more than the spectrum.

    Attributes:
        denoiser: the model, trained with parts of its condition left out at times.
        null: (N, C), the condition of each event with those parts left out.
        scale: w, not negative.
        low: no guidance below this s.
        high: nor above this one.

    Raises:
        ValueError: the scale is negative or not finite, low is not below high, null has not two
            axes; from a call also: null does not fit the condition.
    """

    denoiser: CleanEstimate
    null: Tensor
    scale: float
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale >= 0):
            raise ValueError(f"scale must be finite and at least 0, got {self.scale}; 1 is none")
        if not 0 <= self.low < self.high:
            raise ValueError(
                f"low must be at least 0 and below high, got {self.low} and {self.high}: give the "
                "levels sigma/alpha between which to guide"
            )
        if self.null.ndim != 2:
            raise ValueError(f"null must have shape (N, C), got {tuple(self.null.shape)}")

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        check_events("null", self.null, x)
        if condition is None or condition.shape != self.null.shape:
            raise ValueError(
                f"condition must be like null, {tuple(self.null.shape)}, got "
                f"{None if condition is None else tuple(condition.shape)}: give both"
            )
        told = self.denoiser(x, t, condition, mask)
        rows = self.guides(t)
        if not rows.any():
            return told
        less = of_rows(self.denoiser, rows)(
            x[rows], t[rows], self.null[rows.to(self.null.device)].to(condition), _some(mask, rows)
        )
        null = told.index_put((rows.nonzero()[:, 0],), less.to(told.dtype))
        weight = 1 + (self.scale - 1) * rows.to(x.dtype)
        return null + expand(weight, x) * (told - null)

    def guides(self, t: Tensor) -> Tensor:
        """(B,) bool, whether the estimate is changed at times t (B,)."""
        s = (-self.schedule.log_snr(t)).exp()
        return (s >= self.low) & (s <= self.high) & (self.scale != 1)

    def evaluations(self, t: Tensor) -> Tensor:
        """Two of the model's where it guides, one elsewhere."""
        return evaluations_of(self.denoiser, t) * (1 + self.guides(t).to(torch.int64))


def _some(mask: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if mask is None else mask[rows]
