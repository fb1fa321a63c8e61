"""Progressive distillation: the target against the sampler's own steps, on known distributions."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from driftline.diffusion.denoisers import Denoiser, expand
from driftline.diffusion.distillation import (
    ProgressiveDistillation,
    halvings,
    student_times,
)
from driftline.diffusion.grids import UniformAngle, UniformLogSNR
from driftline.diffusion.levels import stratified_uniform
from driftline.diffusion.samplers.dpm_solver import ddim_step
from driftline.diffusion.samplers.plan import CLEAN, Model, State, levels
from driftline.diffusion.schedules import VP, Linear, Schedule
from oracles import MEAN, MIXTURE, NORMAL, STD

T = UniformAngle().times(8, VP())


def events(count: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x0 = MIXTURE.distribution.sample(count, generator)
    return x0, torch.randn(count, 1, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("step", range(4))
def test_one_step_with_the_target_is_two_steps_of_the_sampler(step: int) -> None:
    """Those of ``DDIM``, with the plan's own rows; the last one ends without noise."""
    points = [*levels(VP(), T), CLEAN]
    here, between, there = points[2 * step : 2 * step + 3]
    x0, noise = events(50)
    x_hat = x0 + here.s * noise
    state = State(x_hat)
    for pair in ((here, between), (between, there)):
        state = ddim_step(*pair, eta=0.0)(state, Model(MIXTURE), lambda: x_hat)
    objective = ProgressiveDistillation(MIXTURE, T)
    target = objective.target(x_hat, torch.full((50,), here.t, dtype=torch.float64))
    ratio = there.s / here.s
    torch.testing.assert_close(ratio * x_hat + (1 - ratio) * target, state.x_hat)


class Distilled:
    """The exact student: it answers with the target, at its own times."""

    schedule = VP()

    def __init__(self, objective: ProgressiveDistillation) -> None:
        self.objective = objective

    def __call__(self, x: Tensor, t: Tensor, *context: Tensor | None) -> Tensor:
        return self.objective.target(x / expand(self.schedule.alpha(t), x), t, *context)


def test_all_rounds_down_to_one_step_keep_the_teachers_end() -> None:
    """Students of students: their DDIM is the teacher's DDIM of all its steps."""
    noise = events(40)[1]

    def sampled(model: object, times: Tensor) -> Tensor:
        points = [*levels(VP(), times), CLEAN]
        state = State(points[0].s * noise)
        for here, there in pairwise(points):
            state = ddim_step(here, there, 0.0)(state, Model(model), lambda: noise)
        return state.x_hat

    model, times, expected = MIXTURE, T, sampled(MIXTURE, T)
    for steps in halvings(8, 1):
        model = Distilled(ProgressiveDistillation(model, times))
        times = student_times(times, steps)
        assert len(times) == steps
        torch.testing.assert_close(sampled(model, times), expected)


class Linearly(nn.Module):
    """F of a denoiser D = mean + g (x_hat - mean), one free gain g for each of the times."""

    def __init__(self, times: Tensor, gains: Tensor) -> None:
        super().__init__()
        self.times, self.gains = times, nn.Parameter(gains.clone())

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        t = VP().time(4 * c_noise)
        gain = self.gains[(t[:, None] - self.times).abs().argmin(1)][:, None]
        alpha, sigma = VP().alpha(t)[:, None], VP().sigma(t)[:, None]  # c_in = 1
        return (MEAN + gain * (x / alpha - MEAN) - alpha * x) / sigma


def test_of_a_gaussian_the_exact_student_is_found_and_has_no_loss() -> None:
    """Steps on a Gaussian are linear: the student's gain makes one of two, r + (1 - r) g."""
    objective = ProgressiveDistillation(NORMAL, T)
    s = torch.tensor([p.s for p in [*levels(VP(), T), CLEAN]], dtype=torch.float64)
    teacher_gain = STD**2 / (STD**2 + s**2)
    ratio = s[1:] / s[:-1]
    shrink = ratio + (1 - ratio) * teacher_gain[:-1]  # of x_hat - mean, by one step
    both, two = shrink[0::2] * shrink[1::2], ratio[0::2] * ratio[1::2]
    gains = (both - two) / (1 - two)

    x0 = MEAN + STD * events(400)[0]
    noise = events(400, seed=2)[1]
    own = student_times(T, 4)
    generator = torch.Generator().manual_seed(3)
    t = objective.levels.times(VP(), stratified_uniform(400, generator).double())
    exact = Denoiser(Linearly(own, gains), VP())
    assert float(objective(exact, x0, t, noise).detach().max()) < 1e-16

    wrong = Denoiser(Linearly(own, 0.5 * gains), VP())
    optimizer = torch.optim.LBFGS(wrong.parameters(), line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = objective(wrong, x0, t, noise).mean()
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.step(closure)
    torch.testing.assert_close(wrong.network.gains.detach(), gains, rtol=1e-5, atol=1e-9)


def test_students_train_at_their_own_times_equally_often() -> None:
    objective = ProgressiveDistillation(NORMAL, T)
    u = torch.linspace(0, 1, 401)[:-1]
    t = objective.levels.times(VP(), u)
    assert t.dtype == u.dtype
    assert (t.diff() >= 0).all()
    values, counts = t.unique(return_counts=True)
    torch.testing.assert_close(values, T[::2].flip(0).float())
    assert counts.tolist() == [100] * 4


def test_padding_changes_neither_target_nor_loss() -> None:
    class Network(nn.Module):
        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            return torch.sin(3 * x) + 1

    objective = ProgressiveDistillation(Denoiser(Network(), VP()), T)
    student = Denoiser(nn.Identity(), VP())
    student.network.forward = lambda x, *rest: torch.cos(x)  # type: ignore[method-assign]
    x0, noise = torch.randn(2, 6, 3, 2, generator=torch.Generator().manual_seed(1))
    t = objective.levels.times(VP(), torch.linspace(0, 0.99, 6))
    mask = torch.arange(5).expand(6, 5) < 3

    def pad(x: Tensor, value: float) -> Tensor:
        return torch.cat([x, torch.full((6, 2, 2), value)], 1)

    wide = objective(student, pad(x0, 0.0), t, pad(noise, 7.0), None, mask)
    torch.testing.assert_close(wide, objective(student, x0, t, noise))


@pytest.mark.parametrize("schedule", [VP(), Linear()], ids=str)
def test_the_angle_grid_halves_into_itself(schedule: Schedule) -> None:
    times = UniformAngle().times(64, schedule)
    for steps in (32, 4, 1):
        torch.testing.assert_close(
            student_times(times, steps), UniformAngle().times(steps, schedule), rtol=1e-9, atol=0
        )
    assert not torch.allclose(
        student_times(UniformLogSNR().times(64, schedule), 4), UniformLogSNR().times(4, schedule)
    )


def test_halvings() -> None:
    assert halvings(8, 1) == [4, 2, 1]
    assert halvings(24, 6) == [12, 6]
    for first, last in ((8, 8), (12, 8), (4, 8), (8, 0), (8, 3)):
        with pytest.raises(ValueError, match="halved"):
            halvings(first, last)
    with pytest.raises(ValueError, match="even number"):
        ProgressiveDistillation(NORMAL, T[:3])
