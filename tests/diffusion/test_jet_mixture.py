"""The mixture fitted to jets, on which ``benchmarks/jet_oracle.py`` judges samplers, is exact."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from driftline.data.preprocessing import JetPreprocessing
from driftline.data.shipped import read_reference
from driftline.diffusion.analytic import AnalyticDenoiser, FullMixture, fit_mixture
from driftline.diffusion.schedules import VP

FLOOR = 1e-4


@pytest.fixture(scope="module")
def jets() -> Tensor:
    """The four hardest particles of encoded top jets, (N, 12) float64."""
    found = read_reference(Path("jets30"), ["t"], count=800)
    encode = JetPreprocessing.fit(found).encode_particles
    hardest = encode(found.particles, found.mask, found.labels)[:, :4]
    return torch.from_numpy(hardest[found.mask[:, 3]].reshape(-1, 12)).double()


@pytest.fixture(scope="module")
def mixture(jets: Tensor) -> FullMixture:
    generator = torch.Generator().manual_seed(1)
    return fit_mixture(jets, 3, generator, iterations=15, floor=FLOOR)


def noisy(mixture: FullMixture, t: float) -> Tensor:
    """Events x_t (5, 12) of the mixture."""
    generator = torch.Generator().manual_seed(2)
    at = torch.tensor(t, dtype=torch.float64)
    x = mixture.sample(5, generator)
    z = torch.randn(x.shape, dtype=torch.float64, generator=generator)
    return VP().alpha(at) * x + VP().sigma(at) * z


@pytest.mark.parametrize("t", [0.01, 0.1, 0.4, 1.0])
def test_score_is_the_gradient_of_the_density(mixture: FullMixture, t: float) -> None:
    """And the density is torch's own."""
    denoiser, times = AnalyticDenoiser(mixture, VP()), torch.full((5,), t, dtype=torch.float64)
    x = noisy(mixture, t).requires_grad_()
    density = denoiser.log_density(x, times)
    (gradient,) = torch.autograd.grad(density.sum(), x)
    score = denoiser.score(x.detach(), times)
    torch.testing.assert_close(score, gradient, rtol=1e-8, atol=1e-8)

    alpha, sigma = VP().alpha(times[0]), VP().sigma(times[0])
    spread = alpha**2 * mixture.covariances + sigma**2 * torch.eye(12, dtype=torch.float64)
    perturbed = MixtureSameFamily(
        Categorical(mixture.weights), MultivariateNormal(alpha * mixture.means, spread)
    )
    torch.testing.assert_close(density.detach(), perturbed.log_prob(x.detach()), rtol=1e-9, atol=0)


def test_moments_are_those_of_the_jets(mixture: FullMixture, jets: Tensor) -> None:
    """A step of maximisation keeps mean and covariance, but for the floor on the variances."""
    mean = mixture.weights @ mixture.means
    away = mixture.means - mean
    between = torch.einsum("k,kd,ke->de", mixture.weights, away, away)
    covariance = torch.einsum("k,kde->de", mixture.weights, mixture.covariances) + between
    floor = FLOOR * jets.var(0, correction=0).mean() * torch.eye(12, dtype=torch.float64)
    torch.testing.assert_close(mean, jets.mean(0), rtol=0, atol=1e-9)
    torch.testing.assert_close(covariance, jets.T.cov(correction=0) + floor, rtol=0, atol=1e-9)


def test_samples_have_its_moments(mixture: FullMixture, jets: Tensor) -> None:
    """Within five standard errors of the samples, for means and for every covariance."""
    n = 40_000
    x = mixture.sample(n, torch.Generator().manual_seed(3)) - jets.mean(0)
    products = torch.einsum("nd,ne->nde", x, x)
    assert bool((x.mean(0).abs() < 5 * x.std(0) / n**0.5).all())
    miss = products.mean(0) - jets.T.cov(correction=0)
    assert bool((miss.abs() < 5 * products.std(0) / n**0.5 + 2 * FLOOR).all())
