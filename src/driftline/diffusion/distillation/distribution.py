r"""Distribution matching: a short sampler is taught to draw from the teacher's distribution.

A student that is told where the teacher's path ends from its own noise learns a mean or a median
where it cannot foresee the end. Here it is not told where to be, but how likely the teacher finds
what it has made.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, Denoiser, expand
from driftline.diffusion.distillation.paths import advanced, require_linear
from driftline.diffusion.objectives.denoising import DenoisingScoreMatching, masked_mean
from driftline.diffusion.samplers.plan import Model, Plan, State

_LEAST = 1e-6
"""Distance that is divided by: an event of padding alone has none."""


@dataclass(frozen=True)
class DistributionMatching:
    r"""The student's events against the teacher's, by the scores of both with noise added.

    Of the Kullback-Leibler divergence of the student's noisy events from the teacher's at level s
    the gradient for an event is the difference of their scores (Yin et al., 2311.18828, eq. 3-7),

    .. math:: \nabla_x \mathrm{KL} = \frac{D_c(\hat x; s) - D_T(\hat x; s)}{s^2}, \qquad
        \hat x = x + s z,

    with the teacher :math:`D_T` and a critic :math:`D_c`, a denoiser that learns the student's
    events while the student learns. Each event is pulled by the difference over the mean distance
    of its entries from the teacher's estimate (eq. 8), which makes all levels count alike, and the
    gradient goes through all steps of the student. Where both distributions agree there is no pull,
    whatever the critic and the teacher have in common that is wrong.

    The loss is half the mean square of the pull, whose gradient is the pull, plus the critic's own,
    denoising score matching on the student's events; neither acts on the other's network. Both
    take the same evaluation of the critic. z is the noise of other events in the batch, which an
    event does not depend on: of N events there are at most N - 1 draws.

    Training events give their number, form and conditions only.

    Attributes:
        teacher: the model.
        critic: learns the student's events; begins as the teacher.
        plan: the student's.
        draws: levels at which each event is compared a step.
        matching: the critic's own loss.

    Raises:
        ValueError: a step of the plan is not linear, draws noise or shares its level with another,
            or there are no draws; from the call: there are fewer than two events.
    """

    teacher: CleanEstimate
    critic: Denoiser
    plan: Plan
    draws: int = 1
    matching: DenoisingScoreMatching = field(default_factory=DenoisingScoreMatching)

    def __post_init__(self) -> None:
        require_linear(self.plan)
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")

    def __call__(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Loss of each event (B,), over its real entries.

        Args:
            denoiser: the student.
            x0: not used.
            t: times (B,) of the levels at which events are compared.
            noise: standard normal (B, ...), where the student begins.
            condition: (B, C) or None.
            mask: (B, P) or of the shape of x0, or None; true for real entries.
        """
        if len(noise) < 2:
            raise ValueError("an event is compared with the noise of others: give two or more")
        real = torch.ones_like(noise) if mask is None else expand(mask, noise)
        start = self.plan.start.s * noise * real
        x = advanced(self.plan, State(start), Model(denoiser, condition, mask)).x_hat
        loss, draws = noise.new_zeros(len(noise)), min(self.draws, len(noise) - 1)
        for k in range(1, draws + 1):
            loss = loss + self._compared(x, t.roll(k), noise.roll(k, 0) * real, condition, mask)
        return loss / draws

    def _compared(
        self,
        x: Tensor,
        t: Tensor,
        z: Tensor,
        condition: Tensor | None,
        mask: Tensor | None,
    ) -> Tensor:
        """At times t, with noise z; (B,)."""
        fixed = x.detach()
        fit, own = self.matching.with_estimate(self.critic, fixed, t, z, condition, mask)
        with torch.no_grad():
            alpha, sigma = self.critic.signal_and_noise(t, x)
            wanted = self.teacher(alpha * fixed + sigma * z, t, condition, mask)
            size = expand(masked_mean((fixed - wanted).abs(), mask), x).clamp(min=_LEAST)
            pull = (own - wanted) / size
        return masked_mean((x - (fixed - pull)).square(), mask) / 2 + fit
