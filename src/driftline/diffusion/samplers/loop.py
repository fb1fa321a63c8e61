"""The one loop that runs any plan over any number of events, and counts what it costs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers.plan import Draw, Model, Plan, Sampler, State


@dataclass(frozen=True)
class Result:
    """Generated events and their cost.

    Attributes:
        x: (N, ...) events.
        calls: batched network calls, which wall time follows.
        evaluations: network evaluations per event (mean over events; equal for all but adaptive
            samplers). Corrector, rejected and final denoising evaluations all count.
        seconds: wall time.
    """

    x: Tensor
    calls: int
    evaluations: float
    seconds: float


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


def run(plan: Plan, model: Model, draw: Draw) -> Tensor:
    """Take one batch from noise to clean events."""
    state = State(plan.start.s * draw())
    for step in plan:
        state = step(state, model, draw)
    return state.x_hat


def check_finite(x: Tensor, events: Tensor, sampler: Sampler) -> None:
    """Raise FloatingPointError naming the first event that is not finite."""
    bad = ~torch.isfinite(x.flatten(1)).all(1)
    if bad.any():
        first = int(events[int(bad.nonzero()[0])])
        raise FloatingPointError(
            f"{sampler.label}: {int(bad.sum())} events are not finite (first: event {first}); "
            "take more steps, a smaller SNR or a larger last time"
        )


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
) -> Result:
    """Generate events; event i of a seed is the same whatever the batch size.

    Args:
        denoiser: the model.
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

    Raises:
        ValueError: batch < 1.
        FloatingPointError: an event is not finite.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    ids = torch.arange(events) if isinstance(events, int) else events
    plan = sampler.plan(denoiser.schedule)
    started = time.perf_counter()
    parts: list[Tensor] = []
    calls = evaluations = 0
    for start in range(0, len(ids), batch):
        chosen = slice(start, start + batch)
        part = ids[chosen].to(device)
        part_mask = None if mask is None else mask[chosen].to(device)
        part_condition = None if condition is None else condition[chosen].to(device, dtype)
        model = Model(denoiser, part_condition, part_mask)
        x = run(plan, model, draws(noise, part, shape, part_mask, dtype))
        check_finite(x, part, sampler)
        parts.append(x)
        calls += model.calls
        evaluations += model.calls * len(part)
        if progress is not None:
            progress(len(part))
    x = torch.cat(parts) if parts else torch.zeros((0, *shape), dtype=dtype, device=device)
    per_event = evaluations / max(len(ids), 1)
    return Result(x, calls, per_event, time.perf_counter() - started)
