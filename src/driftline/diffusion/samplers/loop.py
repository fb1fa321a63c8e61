"""The one loop that runs any plan over any number of events, and counts what it costs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.guidance.base import of_rows
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers.plan import Draw, Level, Model, Plan, Sampler, State


@dataclass(frozen=True)
class Result:
    """Generated events and their cost.

    Attributes:
        x: (N, ...) events.
        calls: batched network calls, which wall time follows.
        evaluations: network evaluations per event (mean over events; equal for all but adaptive
            samplers). Corrector, rejected and final denoising evaluations all count, and so do all
            evaluations and gradients of guidance.
        seconds: wall time.
        evaluations_max: the largest number of evaluations that any event took.
    """

    x: Tensor
    calls: int
    evaluations: float
    seconds: float
    evaluations_max: int


Record = Callable[[Level, Tensor], None]
"""Sees the level and the events x = alpha x_hat (B, ...) at the start and after every step."""


def draws(
    noise: Noise, events: Tensor, shape: tuple[int, ...], mask: Tensor | None, dtype: torch.dtype
) -> Draw:
    """The successive standard normals of a batch of events (B,), each keyed by its interval."""
    interval = -1

    def draw() -> Tensor:
        nonlocal interval
        interval += 1
        z = noise.normal(events, shape, interval, dtype)
        return z if mask is None else z * expand(mask, z)

    return draw


def run(plan: Plan, model: Model, draw: Draw, record: Record | None = None) -> Tensor:
    """Take one batch from noise to the plan's end (B, ...), in the coordinates of the events."""
    state = State(plan.start.s * draw())
    for step in plan:
        if record is not None:
            record(step.level, step.level.alpha * state.x_hat)
        state = step(state, model, draw)
    x = state.x_hat if plan.end.alpha == 1 else plan.end.alpha * state.x_hat
    if record is not None:
        record(plan.end, x)
    return x


def explain(plan: Plan, model: Model, draw: Draw, label: str) -> None:
    """Raise FloatingPointError that says where a batch first left the finite numbers.

    The noise is a function of the events, so the batch can be run again with every step watched,
    and runs that succeed pay nothing.
    """
    remedy = "take more steps, a smaller SNR or a larger last time"

    def watch(level: Level, x: Tensor) -> None:
        try:
            model.require_finite(x, level.t, remedy=remedy)
        except FloatingPointError as error:
            raise FloatingPointError(f"{label}: {error}") from None

    run(plan, model, draw, watch)
    raise FloatingPointError(f"{label}: events were not finite, and are when run again; {remedy}")


@torch.no_grad()
def sample(
    denoiser: CleanEstimate,
    sampler: Sampler,
    *,
    noise: Noise,
    events: int | Tensor,
    shape: tuple[int, ...],
    condition: Tensor | None = None,
    mask: Tensor | None = None,
    batch: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    progress: Callable[[int], None] | None = None,
    record: Record | None = None,
) -> Result:
    """Generate events; event i of a seed is the same whatever the batch size.

    Args:
        denoiser: the model; a guided one with numbers of each of the events.
        sampler: the solver with its settings.
        noise: all the randomness.
        events: how many, or their ids (N,) int64, which key the noise.
        shape: shape of one event.
        condition: (N, C) or None.
        mask: (N, P) bool or None; padded entries stay zero.
        batch: events in one network call.
        dtype: of the state.
        device: where to compute.
        progress: called with the number of events of every finished batch.
        record: called with the level and the batch's events x at the start and after every step
            (adaptive samplers, whose events have steps of their own, are one step).

    Raises:
        ValueError: batch < 1, or the grid does not fit the schedule.
        FloatingPointError: an event is not finite; the message says which and at which t.
        EvaluationLimit: an adaptive sampler needs more than its ``max_evaluations``.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    ids = torch.arange(events) if isinstance(events, int) else events
    plan = sampler.plan(denoiser.schedule)
    started = time.perf_counter()
    parts: list[Tensor] = []
    calls = evaluations = most = 0
    for start in range(0, len(ids), batch):
        chosen = slice(start, start + batch)
        part = ids[chosen].to(device)
        part_mask = None if mask is None else mask[chosen].to(device)
        part_condition = None if condition is None else condition[chosen].to(device, dtype)
        guided = of_rows(denoiser, chosen)
        model = Model(guided, part_condition, part_mask, part)
        x = run(plan, model, draws(noise, part, shape, part_mask, dtype), record)
        if not x.isfinite().all():
            again = Model(guided, part_condition, part_mask, part)
            explain(plan, again, draws(noise, part, shape, part_mask, dtype), sampler.label)
        parts.append(x)
        total, largest = model.evaluations(len(part))
        calls, evaluations, most = calls + model.calls, evaluations + total, max(most, largest)
        if progress is not None:
            progress(len(part))
    x = torch.cat(parts) if parts else torch.zeros((0, *shape), dtype=dtype, device=device)
    per_event = evaluations / max(len(ids), 1)
    return Result(x, calls, per_event, time.perf_counter() - started, most)
