r"""Langevin dynamics at fixed noise, and annealed through falling noise levels.

:math:`x' = x + \epsilon\, score + \sqrt{2 \epsilon}\, z` leaves :math:`p_t` invariant as
:math:`\epsilon \to 0`. In hat coordinates, with :math:`\epsilon = \delta \sigma^2`, it is a row of
the table: :math:`\hat x' = (1 - \delta) \hat x + \delta D + \sqrt{2 \delta}\, s z`.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from scipy.optimize import minimize_scalar

from driftline.diffusion.grids import NOISE_END, UniformLogSNR, log_snr_range
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.plan import Level, LinearStep, Plan, clean_estimate, levels
from driftline.diffusion.schedules import Schedule


def langevin_step(level: Level, snr: float) -> LinearStep:
    r"""A Langevin step at fixed noise with a fresh score (Song et al., 2011.13456, algorithms 4-5).

    :math:`\epsilon = 2 (snr\, \sigma)^2`.
    The published rule has the ratio of norms |z|/|score|, averaged over the batch, in place of
    sigma, which it tends to when noise dominates. A step that depends on the event's own score has
    another stationary law (``tests/diffusion/test_samplers.py`` shows it), one that depends on the
    batch makes events depend on each other; this one leaves p_t invariant to first order and needs
    no norm, so no event sees its batch or its padding.
    """
    weight = 2 * snr**2
    return LinearStep(level, a=1 - weight, b=(weight,), c=2 * snr * level.s)


def spread(size: float, ratio: float, repeats: int) -> float:
    r"""Variance left after Langevin at one annealing level, in units of that level's own.

    Song & Ermon (2006.09011, proposition 3): events of one point that come from a level ``ratio``
    times noisier have, after T = ``repeats`` steps of size :math:`\delta = \epsilon/\sigma_L^2`,
    :math:`(1 - \delta)^{2T} (\gamma^2 - \kappa) + \kappa`, :math:`\kappa = 1/(1 - \delta/2)`.
    """
    limit = 1 / (1 - size / 2)
    return (1 - size) ** (2 * repeats) * (ratio**2 - limit) + limit


def step_size(ratio: float, repeats: int) -> float:
    """The size whose ``spread`` is nearest to one (2006.09011, technique 4)."""
    best = minimize_scalar(
        lambda size: spread(size, ratio, repeats),  # never below one
        bounds=(0, 1),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(best.x)


def level_count(high: float, low: float, dimensions: int) -> int:
    r"""How many geometric levels lead from noise ``high`` to ``low`` (2006.09011, technique 2).

    Neighbouring levels share half of the norm's probability when
    :math:`\Phi(\sqrt{2d}(\gamma - 1) + 3\gamma) - \Phi(\sqrt{2d}(\gamma - 1) - 3\gamma) = 0.5`;
    for many dimensions d the first term is one, so :math:`\sqrt{2d}(\gamma - 1) = 3\gamma`.
    The levels returned are at least that dense.

    Raises:
        ValueError: unless high > low > 0 and 2 d > 9, below which any ratio will do.
    """
    require(high > low > 0, f"noise levels must fall and be positive, got {high} and {low}")
    require(dimensions > 4, f"technique 2 needs at least 5 dimensions, got {dimensions}")
    ratio = 1 / (1 - 3 / math.sqrt(2 * dimensions))
    return 1 + math.ceil(math.log(high / low) / math.log(ratio))


@dataclass(frozen=True)
class Langevin:
    """Langevin dynamics at one noise level, from the score alone, then a clean estimate.

    Between modes that the level does not join it mixes only in a time that grows exponentially:
    the weights of the modes stay those of the start. Evaluations = steps + 1.

    Attributes:
        steps: Langevin steps.
        snr: a step's size: epsilon = 2 (snr sigma)^2.
        noise: the level, as the ratio sigma/alpha.
        start: events start as N(0, start^2), in units of the data's own scale.

    Raises:
        ValueError: steps < 1, snr not in (0, 1), noise or start not positive; when planned, a noise
            outside the schedule's range.
    """

    steps: int = 1000
    snr: float = 0.165
    noise: float = 0.1
    start: float = 1.0

    deterministic: ClassVar[bool] = False
    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be at least 1, got {self.steps}")
        require(0 < self.snr < 1, f"snr must be in (0, 1) for a stable step, got {self.snr}")
        require(self.noise > 0, f"noise must be positive, got {self.noise}")
        require(self.start > 0, f"start must be positive, got {self.start}")

    @property
    def label(self) -> str:
        return f"Langevin at noise {self.noise:g}, {self.steps} steps"

    def plan(self, schedule: Schedule) -> Plan:
        level = level_at(schedule, self.noise)
        steps = (langevin_step(level, self.snr),) * self.steps
        # Only the scale of the start enters: no network is evaluated there.
        return Plan(Level(level.t, level.alpha, self.start), (*steps, clean_estimate(level)))


def level_at(schedule: Schedule, noise: float) -> Level:
    """The point of the schedule at which sigma/alpha has the given value.

    Raises:
        ValueError: the schedule does not reach it.
    """
    high, low = (math.exp(-log_snr) for log_snr in log_snr_range(schedule))
    inside = low * (1 - 1e-9) <= noise <= high * (1 + 1e-9)
    require(inside, f"noise must be in the schedule's range [{low:g}, {high:g}], got {noise:g}")
    log_snr = -torch.tensor([noise], dtype=torch.float64).log()
    (level,) = levels(schedule, schedule.time(log_snr).clamp(0.0, 1.0))
    return level


@dataclass(frozen=True)
class AnnealedLangevin:
    r"""Annealed Langevin dynamics (Song & Ermon, 1907.05600, algorithm 1; 2006.09011, algorithm 1).

    At each of L geometric levels, T Langevin steps of :math:`\epsilon_i = \epsilon s_i^2/s_L^2`,
    that is one size :math:`\delta = \epsilon/s_L^2` for all, which technique 4 chooses; then a
    clean estimate. Evaluations = L T + 1.

    Attributes:
        levels: noise levels L, from the schedule's highest down to ``noise_end``; ``level_count``
            gives technique 2's number.
        repeats: steps T at each level.
        noise_end: the last level, as the ratio sigma/alpha.

    Raises:
        ValueError: levels < 2, repeats < 1, or noise_end not positive.
    """

    levels: int = 100
    repeats: int = 5
    noise_end: float = NOISE_END

    deterministic: ClassVar[bool] = False
    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.levels >= 2, f"levels must be at least 2, got {self.levels}")
        require(self.repeats >= 1, f"repeats must be at least 1, got {self.repeats}")
        require(self.noise_end > 0, f"noise_end must be positive, got {self.noise_end}")

    @property
    def label(self) -> str:
        return f"annealed Langevin, {self.levels} x {self.repeats}"

    def plan(self, schedule: Schedule) -> Plan:
        points = geometric_levels(schedule, self.levels, self.noise_end)
        size = step_size(points[0].s / points[1].s, self.repeats)
        steps = [langevin_step(p, (size / 2) ** 0.5) for p in points for _ in range(self.repeats)]
        return Plan(points[0], (*steps, clean_estimate(points[-1])))


def geometric_levels(schedule: Schedule, count: int, noise_end: float) -> list[Level]:
    """Levels (count,) whose s falls by one factor, from t = 1 to ``noise_end``.

    Raises:
        ValueError: ``noise_end`` is not below the schedule's highest noise.
    """
    return levels(schedule, UniformLogSNR(noise_end).times(count, schedule))


@dataclass(frozen=True)
class ConsistentAnnealedLangevin:
    r"""Consistent annealed sampling (Jolicoeur-Martineau et al., 2009.05475, algorithm 2).

    One step a level, :math:`x' = x + \eta s^2 score + \beta s' z` with
    :math:`\beta^2 = 1 - (1 - \eta)^2 s^2/s'^2`, keeps the noise at the level that the network is
    told, which annealed Langevin dynamics exceeds. The paper's eta is stated through a
    ``strength`` that keeps its meaning when levels are added,
    :math:`1 - \eta = (s'/s)^{1 + strength}`. Evaluations = levels.

    Attributes:
        levels: geometric noise levels, from the schedule's highest down to ``noise_end``.
        strength: of the noise: 0 is the least that is consistent, none (DDIM); 1 is ancestral
            sampling, and the paper's eta if technique 4 chooses it for one step a level.
        noise_end: the last level, as the ratio sigma/alpha.

    Raises:
        ValueError: levels < 2, strength < 0, or noise_end not positive.
    """

    levels: int = 200
    strength: float = 1.0
    noise_end: float = NOISE_END

    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.levels >= 2, f"levels must be at least 2, got {self.levels}")
        require(self.strength >= 0, f"strength must not be negative, got {self.strength}")
        require(self.noise_end > 0, f"noise_end must be positive, got {self.noise_end}")

    @property
    def deterministic(self) -> bool:
        return self.strength == 0

    @property
    def label(self) -> str:
        return f"consistent annealed Langevin, {self.levels}"

    def plan(self, schedule: Schedule) -> Plan:
        points = geometric_levels(schedule, self.levels, self.noise_end)
        moves = (self._step(here, there) for here, there in pairwise(points))
        return Plan(points[0], (*moves, clean_estimate(points[-1])))

    def _step(self, here: Level, there: Level) -> LinearStep:
        h = math.log(here.s / there.s)
        eta = -math.expm1(-(1 + self.strength) * h)
        beta = math.sqrt(-math.expm1(-2 * self.strength * h))
        return LinearStep(here, a=1 - eta, b=(eta,), c=beta * there.s)
