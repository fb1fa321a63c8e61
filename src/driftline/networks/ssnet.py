"""Segmentation network: which pixels of an image are track, which are shower."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from driftline.networks.wavelets import pack, unpack

_GROUP = 8
"""Channels that are normalised together."""


class ResidualBlock(nn.Module):
    """x <- S x + W2 silu(norm(W1 silu(norm(x)))) with 3 x 3 convolutions (He et al., 1603.05027).

    Each image is normalised by itself: what a pixel is called does not depend on which images
    share a batch.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(inputs // _GROUP, inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second_norm = nn.GroupNorm(outputs // _GROUP, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, H, W)."""
        h = self.first(nn.functional.silu(self.first_norm(x)))
        return self.skip(x) + self.second(nn.functional.silu(self.second_norm(h)))


class SSNet(nn.Module):
    """U-ResNet for the semantic segmentation of sparse images.

    A U-Net (Ronneberger et al., 1505.04597) of residual blocks, as MicroBooNE's (Abratenko et al.,
    2012.08513), on the Haar packets of asinh(x / scale) and of the mask of pixels with charge. The
    constants are fixed: nothing is taken from the image or the batch.

    Args:
        widths: channels at each resolution, from half the image's downwards; multiples of 8.
        classes: of pixels.
        scale: [MeV] charge below which the input is linear.
    """

    def __init__(
        self, widths: Sequence[int] = (16, 32, 48, 64), classes: int = 3, scale: float = 0.2
    ) -> None:
        super().__init__()
        self.scale = scale
        self.step = 2 ** len(widths)
        self.encode = nn.Conv2d(8, widths[0], 3, padding=1)
        self.down = nn.ModuleList(ResidualBlock(n, n) for n in widths)
        self.coarsen = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.refine = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(widths)
        )
        self.up = nn.ModuleList(ResidualBlock(2 * n, n) for n in widths[:-1])
        self.norm = nn.GroupNorm(widths[0] // _GROUP, widths[0])
        self.decode = nn.Conv2d(widths[0], 4 * classes, 3, padding=1)

    def encoded(self, x: Tensor) -> list[Tensor]:
        """What the way down ends with at each resolution, for images x (B, 1, H, W) in MeV."""
        charge = torch.asinh(x / self.scale)
        packed = pack(torch.cat([charge, (x > 0).to(x.dtype)], dim=1), 1)
        h = self.encode(packed.contiguous(memory_format=torch.channels_last))
        kept = [self.down[0](h)]
        for coarsen, block in zip(self.coarsen, self.down[1:], strict=True):
            kept.append(block(coarsen(kept[-1])))
        return kept

    def features(self, x: Tensor) -> Tensor:
        """(B, F) features of whole images x (B, 1, H, W): means over the lowest resolution."""
        return self.encoded(self._filled(x))[-1].mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes, H, W) of images x (B, 1, H, W) in MeV, of any size."""
        kept = self.encoded(self._filled(x))
        h = kept.pop()
        for block, refine in zip(reversed(self.up), reversed(self.refine), strict=True):
            h = block(torch.cat([refine(h), kept.pop()], dim=1))
        logits = unpack(self.decode(nn.functional.silu(self.norm(h))), 1)
        return logits[..., : x.shape[-2], : x.shape[-1]]

    def _filled(self, x: Tensor) -> Tensor:
        """x with rows and columns of zeros added until they can be halved as often as needed."""
        rows, columns = (math.ceil(n / self.step) * self.step - n for n in x.shape[-2:])
        return nn.functional.pad(x, (0, columns, 0, rows))
