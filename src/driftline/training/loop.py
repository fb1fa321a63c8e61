"""The training loop: it knows denoisers and batches, not what kind of event they describe."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.levels import stratified_uniform
from driftline.networks import has_bfloat16
from driftline.training import checkpoint
from driftline.training.ema import EMA
from driftline.training.objectives import (
    Objective,
    Objectives,
    TrainingLevels,
    Validation,
    denoising,
)
from driftline.training.progress import Progress
from driftline.training.recipe import TrainingSettings

_VALIDATION_EVENTS = 8192


class TrainingError(RuntimeError):
    """A training that cannot go on, such as one whose loss is not finite."""


class Batch(NamedTuple):
    """Events as a denoiser takes them.

    Attributes:
        x0: (B, ...) clean events, zero where the mask is false.
        condition: (B, C) or None.
        mask: (B, P), or of the shape of ``x0``, bool, or None.
    """

    x0: Tensor
    condition: Tensor | None
    mask: Tensor | None

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        others = (x if x is None else x.to(device) for x in self[1:])
        return Batch(self.x0.to(device), *others)


class Events(Protocol):
    """A training sample."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """The events ``index`` (B,); all randomness (augmentation, say) from ``generator``."""


@dataclass(frozen=True)
class Companion:
    """A network that an objective trains beside the one that is wanted.

    Attributes:
        network: trained in place.
        rate: its learning rate, in units of the other's.
    """

    network: nn.Module
    rate: float = 1.0


@dataclass
class Outcome:
    """What a training did.

    Attributes:
        steps: optimiser steps in all.
        events: events seen in all, repetitions counted.
        seconds: wall time, that before a resumption included.
        training_loss: mean loss since the last point of the log.
        validation_losses: (step, loss) of the averaged weights, by ``validation_loss``.
    """

    steps: int = 0
    events: int = 0
    seconds: float = 0.0
    training_loss: float = math.nan
    validation_losses: list[tuple[int, float]] = field(default_factory=list)


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, constant, then a cosine to zero over the last part of the training."""
    warm = min(1.0, (step + 1) / max(1, settings.warmup))
    start = max(settings.warmup, settings.steps * (1 - settings.decay))
    past = max(0.0, (step - start) / max(1.0, settings.steps - start))
    return settings.learning_rate * warm * (1 + math.cos(math.pi * min(1.0, past))) / 2


def generator_for(*key: int) -> torch.Generator:
    """Randomness that depends on the key alone, so that resuming repeats it exactly."""
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def epoch_batches(count: int, batch: int, seed: int, start: int) -> Iterator[tuple[int, Tensor]]:
    """(step, indices) from step ``start`` on, for ever: a new order each epoch, no remainder."""
    batch = min(batch, count)
    per_epoch = count // batch
    step, epoch, order = start, -1, torch.empty(0)
    while True:
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = torch.randperm(count, generator=generator_for(seed, 0, epoch))
        position = step % per_epoch
        yield step, order[position * batch : (position + 1) * batch]
        step += 1


@torch.no_grad()
def validation_loss(
    denoiser: Denoiser,
    events: Events,
    seed: int = 0,
    batch: int = 1024,
    validated: Validation | None = None,
) -> float:
    """Mean loss over the same events, noise and levels at every call; see ``Validation``."""
    measure = validated or Validation()
    objective, levels = measure.objective, measure.levels
    generator, device = generator_for(seed, 2), next(denoiser.parameters()).device
    count = min(len(events), _VALIDATION_EVENTS)
    index = torch.linspace(0, len(events) - 1, count).long()
    total = 0.0
    for part in index.tensor_split(math.ceil(count / batch)):  # none of a single event
        x0, condition, mask = events.batch(part, generator).to(device)
        t = levels.times(denoiser.schedule, stratified_uniform(len(part), generator)).to(device)
        noise = torch.randn(x0.shape, generator=generator).to(device)
        total += objective(denoiser, x0, t, noise, condition, mask).sum().item()
    return total / count


@contextmanager
def stop_requested() -> Iterator[list[bool]]:
    """While open, the first interrupt only sets the yielded flag; the second one interrupts."""
    flag = [False]

    def ask(number: int, frame: Any) -> None:
        if flag[0]:
            raise KeyboardInterrupt
        flag[0] = True

    try:
        previous = {n: signal.signal(n, ask) for n in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread, where signals cannot be caught
        previous = {}
    try:
        yield flag
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def reporting(report: Progress, total: int, done: int) -> Iterator[None]:
    """Start a report, and finish it however the training ends: log written, cursor back."""
    report.start(total, done)
    try:
        yield
    finally:
        report.finish()


def train(
    denoiser: Denoiser,
    events: Events,
    validation: Events,
    levels: TrainingLevels,
    settings: TrainingSettings,
    *,
    seed: int,
    out: Path,
    objective: Objectives = denoising,
    validated: Validation | None = None,
    companion: Companion | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Train a denoiser, by denoising score matching or otherwise; it ends with averaged weights.

    Every draw is a function of (seed, step), and a checkpoint holds all the state there is: a
    training that was killed and resumed gives the same weights, to the bit, as one that was not.

    Args:
        denoiser: trained in place, on the device where it is.
        events: the training sample.
        validation: events that are not trained on.
        levels: distribution of the noise levels trained at.
        settings: see ``TrainingSettings``.
        seed: of every draw.
        out: directory for ``checkpoint.safetensors``.
        objective: what is minimised, as a function of how much has been done.
        validated: what is validated by.
        companion: what the objective trains beside the denoiser, if anything.
        resume: continue from the checkpoint in ``out``, if there is one.
        progress: where to report to.

    Raises:
        TrainingError: the loss is not finite; the last checkpoint is kept.
        KeyboardInterrupt: interrupted; a checkpoint of the last step is kept.
        InputError: the checkpoint cannot be used.
    """
    path, network = out / "checkpoint.safetensors", denoiser.network
    rates = {network: 1.0}
    if companion is not None:
        rates[companion.network] = companion.rate
        network = nn.ModuleList(rates)
    optimizer = torch.optim.AdamW(
        [{"params": [*trained.parameters()], "rate": rate} for trained, rate in rates.items()],
        lr=0.0,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    ema = EMA(network.parameters(), settings.ema, settings.ema_warmup)
    outcome = Outcome()
    if resume and path.exists():
        outcome = Outcome(**checkpoint.load(path, network, ema, optimizer))
    report = progress or Progress()
    step_loss = _step_loss(denoiser, settings)
    started, before, losses = time.monotonic(), outcome.seconds, list[float]()

    def save() -> None:
        outcome.seconds = before + time.monotonic() - started
        checkpoint.save(path, network, ema, optimizer, vars(outcome))

    with reporting(report, settings.steps, outcome.steps), stop_requested() as stop:
        for step, index in epoch_batches(len(events), settings.batch, seed, outcome.steps):
            if step >= settings.steps:
                break
            generator = generator_for(seed, 1, step)
            batch = events.batch(index, generator)
            minimised = objective(step / settings.steps)
            loss = step_loss(minimised, batch, levels, generator)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                kept = f"the checkpoint {path} is kept" if path.exists() else "none is kept"
                raise TrainingError(
                    f"loss is {losses[-1]} at step {step}: lower learning_rate or clip; {kept}"
                )
            loss.backward()
            for group in optimizer.param_groups:
                nn.utils.clip_grad_norm_(group["params"], settings.clip)
                group["lr"] = group["rate"] * learning_rate(step, settings)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            ema.update(step)
            outcome.steps = step + 1
            outcome.events += len(index)
            last = outcome.steps == settings.steps
            if last or outcome.steps % settings.log_every == 0:
                outcome.training_loss, losses = sum(losses) / len(losses), []
                report.step(outcome.steps, outcome.events, outcome.training_loss)
            if last or outcome.steps % settings.validate_every == 0:
                ema.swap()
                size = min(1024, 4 * settings.batch)
                value = validation_loss(denoiser, validation, seed, size, validated)
                ema.swap()
                outcome.validation_losses.append((outcome.steps, value))
                report.validation(outcome.steps, value)
            if last or stop[0] or outcome.steps % settings.checkpoint_every == 0:
                save()
            if stop[0]:
                raise KeyboardInterrupt
    ema.swap()
    return outcome


def _step_loss(denoiser: Denoiser, settings: TrainingSettings) -> Any:
    """The function (objective, batch, levels, generator) -> loss of one step."""
    trained = denoiser
    if settings.compile:
        compiled = torch.compile(denoiser.network)
        trained = Denoiser(compiled, denoiser.schedule, denoiser.predicts)  # type: ignore[arg-type]
    device = next(denoiser.parameters()).device
    autocast = settings.precision == "bfloat16" and has_bfloat16(device)

    def loss(
        objective: Objective, batch: Batch, levels: TrainingLevels, generator: torch.Generator
    ) -> Tensor:
        # Drawn on the processor whatever the device, so that the draws are the same.
        t = levels.times(denoiser.schedule, stratified_uniform(len(batch.x0), generator))
        noise = torch.randn(batch.x0.shape, generator=generator).to(device)
        x0, condition, mask = batch.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            return objective(trained, x0, t.to(device), noise, condition, mask).mean()

    return loss
