r"""A multistep method whose weights are fitted to one model.

All multistep methods are tables of weights, :math:`\hat x' = a \hat x + \sum_j b_j D_{k-j}`;
those of DPM-Solver++ and UniPC are right for estimates that are polynomials of the log-SNR,
whatever the model. For a given model and grid better ones exist: bespoke non-stationary solvers
(Shaul et al., 2403.01329) find them by gradient descent through the sampler. Here they are the
solution of a small regression, step after step along the sampler's own path, which takes one
network call a step and corrects in each step what can be corrected of the errors of those before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import ClassVar

import torch
from torch import Tensor

from driftline.diffusion.denoisers import expand
from driftline.diffusion.grids import Grid, UniformLogSNR
from driftline.diffusion.samplers.calibration import Calibration
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.plan import LinearStep, Plan, State, levels
from driftline.diffusion.samplers.unipc import UniPC
from driftline.diffusion.schedules import Schedule

MEMORY = 6
"""Estimates that a step uses: more gain nothing (they are nearly a function of these)."""

REWEIGHTINGS = 4
"""Of least squares, towards the least mean distance."""

RIDGE = 1e-8
"""Pull towards UniPC's weights (after a restart those of them that are left), each in units of the
mean square of what it multiplies."""

_DIGITS = 7
"""Of a weight, significant: the sampler is text in a model's card."""


@dataclass(frozen=True)
class Bespoke:
    """A multistep method fitted to one model: one evaluation a step (``tune``).

    Attributes:
        steps: evaluations; also the last, which arrives at clean events, has weights of its own.
        grid: where they lie.
        weights: of step after step: first the state's, then those of the estimates, newest first,
            of which the k-th step since the last restart has min(k, ``MEMORY``). None before it is
            fitted.
        restarts: steps, counted from 0, that know no estimate of those before: from there the
            sampler can go on from other states than its own.

    Raises:
        ValueError: steps < 1, restarts that are not rising numbers of steps, or weights of another
            number; from ``plan``: it is not fitted.
    """

    steps: int = 12
    grid: Grid = field(default_factory=UniformLogSNR)
    weights: tuple[float, ...] = ()
    restarts: tuple[int, ...] = ()

    deterministic: ClassVar[bool] = True
    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be at least 1, got {self.steps}")
        bounds = (0, *self.restarts, self.steps)
        require(
            all(a < b for a, b in pairwise(bounds)),
            f"restarts must rise from 1 to {self.steps - 1} at most, got {self.restarts}",
        )
        expected = sum(self._sizes)
        require(
            len(self.weights) in (0, expected),
            f"{self.steps} steps have {expected} weights, got {len(self.weights)}: "
            "fit the sampler again (driftline tune)",
        )

    @property
    def label(self) -> str:
        return f"bespoke, {self.steps}"

    @property
    def _sizes(self) -> list[int]:
        """Weights of each step."""
        parts = pairwise((0, *self.restarts, self.steps))
        return [1 + min(k, MEMORY) for a, b in parts for k in range(1, b - a + 1)]

    def plan(self, schedule: Schedule) -> Plan:
        require(
            bool(self.weights),
            f"{self.label} is not fitted: fit it to the model with driftline tune "
            f"--candidate bespoke:steps={self.steps}, or choose another sampler",
        )
        points = levels(schedule, self.grid.times(self.steps, schedule))
        rows = pairwise(accumulate(self._sizes, initial=0))
        table = [self.weights[i:j] for i, j in rows]
        steps = (LinearStep(here, row[0], row[1:]) for here, row in zip(points, table, strict=True))
        return Plan(points[0], tuple(steps))

    @torch.no_grad()
    def fitted(self, grid: Grid, calibration: Calibration) -> "Bespoke":
        """The same on a grid, with the weights that follow the fine solution best.

        Args:
            grid: of as many steps; its levels lie in the calibration's span.
            calibration: events of the model.
        """
        known = UniPC(self.steps, grid=grid).plan(calibration.denoiser.schedule)
        model, state = calibration.model(), State(known.start.s * calibration.draw()())
        here = [step.level for step in known]
        goals = [*map(calibration.at, here[1:]), calibration.end]
        weights: list[float] = []
        for step, goal, size in zip(known, goals, self._sizes, strict=True):
            assert isinstance(step, LinearStep)
            estimates = [model(state.x_hat, step.level), *state.estimates[: size - 2]]
            terms = [state.x_hat, *estimates]
            prior = (step.a, *step.b)[: len(terms)]
            row = nearest_weights(terms, goal, prior, calibration.mask)
            weights += row
            state = State(combined(row, terms), estimates)
        return replace(self, grid=grid, weights=tuple(weights))


def combined(weights: Sequence[float], terms: Sequence[Tensor]) -> Tensor:
    """The weighted sum of tensors alike."""
    total = weights[0] * terms[0]
    for weight, term in zip(weights[1:], terms[1:], strict=True):
        total = torch.add(total, term, alpha=weight)
    return total


def nearest_weights(
    terms: Sequence[Tensor], goal: Tensor, prior: Sequence[float], mask: Tensor | None
) -> list[float]:
    """Weights of the terms whose sum is nearest to the goal: of events' distances, the least mean.

    An event's distance is the root mean square over its real entries, as ``Calibration`` judges.
    Least squares, reweighted by the inverse of the distances that the last solution left: else
    the few events that change mode would decide. Of weights that do as well, those nearest to a
    prior.

    Args:
        terms: (N, ...) alike.
        goal: (N, ...).
        prior: weights of the first terms; of the others zero.
        mask: (N, P) or None; padded entries do not count.
    """
    real = torch.ones_like(goal) if mask is None else expand(mask, goal).expand_as(goal)
    real = real / real.flatten(1).sum(1).clamp(min=1).sqrt().view(-1, *[1] * (goal.ndim - 1))
    columns = torch.stack([(term * real).flatten(1) for term in terms], dim=-1).double()
    aim = (goal * real).flatten(1).double()
    first = columns.new_zeros(len(terms))
    first[: len(prior)] = columns.new_tensor(prior)
    w, shares = first, aim.new_ones(len(aim))
    for _ in range(REWEIGHTINGS + 1):
        weighted = shares[:, None, None] * columns
        gram = torch.einsum("nij,nik->jk", weighted, columns)
        ridge = RIDGE * gram.diagonal().diag()
        miss = torch.einsum("nij,ni->j", weighted, aim - columns @ first)
        w = first + torch.linalg.solve(gram + ridge, miss)
        left = (aim - columns @ w).norm(dim=1)
        shares = 1 / (left + left.median() / 10 + 1e-30)
    return [float(f"{value:.{_DIGITS}g}") for value in w.tolist()]
