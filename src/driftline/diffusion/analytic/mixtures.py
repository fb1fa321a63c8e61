r"""Gaussian mixtures under perturbation: density and denoiser in closed form.

If :math:`x_0 \sim \sum_k w_k N(m_k, C_k)` then :math:`x_t = \alpha x_0 + \sigma \varepsilon` has
:math:`p_t = \sum_k w_k N(\alpha m_k, \alpha^2 C_k + \sigma^2)`, and

.. math:: E[x_0 | x_t] = \sum_k r_k [m_k + \alpha C_k (\alpha^2 C_k + \sigma^2)^{-1}
    (x_t - \alpha m_k)]

with :math:`r_k` the posterior probability of component k. The classes differ in how they hold C_k.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


class Mixture(ABC):
    """A mixture of K Gaussians in d dimensions.

    Times enter as alpha and sigma (B, 1); everything follows x in dtype and device.

    Attributes:
        weights: (K,) positive, of sum one.
        means: (K, d).
    """

    weights: Tensor
    means: Tensor

    @abstractmethod
    def solve(self, residual: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """S_k^-1 r_k for residuals (B, K, d), and ln det S_k (B, K); S = alpha^2 C + sigma^2."""

    @abstractmethod
    def covary(self, vectors: Tensor) -> Tensor:
        """C_k v_k for vectors (B, K, d)."""

    @abstractmethod
    def colour(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """Draws (N, d) float64 from N(0, C_k) for the components chosen (N,)."""

    def log_normals(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """ln N(x; alpha m_k, S_k) (B, K) and S_k^-1 (x - alpha m_k) (B, K, d), for x (B, d)."""
        residual = x[:, None] - alpha[..., None] * self.means.to(x)
        solved, log_det = self.solve(residual, alpha, sigma)
        distance = (residual * solved).sum(-1)
        return -(distance + log_det + x.shape[1] * math.log(2 * math.pi)) / 2, solved

    def log_responsibilities(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Logarithm of w_k N(x; alpha m_k, S_k), (B, K), for x (B, d)."""
        return self.weights.to(x).log() + self.log_normals(x, alpha, sigma)[0]

    def log_density(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Log-density ln p_t(x) of the perturbed mixture, (B,), for x (B, d)."""
        return self.log_responsibilities(x, alpha, sigma).logsumexp(1)

    def denoise(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """E[x_0 | x_t = x], (B, d): a responsibility-weighted mean of each component's own."""
        log_normal, solved = self.log_normals(x, alpha, sigma)
        share = (self.weights.to(x).log() + log_normal).softmax(1)
        return (share[..., None] * self.pull(solved, alpha)).sum(1)

    def pull(self, solved: Tensor, alpha: Tensor) -> Tensor:
        """Each component's own estimate, m_k + alpha C_k S_k^-1 (x - alpha m_k), (B, K, d)."""
        return self.means.to(solved) + alpha[..., None] * self.covary(solved)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws (count, d) float64."""
        k = torch.multinomial(self.weights.double(), count, True, generator=generator)
        return self.means.double()[k] + self.colour(k, generator)

    def log_density_of_events(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Log-density (B,) of events (B, ...) whose rows of d entries are independent draws.

        With a mask (B, P), P the number of rows, padded rows do not count.
        """
        rows, a, s = self.rows(x, alpha, sigma)
        log_density = self.log_density(rows, a, s).reshape(len(x), -1)
        return (log_density if mask is None else log_density * mask).sum(1)

    def denoise_events(
        self, x: Tensor, alpha: Tensor, sigma: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Clean estimate of events (B, ...) whose rows of d entries are independent draws."""
        rows, a, s = self.rows(x, alpha, sigma)
        estimate = self.denoise(rows, a, s).reshape(x.shape)
        return estimate if mask is None else estimate * mask[..., None]

    def rows(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Events (B, ...) as rows (R, d), with each row's alpha and sigma (R, 1)."""
        rows = x.reshape(-1, self.means.shape[1])
        repeat = len(rows) // max(len(x), 1)
        return rows, alpha.repeat_interleave(repeat, 0), sigma.repeat_interleave(repeat, 0)


def check_mixture(mixture: Mixture) -> None:
    """Raise ValueError unless weights (K,) are positive with sum one and means are (K, d)."""
    weights, means = mixture.weights, mixture.means
    if weights.ndim != 1 or means.ndim != 2 or len(means) != len(weights):
        raise ValueError(
            f"a mixture needs weights (K,) and means (K, d), got shapes {tuple(weights.shape)} "
            f"and {tuple(means.shape)}"
        )
    if not (weights > 0).all() or abs(float(weights.double().sum()) - 1) > 1e-4:
        raise ValueError("weights must be positive and sum to one: divide them by their sum")


@dataclass(frozen=True)
class GaussianMixture(Mixture):
    """A mixture of isotropic Gaussians in d dimensions.

    Attributes:
        weights: (K,) positive, of sum one.
        means: (K, d).
        stds: (K,).

    Raises:
        ValueError: a shape does not fit, or a weight is not positive.
    """

    weights: Tensor
    means: Tensor
    stds: Tensor

    def __post_init__(self) -> None:
        check_mixture(self)
        if self.stds.shape != self.weights.shape:
            raise ValueError(f"stds must have shape (K,), got {tuple(self.stds.shape)}")

    def solve(self, residual: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        variance = alpha**2 * self.stds.to(residual) ** 2 + sigma**2
        return residual / variance[..., None], residual.shape[-1] * variance.log()

    def covary(self, vectors: Tensor) -> Tensor:
        return self.stds.to(vectors)[:, None] ** 2 * vectors

    def colour(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        shape = len(chosen), self.means.shape[1]
        z = torch.randn(shape, dtype=torch.float64, generator=generator)
        return self.stds.double()[chosen, None] * z


@dataclass(frozen=True)
class FullMixture(Mixture):
    """A mixture of Gaussians with full covariances, held by their eigenvectors.

    Attributes:
        weights: (K,) positive, of sum one.
        means: (K, d).
        covariances: (K, d, d) symmetric, positive semi-definite.

    Raises:
        ValueError: a shape does not fit, a weight is not positive, or a matrix is not symmetric.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def __post_init__(self) -> None:
        check_mixture(self)
        c = self.covariances
        if c.shape != (*self.means.shape, self.means.shape[1]):
            raise ValueError(f"covariances must have shape (K, d, d), got {tuple(c.shape)}")
        if not torch.allclose(c, c.mT, rtol=1e-5, atol=1e-8 * float(c.abs().max())):
            raise ValueError("covariances must be symmetric")

    @cached_property
    def _eigen(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (K, d), not negative, and eigenvectors (K, d, d) in columns, float64."""
        values, vectors = torch.linalg.eigh(self.covariances.double())
        return values.clamp(min=0), vectors

    def solve(self, residual: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = (v.to(residual) for v in self._eigen)
        variance = alpha[..., None] ** 2 * values + sigma[..., None] ** 2
        along = torch.einsum("bkd,kde->bke", residual, vectors) / variance
        return torch.einsum("bke,kde->bkd", along, vectors), variance.log().sum(-1)

    def covary(self, vectors: Tensor) -> Tensor:
        return torch.einsum("kde,bke->bkd", self.covariances.to(vectors), vectors)

    def colour(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        values, vectors = self._eigen
        shape = len(chosen), self.means.shape[1]
        z = torch.randn(shape, dtype=torch.float64, generator=generator)
        result = torch.empty_like(z)
        for k in chosen.unique().tolist():
            here = chosen == k
            result[here] = (z[here] * values[k].sqrt()) @ vectors[k].T
        return result


@dataclass(frozen=True)
class LowRankMixture(Mixture):
    r"""A mixture of Gaussians of covariance diagonal plus low rank, :math:`C = diag(v) + F F^T`.

    Nothing of size d x d is ever formed: by Woodbury's identity, with :math:`A = \alpha^2 diag(v) +
    \sigma^2` and :math:`M = 1 + \alpha^2 F^T A^{-1} F` (r x r),
    :math:`S^{-1} = A^{-1} - \alpha^2 A^{-1} F M^{-1} F^T A^{-1}` and
    :math:`\det S = \det A \det M`.

    Attributes:
        weights: (K,) positive, of sum one.
        means: (K, d).
        variances: v, (K, d), not negative.
        factors: F, (K, d, r).

    Raises:
        ValueError: a shape does not fit, a weight is not positive, or a variance is negative.
    """

    weights: Tensor
    means: Tensor
    variances: Tensor
    factors: Tensor

    def __post_init__(self) -> None:
        check_mixture(self)
        v, f = self.variances, self.factors
        if v.shape != self.means.shape or f.ndim != 3 or f.shape[:2] != v.shape:
            raise ValueError(
                "variances must have shape (K, d) and factors (K, d, r), "
                f"got {tuple(v.shape)} and {tuple(f.shape)}"
            )
        if (v < 0).any():
            raise ValueError("variances must not be negative")

    def solve(self, residual: Tensor, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        a, factors = alpha[..., None], self.factors.to(residual)
        diagonal = a**2 * self.variances.to(residual) + sigma[..., None] ** 2
        weighted = residual / diagonal
        inner = torch.einsum("kdr,bkd,kds->bkrs", factors, 1 / diagonal, factors)
        one = torch.eye(factors.shape[-1], dtype=residual.dtype, device=residual.device)
        root = torch.linalg.cholesky(one + a[..., None] ** 2 * inner)
        along = torch.einsum("kdr,bkd->bkr", factors, weighted)
        middle = torch.cholesky_solve(along[..., None], root)[..., 0]
        back = torch.einsum("kdr,bkr->bkd", factors, middle)
        log_det = diagonal.log().sum(-1) + 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return weighted - a**2 * back / diagonal, log_det

    def covary(self, vectors: Tensor) -> Tensor:
        factors = self.factors.to(vectors)
        along = torch.einsum("kdr,bkd->bkr", factors, vectors)
        return self.variances.to(vectors) * vectors + torch.einsum("kdr,bkr->bkd", factors, along)

    def colour(self, chosen: Tensor, generator: torch.Generator) -> Tensor:
        (d, r), n = self.factors.shape[1:], len(chosen)
        own = torch.randn((n, d), dtype=torch.float64, generator=generator)
        common = torch.randn((n, r), dtype=torch.float64, generator=generator)
        result = self.variances.double()[chosen].sqrt() * own
        for k in chosen.unique().tolist():
            here = chosen == k
            result[here] += common[here] @ self.factors[k].double().T
        return result
