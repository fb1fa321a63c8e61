"""Exponential moving average of a network's weights."""

from collections.abc import Iterable

import torch
from torch import Tensor


class EMA:
    """Exponential moving average of parameters, which samples better than the last step does.

    The decay is warmed up, min(decay, (1 + step) / (1 + step + warmup)), so that a short training
    is not averaged with its random start. While the latter is the less, step n counts nearly as
    n^(warmup - 1), the power-function average of Karras et al. (2312.02696, section 3.1): 1 is the
    even mean of the start and all steps, and with 9 it is mostly of the last ninth of them.

    Args:
        parameters: the parameters to follow; the averages start as their copies.
        decay: the decay a step once warmed up, between 0 and 1.
        warmup: how fast the start is forgotten.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float, warmup: float) -> None:
        self.parameters = list(parameters)
        self.averages = [p.detach().clone() for p in self.parameters]
        self.decay = decay
        self.warmup = warmup

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the averages towards the parameters, after step number ``step`` (from 0)."""
        decay = min(self.decay, (1 + step) / (1 + step + self.warmup))
        torch._foreach_lerp_(self.averages, self.parameters, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange parameters and averages; call it again to undo."""
        for parameter, average in zip(self.parameters, self.averages, strict=True):
            held = parameter.clone()
            parameter.copy_(average)
            average.copy_(held)
