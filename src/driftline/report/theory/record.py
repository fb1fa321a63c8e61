"""Recorded courses: of a sampler from noise to data, and of the perturbation from data to noise."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from driftline.diffusion.denoisers import expand
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers.plan import Level
from driftline.diffusion.schedules import Schedule


@dataclass
class Course:
    """What ``sample(record=...)`` is given to follow one batch of events.

    Attributes:
        levels: where the events were.
        states: the events (B, ...) there.
    """

    levels: list[Level] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)

    def __call__(self, level: Level, x: Tensor) -> None:
        self.levels.append(level)
        self.states.append(x)

    @property
    def times(self) -> Tensor:
        """(T,) float64, falling."""
        return torch.tensor([level.t for level in self.levels], dtype=torch.float64)

    @property
    def paths(self) -> Tensor:
        """(T, B, ...)."""
        return torch.stack(self.states)

    def near(self, times: Sequence[float]) -> tuple[tuple[float, ...], Tensor]:
        """The recorded times nearest to those asked for, and the events there (T, B, ...)."""
        chosen = [int((self.times - t).abs().argmin()) for t in times]
        return tuple(self.levels[k].t for k in chosen), torch.stack(
            [self.states[k] for k in chosen]
        )


def diffuse(
    schedule: Schedule, x0: Tensor, times: Sequence[float], noise: Noise, mask: Tensor | None = None
) -> Tensor:
    r"""Events perturbed step by step, at each of the rising times (T, B, ...).

    From s to t, :math:`x_t = \frac{\alpha_t}{\alpha_s} x_s + \sqrt{\sigma_t^2 -
    \frac{\alpha_t^2}{\alpha_s^2} \sigma_s^2}\, z`, the transition kernel of the forward SDE.

    Args:
        schedule: alpha and sigma.
        x0: clean events (B, ...).
        times: rising, the first not below 0, where the events are clean.
        noise: of every step.
        mask: (B, P) or None; padded entries stay zero.
    """
    t = torch.tensor([0.0, *times], dtype=torch.float64)
    alpha, variance = schedule.alpha(t), schedule.sigma(t) ** 2
    x, states = x0, []
    for k in range(1, len(t)):
        ratio = alpha[k] / alpha[k - 1]
        width = (variance[k] - ratio**2 * variance[k - 1]).clamp(min=0).sqrt()
        z = noise.normal(torch.arange(len(x)), tuple(x.shape[1:]), k, x.dtype)
        x = float(ratio) * x + float(width) * (z if mask is None else z * expand(mask, z))
        states.append(x)
    return torch.stack(states)
