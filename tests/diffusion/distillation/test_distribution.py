"""Distribution matching: the divergence of Gaussians, in closed form, and students led by it."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.distillation import DistributionMatching
from driftline.diffusion.distillation.paths import advanced
from driftline.diffusion.objectives import DenoisingScoreMatching
from driftline.diffusion.samplers import DDIM, EulerMaruyama
from driftline.diffusion.samplers.plan import Model, State
from driftline.diffusion.schedules import VP

SIZE = 4096
"""Numbers of an event: so many that its mean distance from an estimate is nearly the expected."""

S = 0.7
"""Noise at which events are compared where one level is enough."""


class Normal(nn.Module):
    """F of the denoiser of independent N(mean, std^2), for a VP schedule."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(mean, dtype=torch.float64))
        self.std = nn.Parameter(torch.tensor(std, dtype=torch.float64))

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        s = (-4 * c_noise).exp().view(-1, *[1] * (x.ndim - 1))  # c_in = 1
        alpha = (1 + s**2).rsqrt()
        shrink = self.std**2 / (self.std**2 + s**2)
        estimate = self.mean + shrink * (x / alpha - self.mean)
        return (estimate - alpha * x) / (s * alpha)


class Made(nn.Module):
    """A student of one step, mean + std eps from its noise eps; its F for a VP schedule."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(mean, dtype=torch.float64))
        self.std = nn.Parameter(torch.tensor(std, dtype=torch.float64))

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        s = (-4 * c_noise).exp().view(-1, *[1] * (x.ndim - 1))
        alpha = (1 + s**2).rsqrt()
        estimate = self.mean + self.std * x / (s * alpha)
        return (estimate - alpha * x) / (s * alpha)


def denoiser(network: nn.Module) -> Denoiser:
    return Denoiser(network, VP())


def frozen(mean: float, std: float) -> Denoiser:
    return denoiser(Normal(mean, std)).requires_grad_(False)


def noise(events: int, size: int = SIZE, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(events, size, dtype=torch.float64, generator=generator)


def at(s: float, events: int) -> Tensor:
    lam = -torch.tensor(s, dtype=torch.float64).log()
    return VP().time(lam).expand(events)


def divergence(mean: Tensor, std: Tensor, wanted: tuple[float, float], s: float) -> Tensor:
    """KL of N(mean, std^2 + s^2) from N(wanted mean, wanted std^2 + s^2)."""
    own, other = std**2 + s**2, torch.tensor(wanted[1] ** 2 + s**2, dtype=torch.float64)
    return ((own + (mean - wanted[0]) ** 2) / other - 1 + (other / own).log()) / 2


def test_the_pull_is_the_gradient_of_the_divergence() -> None:
    """s^2 grad KL over the mean distance from the teacher's estimate, if the critic is exact."""
    wanted, own = (0.4, 0.5), (0.7, 0.9)
    student, critic = denoiser(Made(*own)), denoiser(Normal(*own))
    objective = DistributionMatching(frozen(*wanted), critic, DDIM(1).plan(VP()))
    count = 200
    eps = noise(count)
    objective(student, eps, at(S, count), eps).mean().backward()
    found = torch.stack([p.grad for p in student.parameters()])  # type: ignore[misc]

    mean, std = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in own)
    divergence(mean, std, wanted, S).backward()
    slopes = torch.stack([mean.grad, std.grad])  # type: ignore[list-item]
    # |x - D_T| of one number: a normal one, x = mean + std eps and x_hat = x + S z.
    kept = wanted[1] ** 2 / (wanted[1] ** 2 + S**2)
    centre = (1 - kept) * (own[0] - wanted[0])
    spread = torch.distributions.Normal(
        torch.tensor(centre), torch.tensor(((1 - kept) ** 2 * own[1] ** 2 + (kept * S) ** 2) ** 0.5)
    )
    draws = spread.icdf(torch.linspace(5e-6, 1 - 5e-6, 100_000, dtype=torch.float64))
    torch.testing.assert_close(found, S**2 * slopes / draws.abs().mean(), rtol=0.01, atol=0)


def test_where_both_agree_nothing_pulls_whatever_both_have_wrong() -> None:
    """The student's events are far from what teacher and critic alike take them for."""
    teacher = frozen(0.4, 0.5)
    student, critic = denoiser(Made(3.0, 2.0)), deepcopy(teacher).requires_grad_(True)
    objective = DistributionMatching(teacher, critic, DDIM(1).plan(VP()), draws=3)
    eps = noise(8, 16)
    objective(student, eps, at(S, 8), eps).mean().backward()
    assert [float(p.grad) for p in student.parameters()] == [0.0, 0.0]  # type: ignore[arg-type]
    assert all(float(p.grad) != 0 for p in critic.parameters())  # type: ignore[arg-type]


def test_the_critic_learns_by_score_matching_alone() -> None:
    student, critic = denoiser(Made(0.7, 0.9)), denoiser(Normal(0.4, 0.5))
    eps, t = noise(8, 16), at(S, 8)
    objective = DistributionMatching(frozen(0.1, 0.2), critic, DDIM(1).plan(VP()))
    objective(student, eps, t, eps).mean().backward()
    found = [p.grad.clone() for p in critic.parameters()]  # type: ignore[union-attr]
    critic.zero_grad()
    DenoisingScoreMatching()(critic, (0.7 + 0.9 * eps), t, eps.roll(1, 0)).mean().backward()
    for own, expected in zip(found, critic.parameters(), strict=True):
        torch.testing.assert_close(own, expected.grad)


@pytest.mark.parametrize("steps", [1, 3])
def test_student_and_critic_end_at_the_teachers_distribution(steps: int) -> None:
    """From another mean and spread; through all steps of the student's plan."""
    wanted = (0.4, 0.5)
    teacher = frozen(*wanted)
    critic, plan = deepcopy(teacher).requires_grad_(True), DDIM(steps).plan(VP())
    network = Made(0.9, 1.1) if steps == 1 else Normal(0.9, 1.1)
    student = denoiser(network)
    objective = DistributionMatching(teacher, critic, plan, draws=2)
    groups = [{"params": student.parameters()}, {"params": critic.parameters(), "lr": 0.02}]
    optimizer = torch.optim.Adam(groups, lr=0.005)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.996)
    generator = torch.Generator().manual_seed(0)
    for step in range(1000):
        eps = noise(16, 256, seed=step)
        t = VP().time(1 - 2 * torch.rand(16, dtype=torch.float64, generator=generator))
        optimizer.zero_grad()
        objective(student, eps, t, eps).mean().backward()
        optimizer.step()
        decay.step()
    with torch.no_grad():
        begun = State(plan.start.s * noise(100, seed=12345))
        x = advanced(plan, begun, Model(student)).x_hat
        learnt = torch.stack(list(critic.parameters())).tolist()
    assert [float(x.mean()), float(x.std())] == pytest.approx(wanted, abs=0.01)
    assert learnt == pytest.approx(wanted, abs=0.02)


def test_padding_is_neither_seen_nor_pulled() -> None:
    student, critic = denoiser(Made(0.7, 0.9)), denoiser(Normal(0.6, 0.8))
    objective = DistributionMatching(frozen(0.4, 0.5), critic, DDIM(1).plan(VP()), draws=2)
    eps = noise(4, 10).view(4, 5, 2)
    t = VP().time(torch.linspace(-1, 1, 4, dtype=torch.float64))
    mask = torch.tensor([True, True, True, False, False]).expand(4, 5)
    padded = objective(student, eps, t, eps, None, mask)
    torch.testing.assert_close(padded, objective(student, eps[:, :3], t, eps[:, :3]))


def test_an_event_is_compared_at_every_level_that_is_drawn() -> None:
    """Draw k with noise and time of the k-th event before it, which it does not depend on."""
    student, critic = denoiser(Made(0.7, 0.9)), denoiser(Normal(0.6, 0.8))
    teacher, plan, eps = frozen(0.4, 0.5), DDIM(1).plan(VP()), noise(4, 8)
    t = VP().time(torch.linspace(-1, 1, 4, dtype=torch.float64))

    def loss(draws: int, eps: Tensor = eps, t: Tensor = t) -> Tensor:
        objective = DistributionMatching(teacher, critic, plan, draws)
        return objective(student, eps, t, eps).detach()

    changed = eps.clone()
    changed[1] += 1.0
    assert (loss(1, changed) != loss(1)).tolist() == [False, True, True, False]
    assert (loss(2, changed) != loss(2)).tolist() == [False, True, True, True]
    later = t.clone()
    later[1] *= 1.1
    assert (loss(1, t=later) != loss(1)).tolist() == [False, False, True, False]


def test_what_cannot_be_matched_is_refused() -> None:
    teacher, critic, plan = frozen(0, 1), denoiser(Normal(0, 1)), DDIM(1).plan(VP())
    with pytest.raises(ValueError, match="of one evaluation a step"):
        DistributionMatching(teacher, critic, EulerMaruyama(8).plan(VP()))
    with pytest.raises(ValueError, match="draws must be at least 1"):
        DistributionMatching(teacher, critic, plan, draws=0)
    eps = noise(1, 4)
    with pytest.raises(ValueError, match="give two or more"):
        DistributionMatching(teacher, critic, plan)(critic, eps, at(S, 1), eps)


def test_a_small_batch_has_fewer_draws() -> None:
    student, critic, eps = denoiser(Made(0.7, 0.9)), denoiser(Normal(0.6, 0.8)), noise(2, 8)
    one, many = (
        DistributionMatching(frozen(0.4, 0.5), critic, DDIM(1).plan(VP()), draws)
        for draws in (1, 5)
    )
    assert torch.equal(one(student, eps, at(S, 2), eps), many(student, eps, at(S, 2), eps))
