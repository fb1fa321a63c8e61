"""Flow matching's target, and the pairing of noise and events by optimal transport."""

from itertools import permutations

import pytest
import torch
from torch import Tensor, nn

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.objectives import (
    DenoisingScoreMatching,
    FlowWeighting,
    OptimalTransport,
    transport_pairing,
)
from driftline.diffusion.samplers import Euler
from driftline.diffusion.samplers.plan import levels
from driftline.diffusion.schedules import Linear

PATH = Linear(alpha_end=1e-6)


class Plain(nn.Module):
    """F = tanh of its input, and of the noise level."""

    def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
        return torch.tanh(x + c[:, None]) + 0.3


def normals(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_the_loss_of_the_flow_target_is_conditional_flow_matching() -> None:
    r"""E |v(x_t) - (eps - x_0)|^2 along x_t = (1 - t) x_0 + t eps (2210.02747, 2209.03003)."""
    x0, noise = normals(2, 40, 3)
    t = torch.linspace(0.02, 0.98, 40, dtype=torch.float64)
    denoiser = Denoiser(Plain(), PATH, "flow")
    x = (1 - t)[:, None] * x0 + t[:, None] * noise
    expected = (denoiser.output(x, t) - (noise - x0)).square().mean(1)
    for objective in (DenoisingScoreMatching(), DenoisingScoreMatching(FlowWeighting())):
        found = objective(denoiser, x0, t, noise)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_eulers_step_moves_along_the_networks_velocity() -> None:
    """x' = x + (t' - t) v for the linear path, whatever the network."""
    denoiser = Denoiser(Plain(), PATH, "flow")
    x = normals(10, 2)
    points = levels(PATH, torch.tensor([0.8, 0.5], dtype=torch.float64))
    t = torch.full((10,), 0.8, dtype=torch.float64)
    ratio = points[1].s / points[0].s
    x_hat = ratio * x / points[0].alpha + (1 - ratio) * denoiser(x, t)
    expected = x - 0.3 * denoiser.output(x, t)
    torch.testing.assert_close(points[1].alpha * x_hat, expected, rtol=1e-5, atol=1e-5)
    assert Euler(2).plan(PATH).start.t == 1


def test_the_pairing_is_the_cheapest_of_all() -> None:
    x0, noise, condition = normals(3, 6, 2)
    for weight in (0.0, 0.7):

        def cost(order: tuple[int, ...], weight: float = weight) -> float:
            chosen = list(order)
            apart = (x0 - noise[chosen]).square().sum()
            unlike = (condition - condition[chosen]).square().sum()
            return float(apart + weight * unlike)

        best = min(permutations(range(6)), key=cost)
        assert transport_pairing(x0, noise, condition, weight).tolist() == list(best)


def test_in_one_dimension_the_order_is_kept_and_all_noise_is_used() -> None:
    x0, noise = normals(2, 200, 1)
    paired = noise[transport_pairing(x0, noise)]
    assert torch.equal(paired.sort(dim=0).values, noise.sort(dim=0).values)
    assert torch.equal(x0[:, 0].argsort(), paired[:, 0].argsort())


def test_weight_on_the_condition_keeps_the_noise_of_each_class_normal() -> None:
    """Two classes at -3 and 3: without it each takes one half of the noise."""
    label = (torch.arange(400) % 2).double()[:, None]
    x0, noise = 6 * label - 3, normals(400, 1)
    means = []
    for weight in (0.0, 100.0):
        paired = noise[transport_pairing(x0, noise, label, weight)]
        means.append(float(paired[label[:, 0] == 1].mean()))
    assert means[0] == pytest.approx((2 / torch.pi) ** 0.5, abs=0.1)
    assert means[1] == pytest.approx(float(noise[label[:, 0] == 1].mean()))


def test_the_objective_sees_the_paired_noise_and_padding_changes_nothing() -> None:
    x0, noise = normals(2, 8, 3, 2)
    t = torch.linspace(0.1, 0.9, 8, dtype=torch.float64)

    class Cloud(nn.Module):
        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            return torch.sin(x)

    denoiser, plain = Denoiser(Cloud(), PATH, "flow"), DenoisingScoreMatching()
    objective = OptimalTransport(plain)
    chosen = transport_pairing(x0, noise)
    assert chosen.tolist() != list(range(8))
    found = objective(denoiser, x0, t, noise)
    assert torch.equal(found, plain(denoiser, x0, t, noise[chosen]))

    mask = torch.arange(5).expand(8, 5) < 3
    wide = torch.cat([x0, x0.new_zeros(8, 2, 2)], 1)
    wide_noise = torch.cat([noise, 9 * normals(8, 2, 2, seed=2)], 1)
    torch.testing.assert_close(objective(denoiser, wide, t, wide_noise, None, mask), found)
    with pytest.raises(ValueError, match="negative"):
        OptimalTransport(plain, -1.0)
