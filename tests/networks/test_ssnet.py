"""The segmentation network: any size, images that do not see each other, fixed constants."""

import pytest
import torch

from driftline.networks.ssnet import SSNet


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SSNet(widths=(8, 16, 16)).double().eval()


def images(count, size=(32, 32), seed=1):
    generator = torch.Generator().manual_seed(seed)
    charge = torch.rand(count, 1, *size, generator=generator, dtype=torch.float64)
    return torch.where(charge > 0.9, 40 * (charge - 0.9), 0.0)


@pytest.mark.parametrize("size", [(32, 32), (64, 40), (33, 17), (8, 8)])
def test_images_of_any_size(network, size):
    x = images(2, size)
    assert network(x).shape == (2, 3, *size)
    assert network.features(x).shape == (2, 16)


def test_an_image_does_not_depend_on_those_beside_it(network):
    x = images(5)
    together = network(x)
    alone = torch.cat([network(one[None]) for one in x])
    bright = network(torch.cat([x[:1], 1e3 * x[1:]]))
    assert torch.allclose(together, alone, atol=1e-12)
    assert torch.allclose(together[:1], bright[:1], atol=1e-12)
    network.train()
    assert torch.allclose(network(x), alone, atol=1e-12)
    network.eval()


def test_every_parameter_is_used(network):
    network.zero_grad()
    network(images(2)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
    network.zero_grad()


def test_a_pixel_sees_the_whole_image(network):
    x = images(1).requires_grad_()
    (seen,) = torch.autograd.grad(network(x)[0, 1, 16, 16], x)
    assert (seen != 0).double().mean() > 0.9


def test_equal_charge_in_other_places_is_another_image(network):
    x = images(1)
    assert not torch.allclose(network.features(x), network.features(10 * x), atol=1e-3)
    assert not torch.allclose(network(x), network(x.roll(1, dims=2)), atol=1e-3)
