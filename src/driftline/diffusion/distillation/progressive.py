r"""Progressive distillation: one step of the student for two of the teacher (2202.00512)."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, Denoiser, expand
from driftline.diffusion.objectives import UnitVarianceWeighting, Weighting, masked_mean
from driftline.diffusion.schedules import Schedule


def halvings(first: int, last: int) -> list[int]:
    """Steps of the students, round by round: first/2, first/4, ..., last.

    Raises:
        ValueError: ``first`` is not ``last`` times a power of two from 2 on.
    """
    rounds = (first // last).bit_length() - 1 if last > 0 else 0
    if rounds < 1 or last * 2**rounds != first:
        raise ValueError(f"steps cannot be halved from {first} to {last}: give {last} x 2, 4, ...")
    return [first >> (k + 1) for k in range(rounds)]


def student_times(times: Tensor, steps: int) -> Tensor:
    """The student's evaluations (steps,), among its teachers' (K,), of which K/steps go in one."""
    return times[:: len(times) // steps]


@dataclass(frozen=True)
class GridLevels:
    """Training times of a student: its own evaluations, all equally often.

    Attributes:
        times_of_steps: falling (n,).
    """

    times_of_steps: Tensor

    def times(self, schedule: Schedule, u: Tensor) -> Tensor:
        """u (B,) in [0, 1) to times (B,), rising with u."""
        rising = self.times_of_steps.flip(0)
        index = (u.double() * len(rising)).long().clamp(max=len(rising) - 1)
        return rising[index].to(u)


@dataclass(frozen=True)
class ProgressiveDistillation:
    r"""The student's estimate whose one DDIM step arrives where the teacher's two do.

    With levels s, s', s'' of an event at the student's evaluation, between, and at its next one,
    and r_1 = s'/s, r_2 = s''/s', two DDIM steps :math:`\hat x' = r \hat x + (1 - r) D` end at

    .. math:: r_1 r_2 \hat x + r_2 (1 - r_1) D_1 + (1 - r_2) D_2,

    and one step of ratio :math:`r_1 r_2` does if its estimate is the weighted mean

    .. math:: \tilde D = \frac{r_2 (1 - r_1) D_1 + (1 - r_2) D_2}{1 - r_1 r_2}

    (Salimans & Ho, 2202.00512, algorithm 2, in a form that does not cancel). The
    loss is :math:`w(t) \| D - \tilde D \|^2`; the default w, 1 + SNR, makes it the error
    of v.

    Attributes:
        teacher: the model, or the student of the round before.
        times: the teacher's evaluations (2n,), falling; the student's are every second.
        weighting: w(t).

    Raises:
        ValueError: an odd number of times.
    """

    teacher: CleanEstimate
    times: Tensor
    weighting: Weighting = field(default_factory=UnitVarianceWeighting)

    def __post_init__(self) -> None:
        if len(self.times) % 2:
            raise ValueError(f"two steps in one need an even number, got {len(self.times)}")

    @property
    def levels(self) -> GridLevels:
        """The times at which the student is trained."""
        return GridLevels(student_times(self.times, len(self.times) // 2))

    def target(
        self,
        x_hat: Tensor,
        t: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The estimate asked of the student for x_hat = x/alpha (B, ...) at its times t (B,)."""
        schedule = self.teacher.schedule
        own = self.times.to(t.device, torch.float64)
        noise = (-schedule.log_snr(own)).exp()
        s = torch.cat([noise, noise.new_zeros(1)])  # after the last evaluation: no noise
        # Times may have been rounded on their way through the training loop.
        step = (t.double()[:, None] - own[::2]).abs().argmin(1) * 2
        r1, r2 = s[step + 1] / s[step], s[step + 2] / s[step + 1]
        between = own[step + 1]

        first = self._clean(x_hat, own[step], condition, mask)
        x_between = _mix(r1, x_hat, first)
        second = self._clean(x_between, between, condition, mask)
        return _mix(r2 * (1 - r1) / (1 - r1 * r2), first, second)

    def _clean(
        self, x_hat: Tensor, t: Tensor, condition: Tensor | None, mask: Tensor | None
    ) -> Tensor:
        alpha = expand(self.teacher.schedule.alpha(t).to(x_hat), x_hat)
        return self.teacher(alpha * x_hat, t.to(x_hat), condition, mask)

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Loss of each event (B,), a mean over its real entries.

        Args:
            denoiser: the student.
            x0: clean events (B, ...), zero where padded.
            t: times (B,) of the student's evaluations, see ``levels``.
            noise: standard normal, like x0.
            condition: (B, C) or None.
            mask: (B, P) or of the shape of x0, or None; true for real entries.
        """
        if mask is not None:
            noise = noise * expand(mask, noise)
        alpha, sigma = denoiser.signal_and_noise(t, x0)
        x = alpha * x0 + sigma * noise
        with torch.no_grad():
            target = self.target(x / alpha, t, condition, mask)
        loss = masked_mean((denoiser(x, t, condition, mask) - target).square(), mask)
        return loss * self.weighting(denoiser.schedule, t)


def _mix(weight: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Weight (B,) of x and the rest of y."""
    w = expand(weight.to(x), x)
    return w * x + (1 - w) * y
