r"""Which noise goes with which event: minibatch optimal transport.

Paths between events and noise that are paired at random cross, and the velocity where they do is
their mean: the flow bends. Paired so that the sum of squared distances is least, they hardly cross,
and a straight flow needs fewer steps (Tong et al., 2302.00482; Pooladian et al., 2304.14772).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from driftline.diffusion.denoisers import Denoiser


class Loss(Protocol):
    """An objective of clean events, times and noise, such as ``DenoisingScoreMatching``."""

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
        /,
    ) -> Tensor: ...


def transport_pairing(
    x0: Tensor, noise: Tensor, condition: Tensor | None = None, weight: float = 0.0
) -> Tensor:
    r"""Which row of the noise each event is paired with, (B,) int64, so that the cost is least.

    The cost of event i with noise j is :math:`\|x_i - z_j\|^2 + w \|c_i - c_j\|^2`, the conditions
    those of the pairs as they were drawn. Padded entries, where an event is zero, decide nothing:
    what they add is the noise's square, the same in sum for all pairings.

    Args:
        x0: clean events (B, ...), zero where padded.
        noise: like x0, of all entries, padded ones too.
        condition: (B, C) or None.
        weight: w.
    """
    cost = -2 * x0.flatten(1).double() @ noise.flatten(1).double().T
    if condition is not None and weight > 0:
        cost = cost + weight * torch.cdist(condition.double(), condition.double()).square()
    _, chosen = linear_sum_assignment(cost.cpu().numpy())
    return torch.from_numpy(chosen).to(x0.device)


@dataclass(frozen=True)
class OptimalTransport:
    r"""An objective whose noise is paired with the events of the batch by optimal transport.

    Without a condition the noise stays standard normal over all events. With one it does not at
    any single condition: of a batch of two classes, each draws the noise nearest to itself, while a
    sampler starts both from all of it. A weight on the conditions of the pairs exchanged keeps the
    exchange among events of like condition, where it does no harm (Cheng & Schwing, 2503.10636).

    Attributes:
        objective: what is minimised.
        condition_weight: w of ``transport_pairing``.

    Raises:
        ValueError: the weight is negative.
    """

    objective: Loss
    condition_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.condition_weight < 0:
            raise ValueError(f"condition_weight must not be negative, got {self.condition_weight}")

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Loss of each event (B,), with the noise exchanged; arguments as for the objective."""
        paired = noise[transport_pairing(x0, noise, condition, self.condition_weight)]
        return self.objective(denoiser, x0, t, paired, condition, mask)
