"""Haar wavelet packing and the U-Net for images."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard
from torch import Tensor, nn

from driftline.errors import InputError
from driftline.networks import build
from driftline.networks.coordinates import coordinate_maps
from driftline.networks.wavelets import pack, unpack

SMALL = {"hidden": 16, "multipliers": (1, 2), "blocks": 1, "attention": 16, "width": 8, "heads": 2}


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def network(shape: tuple[int, int, int], **options: object) -> nn.Module:
    """A network with all weights random, those that start at zero too."""
    generator = torch.Generator().manual_seed(1)
    net = build("unet", shape=shape, condition=5, **{**SMALL, **options}).double()
    with torch.no_grad():
        for p in net.parameters():
            p += 0.1 * torch.randn(p.shape, generator=generator, dtype=torch.float64)
    return net


@given(
    levels=st.integers(0, 3),
    channels=st.integers(1, 3),
    blocks=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    seed=st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_packing_is_orthonormal_and_inverted_exactly(
    levels: int, channels: int, blocks: tuple[int, int], seed: int
) -> None:
    rows, columns = (n * 2**levels for n in blocks)
    x = normal(2, channels, rows, columns, seed=seed)
    packed = pack(x, levels)
    assert packed.shape == (2, channels * 4**levels, *blocks)
    torch.testing.assert_close(packed.square().sum(), x.square().sum())
    torch.testing.assert_close(unpack(packed, levels), x)
    # Halves of whole numbers are exact.
    whole = x.mul(100).round()
    assert torch.equal(unpack(pack(whole, levels), levels), whole)


def test_packing_is_the_walsh_hadamard_transform_of_blocks() -> None:
    """Haar packets of 2^n x 2^n blocks, by scipy's matrix, up to the order of the bands."""
    x = normal(1, 1, 4, 4)
    matrix = torch.from_numpy(hadamard(4)).double() / 2
    expected = (matrix @ x[0, 0] @ matrix.T).flatten()
    found = pack(x, 2).flatten()
    torch.testing.assert_close(found.sort().values, expected.sort().values)
    assert found[0].item() == pytest.approx(x.mean().item() * 4)
    # One level by hand: mean, difference of columns, of rows, diagonal.
    small = torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])
    assert pack(small, 1).flatten().tolist() == [7.5, -2.5, -4.5, 1.5]


def test_packing_refuses_images_that_are_not_whole_blocks() -> None:
    with pytest.raises(ValueError, match="6 x 8 pixels are not whole blocks of 4"):
        pack(torch.zeros(1, 1, 6, 8), 2)


@pytest.mark.parametrize("packing", [0, 1, 2])
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 16, 32)])
def test_unet_keeps_the_shape_and_starts_at_zero(packing: int, shape: tuple[int, int, int]) -> None:
    x, c, condition = normal(2, *shape).float(), normal(2).float(), normal(2, 5).float()
    fresh = build("unet", shape=shape, condition=5, packing=packing, **SMALL)
    out = fresh(x, c, condition)
    assert out.shape == x.shape
    assert (out == 0).all()


@pytest.mark.parametrize("packing", [0, 2])
@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("size", [128, 256])
def test_unet_keeps_the_shape_and_the_mask_of_large_images(
    size: int, planes: int, packing: int
) -> None:
    shape = (planes, size, size)
    net = network(shape, packing=packing, hidden=8)
    x, c, condition = normal(1, *shape), normal(1), normal(1, 5)
    mask = x > 0
    with torch.no_grad():
        out, masked = net(x, c, condition), net(x, c, condition, mask)
    assert out.shape == masked.shape == x.shape
    assert (out != 0).all()  # up to the last row and column of every plane
    assert torch.equal(masked, out * mask)


def test_every_weight_learns() -> None:
    net = network((2, 16, 16), packing=1, attention=64)
    net(normal(3, 2, 16, 16), normal(3), normal(3, 5)).square().sum().backward()
    assert all((p.grad != 0).any() for p in net.parameters())
    bare = build("unet", shape=(1, 16, 16), **SMALL)
    assert bare(torch.zeros(1, 1, 16, 16), torch.zeros(1)).shape == (1, 1, 16, 16)


def test_coordinates_are_those_seen_from_the_start_along_the_direction() -> None:
    """Along and across by complex numbers."""
    start, direction = normal(4, 2, 2), 3 * normal(4, 2, 2, seed=1)
    direction[0] = start[0, 0] = 0
    maps = coordinate_maps(start, direction, (8, 4)).unflatten(1, (2, 6))
    for b, c, i, j in [(0, 0, 2, 3), (0, 1, 2, 3), (1, 1, 7, 0), (2, 0, 0, 0), (3, 1, 5, 2)]:
        place = complex((i + 0.5) / 4 - 1, (j + 0.5) / 2 - 1) - complex(*start[b, c].tolist())
        toward = complex(*direction[b, c].tolist()) or -complex(*start[b, c].tolist())
        turned = place * toward.conjugate() / (abs(toward) or 1)
        expected = [place.real, place.imag, abs(place), turned.real, turned.imag, abs(turned.imag)]
        assert maps[b, c, :, i, j].tolist() == pytest.approx(expected)


def test_coordinates_begin_without_effect_and_learn() -> None:
    net = build("unet", shape=(2, 16, 16), condition=8, coordinates=(0, 4), **SMALL)
    bare = build("unet", shape=(2, 16, 16), condition=8, **SMALL)
    weights = {n: w for n, w in net.state_dict().items() if not n.startswith("coordinates")}
    bare.load_state_dict(weights)
    with torch.no_grad():
        for weight in [net.decode.weight, bare.decode.weight]:
            weight.fill_(0.1)
    x, c, condition = (t.float() for t in (normal(3, 2, 16, 16), normal(3), normal(3, 8)))
    assert torch.equal(net(x, c, condition), bare(x, c, condition))
    net(x, c, condition).square().sum().backward()
    assert all((place.mix.weight.grad != 0).any() for place in net.coordinates)
    moved = build("unet", shape=(2, 16, 16), condition=8, coordinates=(0, 4), **SMALL)
    moved.load_state_dict(net.state_dict())
    with torch.no_grad():
        for place in moved.coordinates:
            place.mix.weight.fill_(0.1)
    assert not torch.allclose(moved(x, c, condition), net(x, c, condition))


def test_images_do_not_influence_each_other() -> None:
    net = network((1, 16, 16), packing=1)
    x, c, condition = normal(3, 1, 16, 16), normal(3), normal(3, 5)
    whole = net(x, c, condition)
    assert whole.abs().max() > 1e-3
    for i in range(3):
        one = slice(i, i + 1)
        torch.testing.assert_close(net(x[one], c[one], condition[one]), whole[one])


def test_noise_level_and_condition_matter_and_a_mask_selects() -> None:
    net = network((1, 16, 16), packing=1)
    x, c, condition = normal(3, 1, 16, 16), normal(3), normal(3, 5)
    out = net(x, c, condition)
    assert not torch.allclose(out, net(x, c + 1, condition))
    assert not torch.allclose(out, net(x, c, condition + 1))
    mask = x > 0
    assert torch.equal(net(x, c, condition, mask), out * mask)


@pytest.mark.parametrize("attention", [0, 64])
def test_attention_sees_the_whole_image(attention: int) -> None:
    """Without it, what is further than the receptive field of the convolutions is not seen."""
    options = {"packing": 0, "multipliers": (1,), "attention": attention * 64}
    net = network((1, 64, 64), **options)
    for norm in (m for m in net.modules() if isinstance(m, nn.GroupNorm)):
        norm.forward = lambda x: x  # type: ignore[method-assign]  # they see the whole image too
    x = normal(1, 1, 64, 64)
    changed = x.clone()
    changed[..., -1, -1] += 1
    c, condition = normal(1), normal(1, 5)
    seen = (net(changed, c, condition) - net(x, c, condition))[0, 0, 0, 0].abs().item()
    assert (seen > 0) == (attention > 0)


def test_attention_stands_below_its_number_of_pixels() -> None:
    def count(shape: tuple[int, int, int]) -> int:
        net = build("unet", shape=shape, packing=1, **{**SMALL, "multipliers": (1, 2, 2)})
        return sum(name.endswith("inputs.weight") for name, _ in net.named_parameters())

    assert count((1, 32, 32)) == 3  # 16^2, 8^2 and 4^2 pixels: the last down, in the middle, up
    assert count((1, 16, 16)) == 5
    assert count((1, 64, 64)) == 0


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 24, 16), {"packing": 3}, "24 x 16 pixels cannot be halved 4 times"),
        ((1, 16, 16), {"heads": 3, "packing": 1}, "3 heads do not divide"),
    ],
)
def test_impossible_networks_are_refused(
    shape: tuple[int, int, int], options: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build("unet", shape=shape, **{**SMALL, **options})
