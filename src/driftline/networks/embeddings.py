"""Embeddings of the noise level and of the condition into one vector per event."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


class FourierFeatures(nn.Module):
    """Sines and cosines of a scalar at fixed, geometrically spaced frequencies.

    The frequencies are low, because ``c_noise = log_snr / 4`` spans only a few units and the
    denoiser is smooth in it: high frequencies would make it rough between training points.

    Args:
        features: number of outputs, even.
        lowest: lowest frequency, in cycles per unit.
        highest: highest frequency, in cycles per unit.
    """

    frequencies: Tensor

    def __init__(self, features: int = 32, lowest: float = 0.1, highest: float = 4.0) -> None:
        super().__init__()
        exponents = torch.linspace(math.log(lowest), math.log(highest), features // 2)
        self.register_buffer("frequencies", 2 * math.pi * exponents.exp(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B,) to (B, features)."""
        phase = x[:, None] * self.frequencies.to(x.dtype)
        return torch.cat([phase.sin(), phase.cos()], dim=1)


class ContextEmbedding(nn.Module):
    """One vector per event from the noise level and, where there is one, the condition.

    Args:
        width: size of the vector.
        condition: number of condition features, zero for an unconditional network.
        fourier: number of Fourier features of the noise level.
    """

    def __init__(self, width: int, condition: int, fourier: int = 32) -> None:
        super().__init__()
        self.fourier = FourierFeatures(fourier)
        self.mlp = nn.Sequential(
            nn.Linear(fourier + condition, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, c_noise: Tensor, condition: Tensor | None) -> Tensor:
        """c_noise (B,), condition (B, C) or None, to (B, width)."""
        noise = self.fourier(c_noise)
        inputs = noise if condition is None else torch.cat([noise, condition], dim=1)
        return self.mlp(inputs)


def zero_initialised(layer: Layer) -> Layer:
    """The same layer with weights and bias set to zero, so that it starts without effect."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
