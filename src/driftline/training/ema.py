"""Exponential moving average of a network's weights."""

from collections.abc import Iterable

import torch
from torch import Tensor


class EMA:
    """Exponential moving average of parameters, which samples better than the last step does.

    The decay is warmed up, min(decay, (1 + step) / (10 + step)), so that a short training is not
    averaged with its random start.

    Args:
        parameters: the parameters to follow; the averages start as their copies.
        decay: the decay a step once warmed up, between 0 and 1.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float) -> None:
        self.parameters = list(parameters)
        self.averages = [p.detach().clone() for p in self.parameters]
        self.decay = decay

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the averages towards the parameters, after step number ``step`` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.averages, self.parameters, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange parameters and averages; call it again to undo."""
        for parameter, average in zip(self.parameters, self.averages, strict=True):
            held = parameter.clone()
            parameter.copy_(average)
            average.copy_(held)
