"""The training loop: it learns what can be known exactly, and resumes to the bit."""

import math
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.levels import UniformTimeLevels
from driftline.diffusion.objectives import DenoisingScoreMatching
from driftline.diffusion.schedules import VP
from driftline.errors import InputError
from driftline.networks import build
from driftline.training import loop
from driftline.training.loop import (
    Batch,
    Companion,
    TrainingError,
    epoch_batches,
    learning_rate,
    train,
)
from driftline.training.objectives import always
from driftline.training.progress import Progress
from driftline.training.recipe import TrainingSettings


@dataclass
class Gaussian:
    """Vectors from N(0, diag(variance)); ``poison`` makes the events of one batch infinite."""

    variance: Tensor
    count: int = 512
    poison: int = -1
    batches: int = 0

    def __len__(self) -> int:
        return self.count

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        x = torch.randn(len(index), len(self.variance), generator=generator)
        self.batches += 1
        scale = math.inf if self.batches == self.poison else 1.0
        return Batch(x * self.variance.sqrt() * scale, None, None)


VARIANCE = torch.tensor([1.5, 0.5])


def denoiser() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(build("resnet", features=2, hidden=32, layers=1), VP())


def settings(**changes: object) -> TrainingSettings:
    values = {"steps": 30, "batch": 64, "learning_rate": 3e-3, "warmup": 5, "checkpoint_every": 10}
    return TrainingSettings.model_validate({**values, "validate_every": 10} | changes)


def run(out: Path, model: Denoiser, events: Gaussian | None = None, **options: object) -> object:
    resume, progress = options.pop("resume", False), options.pop("progress", None)
    return train(
        model,
        events or Gaussian(VARIANCE),
        Gaussian(VARIANCE),
        UniformTimeLevels(),
        settings(**options),
        seed=5,
        out=out,
        resume=bool(resume),
        progress=progress,  # type: ignore[arg-type]
    )


def weights(model: Denoiser) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.network.parameters()])


class InterruptAt(Progress):
    """Sends a signal to this process when the log reaches a step."""

    def __init__(self, at: int, number: int) -> None:
        self.at, self.number, self.finished = at, number, 0

    def step(self, step: int, events: int, loss: float) -> None:
        if step == self.at:
            os.kill(os.getpid(), self.number)

    def finish(self) -> None:
        self.finished += 1


def test_learns_the_denoiser_of_a_gaussian(tmp_path: Path) -> None:
    """For x0 ~ N(0, v): E[x0 | x] = alpha v x / (alpha^2 v + sigma^2)."""
    model = denoiser()
    untrained = model.network.state_dict().copy()
    outcome = run(tmp_path, model, steps=600, batch=256, warmup=20, ema=0.98)
    x, t = torch.randn(400, 2, generator=torch.Generator().manual_seed(1)), torch.rand(400) * 0.7
    alpha, sigma = model.signal_and_noise(t, x)
    x = x * (alpha**2 * VARIANCE + sigma**2).sqrt()
    exact = alpha * VARIANCE * x / (alpha**2 * VARIANCE + sigma**2)
    error = (model(x, t) - exact).square().mean()
    model.network.load_state_dict(untrained)
    assert error < 2e-3
    assert (outcome.steps, outcome.events) == (600, 600 * 256)


def test_what_is_kept_is_the_average_that_is_asked_for(tmp_path: Path) -> None:
    """After one step: that step's weights, or with the even mean half of the start as well."""
    before, last, mean = denoiser(), denoiser(), denoiser()
    run(tmp_path / "last", last, steps=1, warmup=0, ema=0.0)
    run(tmp_path / "mean", mean, steps=1, warmup=0, ema=0.9999, ema_warmup=1)
    for start, end, kept in zip(*(m.parameters() for m in (before, last, mean)), strict=True):
        torch.testing.assert_close(kept, (start + end) / 2)
    assert not all(map(torch.equal, before.parameters(), last.parameters()))


def test_learning_rate_warms_up_stays_and_decays_to_zero() -> None:
    given = settings(steps=100, warmup=10, decay=0.4, learning_rate=1.0)
    rates = [learning_rate(step, given) for step in range(101)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10:61] == pytest.approx([1.0] * 51)
    assert rates[80] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0, abs=1e-12)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_epochs_are_permutations_and_can_be_entered_anywhere() -> None:
    batches = epoch_batches(10, 3, seed=1, start=0)
    drawn = [next(batches) for _ in range(6)]
    assert [step for step, _ in drawn] == list(range(6))
    for epoch in (drawn[:3], drawn[3:]):
        assert len(set(torch.cat([index for _, index in epoch]).tolist())) == 9
    assert not torch.equal(drawn[0][1], drawn[3][1])
    later = epoch_batches(10, 3, seed=1, start=4)
    assert torch.equal(next(later)[1], drawn[4][1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_resumed_is_the_same_to_the_bit(tmp_path: Path, number: int) -> None:
    whole, parts = denoiser(), denoiser()
    run(tmp_path / "whole", whole, log_every=1)
    progress = InterruptAt(13, number)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", parts, log_every=1, progress=progress)
    assert progress.finished == 1
    fresh = denoiser()
    outcome = run(tmp_path / "parts", fresh, resume=True)
    assert torch.equal(weights(whole), weights(fresh))
    assert [step for step, _ in outcome.validation_losses] == [10, 20, 30]
    assert not torch.equal(weights(whole), weights(denoiser()))


def test_not_finite_loss_fails_at_once_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    poisoned = Gaussian(VARIANCE, poison=18)
    with pytest.raises(TrainingError, match="at step 17.*checkpoint.safetensors is kept"):
        run(tmp_path, denoiser(), poisoned)
    whole, fresh = denoiser(), denoiser()
    run(tmp_path / "whole", whole)
    run(tmp_path, fresh, resume=True)
    assert torch.equal(weights(whole), weights(fresh))


def test_checkpoints_of_other_networks_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    run(tmp_path, denoiser())
    other = Denoiser(build("resnet", features=2, hidden=16, layers=1), VP())
    with pytest.raises(InputError, match="another network"):
        run(tmp_path, other, resume=True)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: not a readable"):
        run(tmp_path, denoiser(), resume=True)


def test_bfloat16_trains_nearly_as_float32_and_keeps_float32_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "has_bfloat16", lambda device: True)
    exact, rounded = denoiser(), denoiser()
    first = run(tmp_path / "a", exact, steps=100)
    second = run(tmp_path / "b", rounded, steps=100, precision="bfloat16")
    assert weights(rounded).dtype == torch.float32
    assert not torch.equal(weights(exact), weights(rounded))
    assert second.validation_losses[-1][1] == pytest.approx(
        first.validation_losses[-1][1], rel=0.02
    )


def test_where_a_device_has_no_bfloat16_float32_is_trained_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "has_bfloat16", lambda device: False)
    exact, asked = denoiser(), denoiser()
    run(tmp_path / "a", exact, steps=5)
    run(tmp_path / "b", asked, steps=5, precision="bfloat16")
    assert torch.equal(weights(exact), weights(asked))


@dataclass(frozen=True)
class WithCritic:
    """Denoising of two networks on the same events."""

    critic: Denoiser

    def __call__(self, denoiser: Denoiser, *event: Tensor) -> Tensor:
        loss = DenoisingScoreMatching()
        return loss(denoiser, *event) + loss(self.critic, *event)  # type: ignore[arg-type]


def trained_together(out: Path, rate: float = 1.0, **options: object) -> tuple[Tensor, Tensor]:
    """Weights of both."""
    student, critic = denoiser(), denoiser()
    train(
        student,
        Gaussian(VARIANCE),
        Gaussian(VARIANCE),
        UniformTimeLevels(),
        settings(steps=14, log_every=1),
        seed=3,
        out=out,
        objective=always(WithCritic(critic)),
        companion=Companion(critic, rate),
        **options,  # type: ignore[arg-type]
    )
    return weights(student), weights(critic)


def test_a_companion_is_trained_beside_and_both_resume_to_the_bit(tmp_path: Path) -> None:
    student, critic = trained_together(tmp_path / "whole")
    assert torch.equal(student, critic)  # the same events, beginning and learning rate
    assert not torch.equal(student, weights(denoiser()))
    with pytest.raises(KeyboardInterrupt):
        trained_together(tmp_path / "parts", progress=InterruptAt(7, signal.SIGINT))
    again = trained_together(tmp_path / "parts", resume=True)
    assert all(map(torch.equal, again, (student, critic)))


def test_a_companion_has_a_learning_rate_of_its_own(tmp_path: Path) -> None:
    same, _ = trained_together(tmp_path / "one")
    student, critic = trained_together(tmp_path / "two", rate=0.5)
    begun = weights(denoiser())
    assert torch.equal(student, same)
    assert float((critic - begun).norm()) < 0.7 * float((student - begun).norm())
