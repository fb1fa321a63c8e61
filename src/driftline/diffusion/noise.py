r"""Counter-based noise: the draw for (seed, stream, event, interval) is a pure function of these.

So event i of seed s does not depend on the batch, the shard or the number of workers, and no global
random state is touched. The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as
easy as 1, 2, 3", SC 2011), the one behind NumPy's and CUDA's Philox.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> list[Tensor]:
    """Four words of 32 random bits for every counter of four; int64 tensors hold the words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        # int64 products wrap; shifting and masking recovers both unsigned halves exactly.
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            ((p1 >> 32) & _MASK) ^ c1 ^ k0,
            p1 & _MASK,
            ((p0 >> 32) & _MASK) ^ c3 ^ k1,
            p0 & _MASK,
        )
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return [c0, c1, c2, c3]


@dataclass(frozen=True)
class Noise:
    """All the randomness of one sampling run.

    Attributes:
        seed: 0 <= seed < 2**64.
        stream: 0 <= stream < 2**16, to keep independent uses of one seed apart.

    Raises:
        ValueError: seed or stream is out of range.
    """

    seed: int
    stream: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be in [0, 2**64), got {self.seed}")
        if not 0 <= self.stream < 2**16:
            raise ValueError(f"stream must be in [0, 2**16), got {self.stream}")

    def _words(self, events: Tensor, blocks: int, interval: int) -> list[Tensor]:
        """Four (B, blocks) tensors of 32-bit words."""
        shape = (len(events), blocks)
        ids = events.to(torch.int64)[:, None]
        element = torch.arange(blocks, device=events.device)[None]
        counter = (
            element.expand(shape),
            (ids & _MASK).expand(shape),
            (((ids >> 32) & 0xFFFF) | (self.stream << 16)).expand(shape),
            torch.full((1, 1), interval & _MASK, device=events.device).expand(shape),
        )
        return philox(counter, (self.seed & _MASK, self.seed >> 32))

    def uniform(
        self,
        events: Tensor,
        shape: tuple[int, ...],
        interval: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Uniforms in the open interval (0, 1), (B, *shape), for events (B,) int64.

        Draw e of an event does not depend on how many draws follow it, so padding changes nothing.
        """
        size = math.prod(shape)
        words = torch.stack(self._words(events, -(-size // 4), interval), dim=-1)
        # 23 bits: the largest value must stay below 1 in float32 too.
        values = ((words >> 9).to(torch.float64) + 0.5) * 2.0**-23
        return values.flatten(1)[:, :size].reshape(len(events), *shape).to(dtype)

    def normal(
        self,
        events: Tensor,
        shape: tuple[int, ...],
        interval: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Standard normals (B, *shape) for events (B,) int64, by Box and Muller in float64."""
        size = math.prod(shape)
        w0, w1, w2, w3 = (
            (w.to(torch.float64) + 0.5) * 2.0**-32
            for w in self._words(events, -(-size // 4), interval)
        )
        r, s = torch.sqrt(-2 * torch.log(w0)), torch.sqrt(-2 * torch.log(w2))
        a, b = 2 * math.pi * w1, 2 * math.pi * w3
        values = torch.stack([r * a.cos(), r * a.sin(), s * b.cos(), s * b.sin()], dim=-1)
        return values.flatten(1)[:, :size].reshape(len(events), *shape).to(dtype)

    def along(self, clock: Sequence[float]) -> "BrownianNoise":
        """The same seed, with the draws of steps taken from one Brownian path; see the class."""
        return BrownianNoise(self.seed, self.stream, tuple(clock))


_TICKS = 2**20
_PATH = 1 << 31
"""Intervals from here on belong to the path."""


@dataclass(frozen=True)
class BrownianNoise(Noise):
    r"""Noise whose step k is the increment of a Brownian path W over clock[k-1] to clock[k].

    :math:`z_k = (W(u_k) - W(u_{k-1})) / \sqrt{u_k - u_{k-1}}`: any two clocks look at the same path
    of each event, so that solvers with one draw a step can be compared pathwise (strong
    convergence) on grids of any steps. The draws of one clock are independent standard normals, as
    plain noise. Interval 0, where events start, is plain noise.

    The path is Levy's: midpoints displaced down a binary tree whose nodes key the generator. Clocks
    are rounded to 2^-20. A draw costs up to 40 plain ones.

    Attributes:
        clock: rising values in [0, 1]; for Euler-Maruyama 1 - t.

    Raises:
        ValueError: the clock leaves [0, 1], or two values are equal after rounding; from ``normal``
            also: a step beyond the clock.
    """

    clock: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(0 <= u <= 1 for u in self.clock):
            raise ValueError("the clock leaves [0, 1]: scale it to the span of the grids compared")
        if not all(a < b for a, b in pairwise(map(_tick, self.clock))):
            raise ValueError("the clock must rise by at least 2**-20 a step: take fewer steps")

    def normal(
        self,
        events: Tensor,
        shape: tuple[int, ...],
        interval: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        if interval == 0:
            return super().normal(events, shape, 0, dtype)
        if interval >= len(self.clock):
            raise ValueError(
                f"step {interval} lies beyond the clock's {len(self.clock) - 1} steps: give the "
                "clock of this grid, and a sampler with one draw a step"
            )
        begin, end = (_tick(u) for u in self.clock[interval - 1 : interval + 1])

        @cache
        def draw(node: int) -> Tensor:
            return super(BrownianNoise, self).normal(events, shape, _PATH | node, torch.float64)

        increment = self._path(draw, end) - self._path(draw, begin)
        return (increment * (_TICKS / (end - begin)) ** 0.5).to(dtype)

    @staticmethod
    def _path(draw: Callable[[int], Tensor], tick: int) -> Tensor:
        """W(tick / 2^20), (B, *shape) float64, from the draws of the tree's nodes."""
        right = draw(0)
        left, low, width, node = torch.zeros_like(right), 0, _TICKS, 1
        while low < tick < low + width:
            middle = (left + right) / 2 + (width / _TICKS) ** 0.5 / 2 * draw(node)
            width //= 2
            if tick < low + width:
                right, node = middle, 2 * node
            else:
                left, low, node = middle, low + width, 2 * node + 1
        return left if tick == low else right


def _tick(u: float) -> int:
    return round(u * _TICKS)
