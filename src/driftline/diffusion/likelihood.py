r"""Log-densities by the instantaneous change of variables along the probability flow.

The flow is a deterministic map between events and noise, so the model has a density (Song et al.,
2011.13456, section 4.3 and appendix D.2; Chen et al., 1806.07366, theorem 1). With
:math:`\hat x = x/\alpha` and :math:`\lambda = \ln(\alpha/\sigma)` every schedule has the same flow,

.. math:: \frac{d\hat x}{d\lambda} = D - \hat x, \qquad
    \frac{d \ln p}{d\lambda} = -\nabla \cdot (D - \hat x) = n - tr J, \quad
    J = \frac{\partial D}{\partial \hat x},

for n entries, from the event at :math:`\lambda(t_{min})` to :math:`N(0, s^2)`, s = sigma/alpha, at
t = 1. The state is followed as :math:`y = \hat x/\sqrt{1 + s^2}`, of unit variance at every level
like the input of the network:

.. math:: \frac{dy}{d\lambda} = \frac{D}{\sqrt{1 + s^2}} - \frac{y}{1 + s^2}

is smooth and vanishes at both ends, so that a fixed grid of the classical Runge-Kutta method
serves; every event then has its own value whatever its batch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.divergence import Rademacher, Trace, quadratic_forms
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.plan import Level, Model, levels
from driftline.diffusion.schedules import Schedule

Slope = Callable[[Tensor, Level], tuple[Tensor, Tensor]]
"""Maps y (B, ...) at a level to (dy/dlambda, the quadratic forms v^T J v (K, B))."""


@dataclass(frozen=True)
class LogDensity:
    """Log-densities of events and what they cost.

    Attributes:
        value: (N,) float64, nats per event, of its real entries.
        standard_error: (N,) float64, of the trace's estimate alone: zero for the exact trace, NaN
            for a single probe.
        evaluations: network evaluations per event.
        products: vector-Jacobian products per event, each about two evaluations' work.
    """

    value: Tensor
    standard_error: Tensor
    evaluations: int
    products: int


@dataclass(frozen=True)
class Likelihood:
    r"""How log-densities are computed.

    Two differences from ln p of the data remain, both small. The value is that of events blurred by
    :math:`s = \sigma/\alpha` at ``t_min``, about :math:`s^2 \nabla^2 p/(2p)` away: for data of
    width 0.1 and s = 1e-3 some 5e-5 per entry. And the model begins at :math:`N(0, s^2)`, as
    samplers do, not at p_t of t = 1, which still knows the data: if these have mean m, the prior is
    off by m/s of its standard deviations. The Runge-Kutta error falls as steps^-4.

    Attributes:
        steps: steps in log-SNR, of four evaluations each.
        trace: exact, or by random probes.
        t_min: the smallest time.

    Raises:
        ValueError: steps < 1, or t_min not in (0, 1).
    """

    steps: int = 100
    trace: Trace = field(default_factory=Rademacher)
    t_min: float = 1e-5

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be at least 1, got {self.steps}")
        require(0 < self.t_min < 1, f"t_min must be in (0, 1), got {self.t_min}")

    def nodes(self, schedule: Schedule) -> list[Level]:
        """The 2 steps + 1 points that the method visits, from the event to the noise."""
        ends = schedule.log_snr(torch.tensor([1.0, self.t_min], dtype=torch.float64))
        log_snr = torch.linspace(
            float(ends[0]), float(ends[1]), 2 * self.steps + 1, dtype=torch.float64
        )
        return levels(schedule, schedule.time(log_snr))[::-1]


def integrate(nodes: list[Level], y: Tensor, slope: Slope) -> tuple[Tensor, Tensor]:
    r"""Runge and Kutta's method of order 4 over nodes at starts, middles and ends of equal steps.

    Returns where y (B, ...) arrives, and :math:`\int v^T J v\, d\lambda` (K, B) along the way.
    """
    h = math.log(nodes[0].s / nodes[2].s)  # in lambda, negative
    total = torch.zeros(())
    for start, middle, end in zip(nodes[:-2:2], nodes[1::2], nodes[2::2], strict=True):
        v1, q1 = slope(y, start)
        v2, q2 = slope(y + h / 2 * v1, middle)
        v3, q3 = slope(y + h / 2 * v2, middle)
        v4, q4 = slope(y + h * v3, end)
        y = y + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        total = total.to(q1) + h / 6 * (q1 + 2 * q2 + 2 * q3 + q4)
    return y, total


def _slope(model: Model, probes: Tensor, dtype: torch.dtype) -> Slope:
    """The flow of a model: the network sees dtype, the state stays in float64."""

    def slope(y: Tensor, level: Level) -> tuple[Tensor, Tensor]:
        width = math.hypot(1.0, level.s)
        with torch.enable_grad():
            x_hat = (width * y).requires_grad_()
            estimate = model(x_hat.to(dtype), level).to(y.dtype)
            forms = quadratic_forms(estimate, x_hat, probes)
        return estimate.detach() / width - y / width**2, forms.detach()

    return slope


def log_density(
    denoiser: CleanEstimate,
    x: Tensor,
    likelihood: Likelihood | None = None,
    *,
    noise: Noise,
    events: Tensor | None = None,
    condition: Tensor | None = None,
    mask: Tensor | None = None,
    batch: int = 4096,
    dtype: torch.dtype = torch.float64,
) -> LogDensity:
    """Log-density of events under a model; with a mask, given which particles are real.

    Args:
        denoiser: the model; it must be differentiable in x.
        x: events (N, ...), zero where padded.
        likelihood: steps, trace and smallest time; None takes the defaults.
        noise: of the probes, which do not change along the flow.
        events: ids (N,) int64, which key the probes; None numbers the events from 0.
        condition: (N, C) or None.
        mask: (N, P) bool or None.
        batch: events in one network call.
        dtype: what the network is given; state and integral are in float64 in any case.

    Raises:
        ValueError: a shape does not fit, padding is not zero, an event is not finite or has no
            entries, or batch < 1.
        FloatingPointError: an event's value is not finite.
    """
    likelihood = likelihood or Likelihood()
    require(
        x.ndim >= 2 and x.numel() > 0,
        f"events must have shape (N, ...) with entries, got {tuple(x.shape)}",
    )
    ids = torch.arange(len(x)) if events is None else events
    _check(x, ids, condition, mask, batch)
    nodes = likelihood.nodes(denoiser.schedule)
    values, errors = [], []
    for start in range(0, len(x), batch):
        chosen = slice(start, start + batch)
        y = x[chosen].detach().double() / math.hypot(1.0, nodes[0].s)
        part_mask = None if mask is None else mask[chosen].to(x.device)
        part_condition = None if condition is None else condition[chosen].to(x.device, dtype)
        probes = likelihood.trace.probes(noise, ids[chosen].to(x.device), y)
        if part_mask is not None:
            probes = probes * expand(part_mask, y)
        model = Model(denoiser, part_condition, part_mask)
        y_end, forms = integrate(nodes, y, _slope(model, probes, dtype))
        x_end = math.hypot(1.0, nodes[-1].s) * y_end
        # The forms were integrated from the event to the noise, against the direction of lambda.
        trace, error = likelihood.trace.combine(-forms)
        values.append(_assemble(nodes, x_end, trace, part_mask))
        errors.append(error)
    value, error = torch.cat(values), torch.cat(errors)
    bad = ~torch.isfinite(value)
    if bad.any():
        raise FloatingPointError(
            f"{int(bad.sum())} log-densities are not finite (first: event "
            f"{int(ids[bad.to(ids.device)][0])}); take more steps or a larger t_min"
        )
    calls = 4 * likelihood.steps
    return LogDensity(value, error, calls, calls * len(probes))


def _assemble(nodes: list[Level], x_end: Tensor, trace: Tensor, mask: Tensor | None) -> Tensor:
    """ln N(x_end; 0, s^2) + integral of n - tr J over lambda, (B,)."""
    real = torch.ones_like(x_end) if mask is None else expand(mask, x_end).expand_as(x_end)
    n = real.to(x_end).flatten(1).sum(1)
    s = nodes[-1].s
    squares = (x_end / s).square().flatten(1).sum(1)
    prior = -squares / 2 - n * (math.log(s) + math.log(2 * math.pi) / 2)
    return prior + n * math.log(s / nodes[0].s) - trace


def _check(
    x: Tensor, ids: Tensor, condition: Tensor | None, mask: Tensor | None, batch: int
) -> None:
    require(batch >= 1, f"batch must be at least 1, got {batch}")
    finite = torch.isfinite(x.flatten(1)).all(1)
    require(bool(finite.all()), f"{int((~finite).sum())} events are not finite: leave them out")
    require(
        ids.shape == (len(x),), f"events must be {len(x)} ids, got a shape of {tuple(ids.shape)}"
    )
    if condition is not None:
        require(
            len(condition) == len(x),
            f"condition has {len(condition)} rows for {len(x)} events",
        )
    if mask is not None:
        require(
            x.ndim >= 3 and mask.shape == x.shape[:2] and mask.dtype == torch.bool,
            f"mask must be bool of shape (N, P) = {tuple(x.shape[:2])}, "
            f"got {mask.dtype} of shape {tuple(mask.shape)}",
        )
        require(
            not (x * expand(~mask, x)).any(),
            "padded entries must be zero: multiply the events by their mask",
        )
        require(bool(mask.any(1).all()), "every event needs a real particle: leave out empty ones")
