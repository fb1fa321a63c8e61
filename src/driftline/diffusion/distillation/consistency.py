r"""Consistency: all points of one path of the probability flow are given the same clean event.

The consistency function f takes a point of the path at any level to the path's end. It is the only
one that keeps its value along the path and is the identity at no noise (Song et al., 2303.01469).
The identity at no noise is built into the preconditioning: c_skip = 1 and c_out = 0 there.
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from driftline.diffusion.denoisers import Denoiser, expand
from driftline.diffusion.distillation.distances import Distance, PseudoHuber
from driftline.diffusion.distillation.gaps import Gap
from driftline.diffusion.distillation.neighbours import Neighbour, SharedNoise
from driftline.diffusion.grids import NOISE_END, log_snr_range
from driftline.diffusion.objectives import UnitVarianceWeighting, Weighting


@dataclass(frozen=True)
class ConsistencyMatching:
    r"""The estimate at s against the one at r < s on the same path, which gets no gradient.

    :math:`L = w(t)\, d(D(\hat x_s, s), D^-(\hat x_r, r))`, with the network's own present weights
    on both sides (2310.14189, section 3.2: no average of the weights). With ``SharedNoise`` this is
    consistency training and, begun from a denoiser with gaps that narrow, easy consistency tuning
    (Geng et al., 2406.14548); with ``TeacherFlow`` consistency distillation (2303.01469).

    Where r would be below ``NOISE_END`` or the schedule's least noise, the target is the path's own
    end, r = 0: for all events of the first, wide gap this is denoising.

    Attributes:
        gap: r as a function of s.
        neighbour: the path's point at r.
        distance: d.
        weighting: w(t); the default is 2406.14548's 1 + 1/s^2.
    """

    gap: Gap
    neighbour: Neighbour = field(default_factory=SharedNoise)
    distance: Distance = field(default_factory=PseudoHuber)
    weighting: Weighting = field(default_factory=UnitVarianceWeighting)

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
            x0: clean events (B, ...), zero where padded.
            t: times (B,).
            noise: standard normal, like x0.
            condition: (B, C) or None.
            mask: (B, P) or of the shape of x0, or None; true for real entries.
        """
        if mask is not None:
            noise = noise * expand(mask, noise)
        schedule = denoiser.schedule
        s = (-schedule.log_snr(t)).exp()
        least = max(NOISE_END, math.exp(-log_snr_range(schedule)[1]))
        r = self.gap.below(s)
        arrived = r < least
        r = torch.where(arrived, 0.0, r)
        with torch.no_grad():
            x_hat = self.neighbour(x0, noise, s, r, condition, mask)
            # Events that have arrived are denoised too, and the result is dropped: one call.
            there = schedule.time(-torch.where(arrived, least, r).log()).clamp(0.0, 1.0)
            lower = denoiser(expand(schedule.alpha(there), x0) * x_hat, there, condition, mask)
            target = torch.where(expand(arrived, x0), x_hat, lower)
        alpha = expand(schedule.alpha(t), x0)
        estimate = denoiser(alpha * (x0 + expand(s, x0) * noise), t, condition, mask)
        return self.weighting(schedule, t) * self.distance(estimate - target, mask)
