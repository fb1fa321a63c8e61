"""Transformer for point clouds whose particles exchange through a few induced tokens."""

import torch
from torch import Tensor, nn

from driftline.networks.embeddings import ContextEmbedding, zero_initialised


class Attention(nn.Module):
    """Multi-head attention of queries (B, Q, H) to keys (B, K, H)."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(hidden, hidden)
        self.key_value = nn.Linear(hidden, 2 * hidden)
        self.out = zero_initialised(nn.Linear(hidden, hidden))

    def forward(self, queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
        """mask: (B, K) bool, true for the keys that may be attended to."""
        q, k, v = (
            y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for y in (self.query(queries), *self.key_value(keys).chunk(2, dim=-1))
        )
        chosen = None if mask is None else mask[:, None, None]
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=chosen)
        return self.out(y.transpose(1, 2).flatten(2))


class Modulation(nn.Module):
    """Normalise, then scale and shift by linear functions of the context, which start at zero."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden, elementwise_affine=False)
        self.linear = zero_initialised(nn.Linear(width, 2 * hidden))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x (B, N, H), context (B, C)."""
        scale, shift = self.linear(context)[:, None].chunk(2, dim=-1)
        return self.norm(x) * (1 + scale) + shift


class MLP(nn.Sequential):
    """The residual block of one particle or token."""

    def __init__(self, hidden: int, expansion: float) -> None:
        inner = round(expansion * hidden)
        super().__init__(
            nn.Linear(hidden, inner), nn.SiLU(), zero_initialised(nn.Linear(inner, hidden))
        )


class InducedLayer(nn.Module):
    """Tokens attend to the particles, then the particles attend to the tokens: linear in P.

    Each of the two is followed by its residual MLP. The blocks of set transformers (Lee et al.,
    1810.00825), with tokens that persist from layer to layer, pre-normalised and modulated by
    the context (2212.09748).
    """

    def __init__(self, hidden: int, width: int, heads: int, expansion: float) -> None:
        super().__init__()
        self.particles, self.tokens = Modulation(hidden, width), Modulation(hidden, width)
        self.gather, self.scatter = Attention(hidden, heads), Attention(hidden, heads)
        self.token_norm, self.particle_norm = Modulation(hidden, width), Modulation(hidden, width)
        self.token_mlp, self.particle_mlp = MLP(hidden, expansion), MLP(hidden, expansion)

    def forward(
        self, x: Tensor, tokens: Tensor, context: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """x (B, P, H), tokens (B, K, H), context (B, C), mask (B, P) bool."""
        h = self.particles(x, context)
        tokens = tokens + self.gather(self.tokens(tokens, context), h, mask)
        tokens = tokens + self.token_mlp(self.token_norm(tokens, context))
        x = x + self.scatter(h, tokens)
        return x + self.particle_mlp(self.particle_norm(x, context)), tokens


class InducedTransformer(nn.Module):
    """Transformer for clouds of any number of particles, linear in that number.

    Padded particles have no influence on the others and come out as zero. Every event needs at
    least one real particle.

    Args:
        features: features per particle.
        condition: condition features per event.
        hidden: features per particle inside the network.
        layers: number of layers.
        tokens: number of induced tokens through which the particles exchange.
        heads: attention heads.
        width: size of the context vector.
        expansion: inner width of the residual MLPs, in units of ``hidden``.
    """

    def __init__(
        self,
        features: int,
        condition: int = 0,
        hidden: int = 96,
        layers: int = 4,
        tokens: int = 4,
        heads: int = 4,
        width: int = 64,
        expansion: float = 2.0,
    ) -> None:
        super().__init__()
        self.context = ContextEmbedding(width, condition)
        self.encode = nn.Linear(features, hidden)
        self.tokens = nn.Parameter(torch.randn(tokens, hidden))
        self.layers = nn.ModuleList(
            InducedLayer(hidden, width, heads, expansion) for _ in range(layers)
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
        context = nn.functional.silu(self.context(c_noise, condition)).to(x.dtype)
        # The residual streams stay in the input's precision also under autocast.
        h = self.encode(x).to(x.dtype)
        tokens = self.tokens.expand(len(x), -1, -1).to(x.dtype)
        for layer in self.layers:
            h, tokens = layer(h, tokens, context, mask)
        output = self.decode(self.norm(h)).to(x.dtype)
        return output if mask is None else output * mask[..., None]
