"""The class of an event, as the condition tells it."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClassOf:
    """The class that a condition tells as its first numbers, one-hot; one more if it tells none.

    Attributes:
        types: number of classes.
    """

    types: int

    @property
    def number(self) -> int:
        """Of groups: the classes, and events of which none is told."""
        return self.types + 1

    def __call__(self, condition: Tensor | None) -> Tensor:
        """Conditions (B, C) to (B,) int64."""
        assert condition is not None
        told = condition[:, : self.types]
        return torch.where(told.any(dim=1), told.argmax(dim=1), self.types)
