"""Where a pixel lies as seen from a start point along a direction, told to a network of images."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from driftline.networks.embeddings import zero_initialised

_MAPS = 6
"""Of coordinates, for each plane."""


class Coordinates(nn.Module):
    """Adds coordinates of each pixel to the channels of an image.

    A convolution does not know where it is (Liu et al., CoordConv, 1807.03247), and a network that
    is told a direction as numbers has to learn anew for every angle what lies along it. Here it is
    told, for each plane, a pixel's row and column as seen from the start point, its distance from
    there, its coordinates along and across the direction, and its distance from the line through
    both: a track lies where this distance is small.

    Where no start is told, the middle of the image takes its place. Where no direction is, that
    from the start to the middle does, where crops have their charge; where neither is, zero is put
    for what needs a direction.

    All in halves of the image. The weights begin at zero: untrained ones change nothing.

    Args:
        columns: of the condition, where the start points begin (row and column of each plane, in
            halves of the image from its middle) and where the directions do (row and column
            component of each plane, of any length).
        planes: C of an image.
        channels: of the image that coordinates are added to.
    """

    def __init__(self, columns: Sequence[int], planes: int, channels: int) -> None:
        super().__init__()
        self.start, self.direction = (slice(n, n + 2 * planes) for n in columns)
        self.mix = zero_initialised(nn.Conv2d(_MAPS * planes, channels, 1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (B, channels, H, W), condition (B, F); returns x of the same shape."""
        maps = coordinate_maps(
            condition[:, self.start].unflatten(1, (-1, 2)),
            condition[:, self.direction].unflatten(1, (-1, 2)),
            x.shape[-2:],
        )
        mixed: Tensor = self.mix(maps.to(x.dtype).contiguous(memory_format=torch.channels_last))
        return x + mixed


def coordinate_maps(start: Tensor, direction: Tensor, size: Sequence[int]) -> Tensor:
    """Row, column, distance, along, across and |across| of each pixel; see ``Coordinates``.

    Args:
        start: (B, C, 2) row and column, from -1 to 1 in the image.
        direction: (B, C, 2) components along rows and columns, zero where not known.
        size: H, W.

    Returns:
        (B, 6 C, H, W) of the middles of pixels.
    """
    toward = torch.where((direction == 0).all(dim=2, keepdim=True), -start, direction)
    u, v = nn.functional.normalize(toward, dim=2)[..., None, None].unbind(2)
    r, c = _places(start, size)
    across = c * u - r * v
    maps = [r, c, torch.hypot(r, c), r * u + c * v, across, across.abs()]
    return torch.stack(maps, dim=2).flatten(1, 2)


def _places(start: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Rows and columns (B, C, H, W) from the start point."""
    rows, columns = (
        (2 * torch.arange(n, device=start.device, dtype=start.dtype) + 1) / n - 1 for n in size
    )
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    seen = grid - start[..., None, None]
    return seen[:, :, 0], seen[:, :, 1]
