"""Point-cloud networks: equivariance, masks, cost."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from driftline.networks import build

CLOUDS = {
    "epic": {"hidden": 16, "layers": 3, "width": 8},
    "transformer": {"hidden": 16, "layers": 3, "width": 8, "heads": 2, "tokens": 3},
}


def network(name: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    """A network with all weights random, those that start at zero too."""
    generator = torch.Generator().manual_seed(1)
    net = build(name, features=3, condition=5, **CLOUDS[name]).to(dtype)
    with torch.no_grad():
        for p in net.parameters():
            p += 0.2 * torch.randn(p.shape, generator=generator, dtype=dtype)
    return net


def events(count: int, particles: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, c_noise, condition and a mask with at least one particle an event."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    number = torch.randint(1, particles + 1, (count, 1), generator=generator)
    mask = torch.arange(particles) < number
    return normal(count, particles, 3) * mask[..., None], normal(count), normal(count, 5), mask


@pytest.mark.parametrize("name", CLOUDS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_permutation_equivariant(name: str, seed: int) -> None:
    net = network(name)
    x, c, condition, mask = events(4, 9, seed)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(seed))
    straight = net(x, c, condition, mask)[:, order]
    permuted = net(x[:, order], c, condition, mask[:, order])
    assert straight.abs().max() > 1e-3
    torch.testing.assert_close(permuted, straight, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CLOUDS)
def test_padding_to_150_changes_nothing(name: str) -> None:
    net = network(name)
    x, c, condition, mask = events(6, 30)
    padded = nn.functional.pad(x, (0, 0, 0, 120))
    # Whatever stands in the padded slots must not matter.
    padded[:, 30:] = 7.0
    out = net(padded, c, condition, nn.functional.pad(mask, (0, 120)))
    torch.testing.assert_close(out[:, :30], net(x, c, condition, mask), rtol=1e-9, atol=1e-9)
    assert (out[:, 30:] == 0).all()


@pytest.mark.parametrize("name", CLOUDS)
def test_no_mask_is_a_full_mask(name: str) -> None:
    net = network(name)
    x, c, condition, _ = events(4, 9)
    full = torch.ones(4, 9, dtype=torch.bool)
    torch.testing.assert_close(net(x, c, condition), net(x, c, condition, full))


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("argument", [0, 1, 2])
def test_every_particle_hears_of_the_others_the_noise_and_the_condition(
    name: str, argument: int
) -> None:
    net = network(name)
    inputs = list(events(1, 5)[:3])
    before = net(*inputs)
    changed = inputs[argument].clone()
    changed[(0, 4) if argument == 0 else 0] += 1.0
    inputs[argument] = changed
    assert ((net(*inputs) - before)[0, :4].abs() > 1e-6).all()


@pytest.mark.parametrize("name", CLOUDS)
def test_starts_at_zero_and_every_weight_learns(name: str) -> None:
    net = build(name, features=3, condition=5, **CLOUDS[name]).double()
    x, c, condition, mask = events(8, 9)
    assert (net(x, c, condition, mask) == 0).all()
    trained = network(name)
    trained(x, c, condition, mask).square().sum().backward()
    assert all((p.grad != 0).any() for p in trained.parameters())


@pytest.mark.parametrize("name", CLOUDS)
def test_cost_grows_linearly_with_particles(name: str) -> None:
    net = network(name)

    def flops(particles: int) -> int:
        with FlopCounterMode(display=False) as counter:
            net(*events(2, particles))
        return counter.get_total_flops()

    assert 0 < flops(150) - flops(90) == flops(90) - flops(30)


@pytest.mark.parametrize("name", CLOUDS)
def test_autocast_keeps_the_precision_of_the_output(name: str) -> None:
    net = network(name, torch.float32)
    x, c, condition, mask = events(16, 9)
    inputs = (x.float(), c.float(), condition.float(), mask)
    exact = net(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = net(*inputs)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).square().mean() < 1e-3 * exact.square().mean()
