r"""A mixture of Gaussians fitted to data by expectation maximisation (Dempster et al., 1977).

Fitted to real events it is an oracle that looks like them, whose score is exact: what a sampler
does to it is the sampler's error alone.
"""

import torch
from torch import Tensor

from driftline.diffusion.analytic.mixtures import FullMixture

_ROWS = 4096
"""Rows of one expectation step, which needs rows x components x d numbers."""


def fit_mixture(
    x: Tensor,
    components: int,
    generator: torch.Generator,
    *,
    iterations: int = 200,
    tolerance: float = 1e-6,
    floor: float = 1e-6,
) -> FullMixture:
    """Mixture with full covariances of largest likelihood for x (N, d), from one random start.

    Args:
        x: data (N, d); computed in float64.
        components: K.
        generator: chooses the start, by k-means++ (Arthur & Vassilvitskii, 2007).
        iterations: at most so many steps.
        tolerance: stops when a step raises the mean log-likelihood by less.
        floor: added to every variance, as a fraction of the data's mean variance; it keeps a
            component from collapsing onto a point.

    Raises:
        ValueError: x is not a finite (N, d) array, there are fewer rows than components, or a
            setting is out of range.
    """
    if x.ndim != 2 or not torch.isfinite(x).all():
        raise ValueError(f"fit_mixture needs finite data (N, d), got shape {tuple(x.shape)}")
    if not 1 <= components <= len(x):
        raise ValueError(f"components must be between 1 and {len(x)} rows, got {components}")
    if iterations < 1 or not floor > 0:
        raise ValueError(f"need iterations >= 1 and floor > 0, got {iterations} and {floor}")
    x = x.double()
    scale = x.var(0, correction=0).mean()
    if not scale > 0:
        raise ValueError("fit_mixture needs data that vary: all rows are equal")
    ridge = floor * scale * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    nearest = torch.cdist(x, _seeds(x, components, generator)).argmin(1)
    share = torch.nn.functional.one_hot(nearest, components).to(x)
    before = -torch.inf
    for _ in range(iterations):
        mixture = _maximise(x, share, ridge)
        share, likelihood = _expect(x, mixture)
        if likelihood - before < tolerance:
            break
        before = likelihood
    return mixture


def _seeds(x: Tensor, components: int, generator: torch.Generator) -> Tensor:
    """Rows of x (K, d), each drawn with probability ~ squared distance to the nearest before."""
    first = torch.randint(len(x), (1,), generator=generator).item()
    seeds = [x[int(first)]]
    distance = (x - seeds[0]).square().sum(1)
    for _ in range(components - 1):
        if not distance.sum() > 0:
            raise ValueError(
                f"the data have only {len(seeds)} different rows: ask for fewer components"
            )
        # The inverse of the cumulative sum: multinomial refuses more than 2^24 rows.
        u = torch.rand((), dtype=torch.float64, generator=generator).to(x)
        cumulative = distance.cumsum(0)
        index = torch.searchsorted(cumulative, u * cumulative[-1], right=True)
        seeds.append(x[index.clamp(max=len(x) - 1)])
        distance = torch.minimum(distance, (x - seeds[-1]).square().sum(1))
    return torch.stack(seeds)


def _expect(x: Tensor, mixture: FullMixture) -> tuple[Tensor, float]:
    """Posterior probability of every component (N, K), and the mean log-likelihood."""
    one, zero = torch.ones((1, 1)).to(x), torch.zeros((1, 1)).to(x)
    joint = torch.cat([mixture.log_responsibilities(part, one, zero) for part in x.split(_ROWS)])
    return joint.softmax(1), joint.logsumexp(1).mean().item()


def _maximise(x: Tensor, share: Tensor, ridge: Tensor) -> FullMixture:
    """The mixture of largest expected likelihood given the shares (N, K)."""
    # An abandoned component keeps a weight that its logarithm can bear.
    mass = share.sum(0).clamp(min=1e-10)
    means = share.T @ x / mass[:, None]
    covariances = []
    for k, mean in enumerate(means):
        residual = x - mean
        covariance = (share[:, k, None] * residual).T @ residual / mass[k] + ridge
        covariances.append((covariance + covariance.T) / 2)
    return FullMixture(mass / mass.sum(), means, torch.stack(covariances))
