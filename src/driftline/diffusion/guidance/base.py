r"""What all guidance has in common: a model's clean estimates, changed event by event.

A guided model is a clean estimate like any other, so that every sampler takes it. It holds numbers
of each event (what is known of it, what its guidance aims at), which have to follow when a sampler
treats some of the events alone; and it takes several network evaluations a call, which have to be
counted. A gradient through a network counts as one evaluation more (its wall time is about that of
two).
"""

from abc import ABC, abstractmethod
from dataclasses import fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.schedules import Schedule

Rows = Tensor | slice
"""Which events of a batch: a slice, numbers (M,) int64, or a selection (B,) bool."""


class Guided(ABC):
    """A clean estimate made of another model's; its subclasses are frozen dataclasses.

    By convention every attribute that is a tensor has a row for each event.

    Attributes:
        denoiser: the model that is guided; it may be a guided one itself.
    """

    denoiser: CleanEstimate

    @property
    def schedule(self) -> Schedule:
        """Of the model."""
        return self.denoiser.schedule

    @abstractmethod
    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Guided clean estimate, like x (B, ...)."""

    @abstractmethod
    def evaluations(self, t: Tensor) -> Tensor:
        """(B,) int64, network evaluations that a call at times t (B,) takes of each event."""

    def of(self, rows: Rows) -> Self:
        """The same for some of the events."""
        mine: dict[str, Any] = {"denoiser": of_rows(self.denoiser, rows)}
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                here = rows.to(value.device) if isinstance(rows, Tensor) else rows
                mine[field.name] = value[here]
        changed: Self = replace(self, **mine)  # type: ignore[type-var]
        return changed


def of_rows(denoiser: CleanEstimate, rows: Rows) -> CleanEstimate:
    """A model for some of the events: guided ones hold numbers of each, others are the same."""
    return denoiser.of(rows) if isinstance(denoiser, Guided) else denoiser


def evaluations_of(denoiser: CleanEstimate, t: Tensor) -> Tensor:
    """(B,) int64, network evaluations that a call of any model takes of events at times t (B,)."""
    if isinstance(denoiser, Guided):
        return denoiser.evaluations(t)
    return torch.ones_like(t, dtype=torch.int64)


def check_events(name: str, held: Tensor, x: Tensor) -> None:
    """Raise ValueError unless a tensor has a row for each event of x (B, ...)."""
    if len(held) != len(x):
        raise ValueError(
            f"{name} has {len(held)} rows for {len(x)} events: give one for each event that is "
            "sampled"
        )
