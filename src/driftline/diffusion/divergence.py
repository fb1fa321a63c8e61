r"""Traces of Jacobians: exact, or by Hutchinson's estimator.

For a vector field F(x), :math:`\nabla \cdot F = tr J` with :math:`J = \partial F/\partial x`. If
the entries of a probe v are independent of mean zero and variance one, then
:math:`E[v^T J v] = tr J` (Hutchinson 1989); summed over the unit vectors the same form is exact.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from driftline.diffusion.noise import Noise


def quadratic_forms(
    field: Tensor, x: Tensor, probes: Tensor, *, create_graph: bool = False
) -> Tensor:
    """v^T J v of every event for every probe, (K, B): one vector-Jacobian product each.

    Args:
        field: F(x) (B, ...), computed from x with its graph; events must not mix.
        x: (B, ...), which requires gradients.
        probes: v, (K, B, ...).
        create_graph: keep the graph of the result, so that it can be trained on.
    """
    forms = []
    for k, probe in enumerate(probes):
        keep = create_graph or k + 1 < len(probes)
        (product,) = torch.autograd.grad(
            field, x, probe, retain_graph=keep, create_graph=create_graph
        )
        forms.append((product * probe).flatten(1).sum(1))
    return torch.stack(forms)


def unit_vectors(like: Tensor) -> Tensor:
    """All n unit vectors of the entries of an event, (n, B, ...) for x (B, ...); a view."""
    n = math.prod(like.shape[1:])
    one = torch.eye(n, dtype=like.dtype, device=like.device)
    return one.reshape(n, 1, *like.shape[1:]).expand(n, *like.shape)


class Trace(Protocol):
    """A way to find the trace: which probes, and what their quadratic forms say about it."""

    def probes(self, noise: Noise, events: Tensor, like: Tensor) -> Tensor:
        """Probes (K, B, ...) like x (B, ...), for events with ids (B,)."""
        ...

    def combine(self, forms: Tensor) -> tuple[Tensor, Tensor]:
        """Estimate (B,) and its standard error (B,) from the forms (K, B), or integrals of them."""
        ...


@dataclass(frozen=True)
class ExactTrace:
    """One vector-Jacobian product for every entry of an event."""

    def probes(self, noise: Noise, events: Tensor, like: Tensor) -> Tensor:
        return unit_vectors(like)

    def combine(self, forms: Tensor) -> tuple[Tensor, Tensor]:
        return forms.sum(0), torch.zeros_like(forms[0])


def _mean_and_error(forms: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the probes and its standard error, NaN if there is but one."""
    if len(forms) == 1:
        return forms[0], torch.full_like(forms[0], math.nan)
    return forms.mean(0), forms.std(0) / math.sqrt(len(forms))


def _check_count(count: int) -> None:
    if count < 1:
        raise ValueError(f"count of probes must be at least 1, got {count}")


@dataclass(frozen=True)
class Rademacher:
    """Hutchinson's estimator with random signs: no variance from the diagonal of J.

    Attributes:
        count: probes; the standard error needs two.

    Raises:
        ValueError: count < 1.
    """

    count: int = 4

    def __post_init__(self) -> None:
        _check_count(self.count)

    def probes(self, noise: Noise, events: Tensor, like: Tensor) -> Tensor:
        shape = tuple(like.shape[1:])
        draws = [noise.uniform(events, shape, k, torch.float64) for k in range(self.count)]
        return torch.where(torch.stack(draws) < 0.5, -1.0, 1.0).to(like)

    def combine(self, forms: Tensor) -> tuple[Tensor, Tensor]:
        return _mean_and_error(forms)


@dataclass(frozen=True)
class GaussianProbes:
    """Hutchinson's estimator with standard normals, as in FFJORD (1810.01367).

    Attributes:
        count: probes; the standard error needs two.

    Raises:
        ValueError: count < 1.
    """

    count: int = 4

    def __post_init__(self) -> None:
        _check_count(self.count)

    def probes(self, noise: Noise, events: Tensor, like: Tensor) -> Tensor:
        shape = tuple(like.shape[1:])
        draws = [noise.normal(events, shape, k, torch.float64) for k in range(self.count)]
        return torch.stack(draws).to(like)

    def combine(self, forms: Tensor) -> tuple[Tensor, Tensor]:
        return _mean_and_error(forms)
