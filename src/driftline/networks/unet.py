"""U-Net with attention for images, on their pixels or on their Haar wavelet packets."""

import math
from collections.abc import Sequence
from itertools import pairwise, zip_longest

import torch
from torch import Tensor, nn

from driftline.errors import InputError
from driftline.networks.coordinates import Coordinates
from driftline.networks.embeddings import ContextEmbedding, zero_initialised
from driftline.networks.wavelets import pack, unpack

_GROUP = 16
"""Channels that are normalised together."""


def _norm(channels: int, affine: bool = True) -> nn.GroupNorm:
    groups = math.gcd(channels, max(1, channels // _GROUP))
    return nn.GroupNorm(groups, channels, affine=affine)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, the second one modulated by the context.

    x <- (S x + W2 silu(norm(h) (1 + scale) + shift)) / sqrt 2,   h = W1 silu(norm(x)),

    scale and shift linear in the context: the block of DDPM++ (2011.13456, appendix H) with the
    adaptive normalisation of Dhariwal & Nichol (2105.05233). W2, scale and shift start at zero.
    """

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.norm = _norm(inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.modulated_norm = _norm(outputs, affine=False)
        self.modulation = zero_initialised(nn.Linear(width, 2 * outputs))
        self.second = zero_initialised(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x (B, C, H, W), context (B, width)."""
        scale, shift = self.modulation(context)[..., None, None].chunk(2, dim=1)
        h = self.first(nn.functional.silu(self.norm(x)))
        h = self.second(nn.functional.silu(self.modulated_norm(h) * (1 + scale) + shift))
        return (self.skip(x) + h) * math.sqrt(0.5)


class Attention(nn.Module):
    """Residual multi-head self-attention between the pixels of an image."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = _norm(channels)
        self.inputs = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zero_initialised(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W)."""
        q, k, v = (
            y.flatten(2).unflatten(1, (self.heads, -1)).transpose(2, 3)
            for y in self.inputs(self.norm(x)).chunk(3, dim=1)
        )
        # Written out: on a processor five times faster than torch's own for so few pixels.
        weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(dim=-1)
        y = (weights @ v).mT.reshape(x.shape)
        return (x + self.out(y)) * math.sqrt(0.5)


class Stage(nn.Module):
    """Residual blocks at one resolution, each followed by attention if there are heads for it.

    Args:
        inputs: channels that each block reads; what exceeds those of its predecessor are of a skip.
        outputs: channels that each block writes.
        width: size of the context vector.
        heads: of the attention, zero for none.
    """

    def __init__(self, inputs: Sequence[int], outputs: int, width: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(n, outputs, width) for n in inputs)
        self.attention = nn.ModuleList(
            Attention(outputs, heads) if heads else nn.Identity() for _ in inputs
        )

    def forward(self, x: Tensor, context: Tensor, skips: Sequence[Tensor] = ()) -> list[Tensor]:
        """What each block puts out, from x (B, C, H, W) and, where given, a skip for each block."""
        outputs = []
        for i, (block, attention) in enumerate(zip(self.blocks, self.attention)):
            x = attention(block(torch.cat([x, skips[i]], dim=1) if skips else x, context))
            outputs.append(x)
        return outputs


class UNet(nn.Module):
    """U-Net with attention at low resolution, in the line of DDPM++ and NCSN++.

    After Song et al. (2011.13456, appendix H): residual blocks on the way down and up, halving and
    doubling of the resolution between, every block's output kept for its counterpart on the way up,
    attention where few pixels are left. Here it works on the Haar wavelet packets of the image
    (``wavelets.pack``), 4^packing channels of 2^packing times fewer rows and columns: at equal cost
    the network is wider and sees further, but has to learn every detail at each place in a block.

    Args:
        shape: channels (planes that are seen together), rows and columns of an image.
        condition: condition features per image.
        coordinates: first columns of the condition that tell start points, and directions, see
            ``Coordinates``; empty: no pixel is told where it lies.
        packing: levels of wavelet packing; 0 works on the pixels.
        hidden: channels inside the network at the first resolution.
        multipliers: channels at each resolution, in units of ``hidden``.
        blocks: residual blocks at each resolution, on either way.
        attention: largest number of pixels of a resolution that has attention.
        heads: attention heads.
        width: size of the context vector.

    Raises:
        InputError: rows or columns cannot be halved as often as needed, or the heads do not divide
            the channels.
    """

    def __init__(
        self,
        shape: Sequence[int],
        condition: int = 0,
        coordinates: Sequence[int] = (),
        packing: int = 0,
        hidden: int = 16,
        multipliers: Sequence[int] = (1, 2, 4, 8),
        blocks: int = 1,
        attention: int = 64,
        heads: int = 2,
        width: int = 128,
    ) -> None:
        super().__init__()
        channels, *size = shape
        sizes = _sizes(size, packing, len(multipliers))
        counts = [hidden * m for m in multipliers]
        attended = [heads if math.prod(s) <= attention else 0 for s in sizes]
        if any(n % h for n, h in zip(counts, attended) if h):
            raise InputError(
                f"network 'unet': {heads} heads do not divide {counts} channels; change hidden"
            )
        self.packing = packing
        self.context = ContextEmbedding(width, condition)
        self.encode = nn.Conv2d(channels * 4**packing, counts[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for n, h in zip(counts, attended):
            self.down.append(Stage([n] * blocks, n, width, h))
            self.up.append(Stage([2 * n] * blocks, n, width, h))
        self.coordinates = nn.ModuleList(
            Coordinates(coordinates, channels, n) for n in counts if coordinates
        )
        self.middle = Stage([counts[-1]], counts[-1], width, attended[-1])
        self.coarsen = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(counts))
        self.refine = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(counts)
        )
        self.norm = _norm(counts[0])
        self.decode = zero_initialised(nn.Conv2d(counts[0], channels * 4**packing, 3, padding=1))
        # As the images, see ``forward``: faster on a processor.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """x (B, C, H, W), c_noise (B,), condition (B, F); returns (B, C, H, W).

        A mask (B, C, H, W) bool selects the pixels to be generated; the others come out as zero.
        """
        context = nn.functional.silu(self.context(c_noise, condition)).to(x.dtype)
        # Channels last: convolutions on a processor need no reordering of their input then.
        packed = pack(x, self.packing).contiguous(memory_format=torch.channels_last)
        h, kept = self.encode(packed), []
        for stage, coarsen, place in zip_longest(self.down, self.coarsen, self.coordinates):
            if place is not None and condition is not None:
                h = place(h, condition)
            kept.append(stage(h, context))
            h = kept[-1][-1] if coarsen is None else coarsen(kept[-1][-1])
        h = self.middle(h, context)[-1]
        for stage, refine in zip_longest(reversed(self.up), reversed(self.refine)):
            h = stage(h, context, kept.pop()[::-1])[-1]
            h = h if refine is None else refine(h)
        h = self.decode(nn.functional.silu(self.norm(h))).to(x.dtype)
        output = unpack(h, self.packing)
        return output if mask is None else output * mask


def _sizes(size: Sequence[int], packing: int, resolutions: int) -> list[list[int]]:
    """Rows and columns at every resolution of the network."""
    step = 2 ** (packing + resolutions - 1)
    if any(n % step for n in size):
        raise InputError(
            f"network 'unet': {' x '.join(map(str, size))} pixels cannot be halved "
            f"{packing + resolutions - 1} times; choose less packing or fewer multipliers"
        )
    return [[n // 2 ** (packing + i) for n in size] for i in range(resolutions)]
