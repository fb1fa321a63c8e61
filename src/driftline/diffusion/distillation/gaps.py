r"""How far below its own noise a consistency model looks for its target.

Between two levels s and r < s the estimate at s is asked to be the one at r. A wide gap is easy to
learn and biased (for r = 0 it is plain denoising), a narrow one is right and noisy; so a training
that starts from a denoiser narrows it by stages (Geng et al., 2406.14548).
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gap:
    r"""The target's noise as a function of the event's own (2406.14548).

    :math:`r = s\, (1 - w\, (1 + k\, \mathrm{sigmoid}(-b s)))`, not below zero.

    Attributes:
        width: w, the relative gap (s - r)/s at high noise.
        widening: k; at low noise the gap is wider by up to the factor 1 + k/2.
        rate: b, by which s falls out of the wider gap. The paper has 1 for data of standard
            deviation 0.5, so 0.5 for data of unit scale.

    Raises:
        ValueError: width is not in (0, 1], or widening or rate is negative.
    """

    width: float
    widening: float = 8.0
    rate: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.width <= 1:
            raise ValueError(f"width must be in (0, 1], got {self.width}")
        if self.widening < 0 or self.rate < 0:
            raise ValueError(
                f"widening and rate must not be negative, got {self.widening} and {self.rate}"
            )

    def below(self, s: Tensor) -> Tensor:
        """r (B,) for s (B,), both sigma/alpha."""
        relative = self.width * (1 + self.widening * torch.sigmoid(-self.rate * s))
        return s * (1 - relative).clamp(min=0)


@dataclass(frozen=True)
class ShrinkingGaps:
    r"""Gaps that narrow by a factor from stage to stage, stages of equal length.

    In stage j = 0, 1, ... the width is :math:`q^{-(j+1)}` (2406.14548).

    Attributes:
        stages: how many.
        factor: q.
        widening: as in ``Gap``.
        rate: as in ``Gap``.

    Raises:
        ValueError: stages < 1 or factor <= 1; also as ``Gap``.
    """

    stages: int = 8
    factor: float = 2.0
    widening: float = 8.0
    rate: float = 0.5

    def __post_init__(self) -> None:
        if self.stages < 1 or self.factor <= 1:
            raise ValueError(
                f"stages must be at least 1 and factor above 1, got {self.stages}, {self.factor}"
            )
        self.at(0.0)

    def at(self, done: float) -> Gap:
        """The gap when the fraction ``done`` of the training, 0 to 1, has been done."""
        stage = min(int(done * self.stages), self.stages - 1)
        return Gap(self.factor ** -(stage + 1), self.widening, self.rate)
