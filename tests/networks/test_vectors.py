"""The residual network for vectors, the embeddings and the table of networks."""

import math

import pytest
import torch

from driftline.errors import InputError
from driftline.networks import build
from driftline.networks.embeddings import FourierFeatures


def random_resnet() -> torch.nn.Module:
    generator = torch.Generator().manual_seed(1)
    net = build("resnet", features=4, condition=13, hidden=16, layers=2)
    with torch.no_grad():
        for p in net.parameters():
            p += 0.2 * torch.randn(p.shape, generator=generator)
    return net


def test_resnet_masks_the_features_that_are_given() -> None:
    net = random_resnet()
    x, c, condition = torch.randn(7, 4), torch.randn(7), torch.randn(7, 13)
    mask = torch.arange(4) % 2 == torch.arange(7)[:, None] % 2
    out = net(x, c, condition, mask)
    assert (out[~mask] == 0).all()
    assert (out[mask] != 0).all()
    torch.testing.assert_close(out[mask], net(x, c, condition)[mask])


def test_resnet_starts_at_zero_and_every_weight_learns() -> None:
    x, c, condition = torch.randn(7, 4), torch.randn(7), torch.randn(7, 13)
    assert (build("resnet", features=4, condition=13)(x, c, condition) == 0).all()
    net = random_resnet()
    net(x, c, condition).square().sum().backward()
    assert all((p.grad != 0).any() for p in net.parameters())


def test_fourier_features_are_unit_circles_of_the_given_frequencies() -> None:
    features = FourierFeatures(8, lowest=0.5, highest=4.0)
    sine, cosine = features(torch.tensor([0.0, 0.25])).chunk(2, dim=1)
    torch.testing.assert_close(sine**2 + cosine**2, torch.ones(2, 4))
    frequencies = torch.tensor([0.5, 1.0, 2.0, 4.0])
    torch.testing.assert_close(
        cosine[1], (2 * math.pi * frequencies * 0.25).cos(), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("epik", {}, "unknown network 'epik'.*epic"),
        ("epic", {"features": 3, "hiden": 5}, "unknown option 'hiden'.*hidden"),
        ("epic", {}, "features"),
    ],
)
def test_build_refuses(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(name, **options)
