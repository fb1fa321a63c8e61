"""Equivariant point-cloud network whose cost grows linearly with the number of particles."""

import torch
from torch import Tensor, nn

from driftline.networks.embeddings import ContextEmbedding, zero_initialised


class EPiCLayer(nn.Module):
    """One exchange between the particles and a global vector.

    The global vector g reads the mean and the sum of the particles and is updated; then each
    particle is updated alone, by a residual block whose normalised input is scaled and shifted,
    and whose output is gated, by linear functions of g:

        g <- g + MLP([mean_p x, sum_p x / sum_scale, norm(g)])
        x <- x + gate(h) * W2 silu(W1 (norm(x) (1 + scale(h)) + shift(h))),  h = silu(norm(g))

    The gates start at zero, so that every layer starts as the identity on the particles. Without
    the normalisation of g an event far from all others can grow without bound from layer to layer,
    since x and g multiply each other.
    """

    def __init__(self, hidden: int, width: int, expansion: float, sum_scale: float) -> None:
        super().__init__()
        inner = round(expansion * hidden)
        self.sum_scale = sum_scale
        self.pool = nn.Sequential(
            nn.Linear(2 * hidden + width, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.norm = nn.LayerNorm(hidden, elementwise_affine=False)
        self.global_norm = nn.LayerNorm(width)
        self.modulation = zero_initialised(nn.Linear(width, 3 * hidden))
        self.expand = nn.Linear(hidden, inner)
        self.contract = nn.Linear(inner, hidden)

    def forward(self, x: Tensor, g: Tensor, weight: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, P, H), g (B, G), weight (B, P, 1) one for real particles, count (B, 1)."""
        total = (x * weight).sum(dim=1)
        pooled = torch.cat([total / count, total / self.sum_scale, self.global_norm(g)], dim=1)
        g = g + self.pool(pooled)
        h = nn.functional.silu(self.global_norm(g))
        scale, shift, gate = self.modulation(h)[:, None].chunk(3, dim=-1)
        h = self.norm(x) * (1 + scale) + shift
        return x + gate * self.contract(nn.functional.silu(self.expand(h))), g


class EPiC(nn.Module):
    """Equivariant point-cloud network for clouds of any number of particles.

    After Buhmann et al., "EPiC-GAN" (2301.08128), and EPiC flow matching (2310.00049): particles
    exchange information only through a global vector pooled from them. Here the blocks are
    pre-normalised and modulated (Peebles & Xie, 2212.09748) by the global vector, which starts
    as the embedding of the noise level and the condition.

    Padded particles have no influence on the others and come out as zero.

    Args:
        features: features per particle.
        condition: condition features per event.
        hidden: features per particle inside the network.
        layers: number of layers.
        width: size of the global vector.
        expansion: inner width of a particle's residual block, in units of ``hidden``.
        sum_scale: what the sum over particles is divided by, a typical number of particles.
    """

    def __init__(
        self,
        features: int,
        condition: int = 0,
        hidden: int = 128,
        layers: int = 6,
        width: int = 64,
        expansion: float = 1.0,
        sum_scale: float = 30.0,
    ) -> None:
        super().__init__()
        self.context = ContextEmbedding(width, condition)
        self.encode = nn.Linear(features, hidden)
        self.layers = nn.ModuleList(
            EPiCLayer(hidden, width, expansion, sum_scale) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)
        self.decode = zero_initialised(nn.Linear(hidden, features))

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """x (B, P, F), c_noise (B,), condition (B, C), mask (B, P) bool; returns (B, P, F)."""
        weight = x.new_ones(x.shape[:2]) if mask is None else mask.to(x.dtype)
        count = weight.sum(dim=1, keepdim=True).clamp(min=1)
        weight = weight[..., None]
        g = self.context(c_noise, condition).to(x.dtype)
        # The residual stream stays in the input's precision also under autocast.
        h = self.encode(x).to(x.dtype)
        for layer in self.layers:
            h, g = layer(h, g, weight, count)
        return self.decode(self.norm(h)).to(x.dtype) * weight
