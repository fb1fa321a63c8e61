r"""The point of lower noise on the path of a noisy event, in coordinates x_hat = x/alpha."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand


class Neighbour(Protocol):
    """Where the path of an event that stands at level s is at level r < s."""

    def __call__(
        self, x0: Tensor, noise: Tensor, s: Tensor, r: Tensor, *context: Tensor | None
    ) -> Tensor:
        """x_hat (B, ...) at r (B,), which may be zero, of x_hat = x0 + s noise at s (B,).

        Args:
            x0: clean events (B, ...).
            noise: like x0, zero where padded.
            s: sigma/alpha of the event (B,).
            r: sigma/alpha asked for (B,).
            context: condition and mask, for a teacher.
        """
        ...


@dataclass(frozen=True)
class SharedNoise:
    r"""The same event with less of the same noise, :math:`x_0 + r \varepsilon`: needs no teacher.

    Its mean over all :math:`(x_0, \varepsilon)` of one :math:`\hat x` is Euler's step of the
    probability flow with the true score (2303.01469, theorem 2).
    """

    def __call__(
        self, x0: Tensor, noise: Tensor, s: Tensor, r: Tensor, *context: Tensor | None
    ) -> Tensor:
        return x0 + expand(r, x0) * noise


@dataclass(frozen=True)
class TeacherFlow:
    r"""One step of Heun's method along the teacher's probability flow; to r = 0 one of Euler's.

    :math:`d\hat x/ds = (\hat x - D)/s` (2303.01469, algorithm 2; 2206.00364, algorithm 1). Two
    evaluations of the teacher.

    Attributes:
        teacher: the model that was trained.
    """

    teacher: CleanEstimate

    def __call__(
        self, x0: Tensor, noise: Tensor, s: Tensor, r: Tensor, *context: Tensor | None
    ) -> Tensor:
        start = x0 + expand(s, x0) * noise
        slope = (start - self._clean(start, s, context)) / expand(s, x0)
        euler = start + expand(r - s, x0) * slope
        arrived = r <= 0
        at = torch.where(arrived, s, r)
        slope_there = (euler - self._clean(euler, at, context)) / expand(at, x0)
        heun = start + expand(r - s, x0) * (slope + slope_there) / 2
        return torch.where(expand(arrived, x0), euler, heun)

    def _clean(self, x_hat: Tensor, s: Tensor, context: Any) -> Tensor:
        schedule = self.teacher.schedule
        t = schedule.time(-s.log()).clamp(0.0, 1.0)
        return self.teacher(expand(schedule.alpha(t), x_hat) * x_hat, t, *context)
