r"""A network seen as what the mathematics needs: clean estimate, noise and score.

With unit-variance data the network always works on inputs and targets of unit variance:
:math:`D(x, t) = c_{skip} x + c_{out} F(c_{in} x, c_{noise})`, the preconditioning of Karras et al.
(2206.00364, table 1) for any pair (alpha, sigma).
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from driftline.diffusion.schedules import Schedule


def expand(values: Tensor, like: Tensor) -> Tensor:
    """Append axes to (B,) values so that they broadcast against (B, ...)."""
    return values.reshape(values.shape + (1,) * (like.ndim - values.ndim))


class CleanEstimate(Protocol):
    """E[x_0 | x_t]: all that a sampler asks of a model, trained or analytic."""

    @property
    def schedule(self) -> Schedule: ...

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor: ...


def score_of(estimate: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """Tweedie's formula: score = (alpha D - x) / sigma^2."""
    return (alpha * estimate - x) / sigma**2


Coefficients = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Maps (alpha, sigma) to (c_skip, c_out)."""

TARGETS: dict[str, Coefficients] = {
    # Unit-variance target at every noise level; with a VP schedule this is v-prediction.
    "edm": lambda a, s: (a / (a**2 + s**2), s / (a**2 + s**2).sqrt()),
    "eps": lambda a, s: (1 / a, -s / a),
    "x0": lambda a, s: (torch.zeros_like(a), torch.ones_like(a)),
    "v": lambda a, s: (a / (a**2 + s**2), -s / (a**2 + s**2)),
    "score": lambda a, s: (1 / a, s**2 / a),
    "flow": lambda a, s: (1 / (a + s), -s / (a + s)),
}
"""What the network's output F means: D = c_skip x + c_out F.

``edm`` (2206.00364), ``eps`` (2006.11239), ``x0``, ``v`` (2202.00512, alpha eps - sigma x_0),
``score`` (2011.13456), ``flow`` (2209.03003, eps - x_0: the velocity of the straight path, whose
loss without a weighting is conditional flow matching's under the ``Linear`` schedule).
"""


class Denoiser(nn.Module):
    """A preconditioned network, a schedule, and the views of them that the theory uses.

    Args:
        network: ``network(x, c_noise, condition, mask)`` with x (B, ...) of unit variance,
            c_noise (B,) = lambda/4, condition (B, C) or None, mask (B, P) or None;
            returns F (B, ...).
        schedule: the noise schedule.
        predicts: a key of ``TARGETS``.

    Raises:
        ValueError: ``predicts`` is unknown.
    """

    def __init__(self, network: nn.Module, schedule: Schedule, predicts: str = "edm") -> None:
        super().__init__()
        if predicts not in TARGETS:
            raise ValueError(
                f"unknown prediction target {predicts!r}: choose from {', '.join(TARGETS)}"
            )
        self.network = network
        self.schedule = schedule
        self.predicts = predicts

    def signal_and_noise(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha, sigma) at times t (B,), shaped to broadcast against ``like`` (B, ...)."""
        return expand(self.schedule.alpha(t), like), expand(self.schedule.sigma(t), like)

    def output(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """F, the network's own output at the noisy events x (B, ...) and times t (B,)."""
        alpha, sigma = self.signal_and_noise(t, x)
        c_in = (alpha**2 + sigma**2).rsqrt()
        return self.network(c_in * x, self.schedule.log_snr(t) / 4, condition, mask)

    def coefficients(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """(c_skip, c_out) at times t (B,), shaped to broadcast against ``like`` (B, ...)."""
        return TARGETS[self.predicts](*self.signal_and_noise(t, like))

    def forward(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Clean estimate D = E[x_0 | x_t]: x (B, ...), t (B,), result like x."""
        c_skip, c_out = self.coefficients(t, x)
        estimate = c_skip * x + c_out * self.output(x, t, condition, mask)
        return estimate if mask is None else estimate * expand(mask, x)

    def noise(self, x: Tensor, t: Tensor, *context: Any) -> Tensor:
        """Estimate of the noise, E[eps | x_t] = (x - alpha D) / sigma."""
        alpha, sigma = self.signal_and_noise(t, x)
        return (x - alpha * self(x, t, *context)) / sigma

    def score(self, x: Tensor, t: Tensor, *context: Any) -> Tensor:
        """Estimate of the score, grad_x ln p_t(x)."""
        alpha, sigma = self.signal_and_noise(t, x)
        return score_of(self(x, t, *context), x, alpha, sigma)
