"""Residual network for events that are vectors, such as the features of a whole jet."""

import torch
from torch import Tensor, nn

from driftline.networks.embeddings import ContextEmbedding, zero_initialised


class ResidualBlock(nn.Module):
    """x <- x + W2 silu(W1 [norm(x), context]); W2 starts at zero."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.expand = nn.Linear(2 * hidden, hidden)
        self.contract = zero_initialised(nn.Linear(hidden, hidden))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x (B, H), context (B, H)."""
        h = self.expand(torch.cat([self.norm(x), context], dim=1))
        return x + self.contract(nn.functional.silu(h))


class ResNet(nn.Module):
    """Residual network for vectors.

    A mask selects the features to be generated: the others are expected to be zero in the input,
    and come out as zero. What is known of them is passed in the condition.

    Args:
        features: features per event.
        condition: condition features per event.
        hidden: width of the network.
        layers: number of residual blocks.
    """

    def __init__(
        self, features: int, condition: int = 0, hidden: int = 256, layers: int = 4
    ) -> None:
        super().__init__()
        self.context = ContextEmbedding(hidden, condition)
        self.encode = nn.Linear(features, hidden)
        self.blocks = nn.ModuleList(ResidualBlock(hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.decode = zero_initialised(nn.Linear(hidden, features))

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """x (B, F), c_noise (B,), condition (B, C), mask (B, F) bool; returns (B, F)."""
        context = self.context(c_noise, condition).to(x.dtype)
        h = self.encode(x).to(x.dtype)
        for block in self.blocks:
            h = block(h, context)
        output = self.decode(self.norm(h)).to(x.dtype)
        return output if mask is None else output * mask
