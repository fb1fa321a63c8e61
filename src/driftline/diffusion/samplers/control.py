r"""Step-size control for every event on its own, over its real entries only."""

from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.denoisers import expand
from driftline.diffusion.samplers.checks import EvaluationLimit, require
from driftline.diffusion.samplers.plan import Model


def require_reach(tolerance: float, dtype: torch.dtype) -> None:
    """Refuse a tolerance that the rounding of the state does not allow.

    Raises:
        ValueError: the tolerance is below 10 roundings of the type.
    """
    reach = 10 * torch.finfo(dtype).eps
    name = str(dtype).removeprefix("torch.")
    require(
        tolerance >= reach,
        f"tolerance {tolerance:g} is below the reach of {name}: ask for at least {reach:.1e}, or "
        "sample with dtype=torch.float64",
    )


def require_evaluations(
    model: Model, spent: Tensor, limit: int, t: Tensor, rows: Tensor, label: str
) -> None:
    """Stop a run whose unfinished events would take more evaluations than allowed.

    Args:
        model: knows the events' ids.
        spent: (M,) evaluations of the unfinished events, with those of the next attempt.
        limit: how many are allowed.
        t: (M,) where the unfinished events are.
        rows: (M,) which rows of the batch they are.
        label: the sampler's.

    Raises:
        EvaluationLimit: an event would exceed it; the message says how far it got.
    """
    over = spent > limit
    if not over.any():
        return
    last = int(t.masked_fill(~over, -1.0).argmax())
    raise EvaluationLimit(
        f"{label}: {int(over.sum())} events are not finished within {limit} evaluations (event "
        f"{model.event(int(rows[last]))} has reached t = {float(t[last]):.4g}); raise "
        "max_evaluations or the tolerance"
    )


@dataclass(frozen=True)
class Control:
    r"""Accepts a step whose estimated error is within the tolerance, and proposes the next size.

    The error of an event is the root mean square over its real entries of
    error / max(absolute n, relative \|x\|), n the scale of noisy events of unit variance; the next
    step is the last one times 0.9 error^(-1/order), within a factor 5.

    Attributes:
        absolute: tolerance for events of unit scale.
        relative: tolerance relative to the state.
        order: of the local error estimate, in powers of the step.
    """

    absolute: float
    relative: float
    order: int

    def error(
        self, error: Tensor, before: Tensor, after: Tensor, s: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Error of the events in units of the tolerance, (M,) float64.

        Args:
            error: (M, ...) estimated error of the step, in hat coordinates.
            before: (M, ...) state at its beginning.
            after: (M, ...) state at its end.
            s: (M,) noise-to-signal ratio at its end.
            mask: (M, P) or None.
        """
        unit = expand(torch.sqrt(1 + s**2), error).to(error)
        size = torch.maximum(before.abs(), after.abs())
        ratio = error / torch.maximum(self.absolute * unit, self.relative * size)
        real = torch.ones_like(ratio) if mask is None else expand(mask, ratio).expand_as(ratio)
        square = (ratio.square() * real).flatten(1).double().sum(1)
        return (square / real.flatten(1).double().sum(1).clamp(min=1)).sqrt()

    def factor(self, error: Tensor) -> Tensor:
        """By how much to change the step sizes (M,); never longer after a rejection."""
        factor = (0.9 * error.clamp(min=1e-12) ** (-1 / self.order)).clamp(0.2, 5.0)
        return torch.where(error <= 1, factor, factor.clamp(max=1.0))
