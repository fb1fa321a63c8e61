r"""Denoising score matching: the objective that models are trained with."""

from dataclasses import dataclass

from torch import Tensor

from driftline.diffusion.denoisers import Denoiser, expand
from driftline.diffusion.objectives.weightings import Weighting


def masked_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of (B, ...) over all but the first axis, over real entries only; (B,).

    A mask (B, P) selects along the second axis; a mask of the shape of ``values`` selects entries.
    """
    if mask is None:
        return values.flatten(1).mean(1)
    weights = expand(mask, values).expand_as(values).to(values.dtype).flatten(1)
    return (values.flatten(1) * weights).sum(1) / weights.sum(1).clamp(min=1)


@dataclass(frozen=True)
class DenoisingScoreMatching:
    r"""Denoising score matching (Vincent 2011): :math:`L = w(t) \| D - x_0 \|^2`.

    Its gradient is that of the error of the score itself, which is unknown, averaged over p_t.

    Attributes:
        weighting: w(t). None weights the network's own output evenly,
            :math:`L = \| F - (x_0 - c_{skip} x_t) / c_{out} \|^2`, that is :math:`w = 1/c_{out}^2`
            (Karras et al., 2206.00364, eq. 7-8): for ``predicts="edm"`` a target of unit variance.
    """

    weighting: Weighting | None = None

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
            denoiser: the model to train.
            x0: clean events (B, ...), zero where padded.
            t: times (B,).
            noise: standard normal, like x0.
            condition: (B, C) or None.
            mask: (B, P) or None; true for real entries.
        """
        return self.with_estimate(denoiser, x0, t, noise, condition, mask)[0]

    def with_estimate(
        self,
        denoiser: Denoiser,
        x0: Tensor,
        t: Tensor,
        noise: Tensor,
        condition: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The loss, and the clean estimate D (B, ...) that it is of; zero where padded."""
        if mask is not None:
            noise = noise * expand(mask, noise)
        alpha, sigma = denoiser.signal_and_noise(t, x0)
        x = alpha * x0 + sigma * noise
        c_skip, c_out = denoiser.coefficients(t, x0)
        target = (x0 - c_skip * x) / c_out
        output = denoiser.output(x, t, condition, mask)
        estimate = c_skip * x + c_out * output
        if mask is not None:
            estimate = estimate * expand(mask, x)
        loss = masked_mean((output - target).square(), mask)
        if self.weighting is not None:
            _, c_out = denoiser.coefficients(t, t)
            loss = loss * c_out**2 * self.weighting(denoiser.schedule, t)
        return loss, estimate
