"""Exact denoisers against numerical integration, autograd, each other, and their own samples."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.mixture import GaussianMixture as SklearnMixture
from torch import Tensor

from driftline.diffusion.analytic import (
    AnalyticDenoiser,
    CloudMixture,
    FullMixture,
    GaussianMixture,
    LowRankMixture,
    Mixture,
    fit_mixture,
    full_gaussian,
    gaussian,
    low_rank_gaussian,
    ring,
    two_moons,
)
from driftline.diffusion.schedules import SCHEDULES, VP

WEIGHTS = torch.tensor([0.3, 0.7], dtype=torch.float64)
MEANS = torch.tensor([[-0.8, 0.1], [0.5, 0.4]], dtype=torch.float64)
ISOTROPIC = GaussianMixture(WEIGHTS, MEANS, torch.tensor([0.3, 0.4], dtype=torch.float64))
LOW_RANK = LowRankMixture(
    WEIGHTS,
    MEANS,
    torch.tensor([[0.05, 0.1], [0.2, 0.02]], dtype=torch.float64),
    torch.tensor([[[0.4], [-0.3]], [[0.1], [0.5]]], dtype=torch.float64),
)


def dense(mixture: LowRankMixture) -> FullMixture:
    covariances = torch.diag_embed(mixture.variances) + mixture.factors @ mixture.factors.mT
    return FullMixture(mixture.weights, mixture.means, covariances)


FULL = dense(LOW_RANK)
MIXTURES: dict[str, Mixture] = {
    "isotropic": ISOTROPIC,
    "full": FULL,
    "low rank": LOW_RANK,
    "ring": ring(kernels=24, width=0.2),
    "two moons": two_moons(kernels=24, width=0.2),
}
each_mixture = pytest.mark.parametrize("name", list(MIXTURES))


def one_level(alpha: float, sigma: float, rows: int = 1) -> tuple[Tensor, Tensor]:
    like = torch.ones((rows, 1), dtype=torch.float64)
    return alpha * like, sigma * like


def clean_density(mixture: Mixture, points: np.ndarray) -> np.ndarray:
    """Density by scipy, from the covariances found by applying C_k to unit vectors."""
    d = mixture.means.shape[1]
    unit = torch.eye(d, dtype=torch.float64)[:, None].expand(d, len(mixture.weights), d)
    covariances = mixture.covary(unit).permute(1, 0, 2).numpy()
    return sum(
        float(w) * stats.multivariate_normal(m.numpy(), c).pdf(points)
        for w, m, c in zip(mixture.weights, mixture.means, covariances, strict=True)
    )


@each_mixture
@pytest.mark.parametrize(("alpha", "sigma"), [(0.9, 0.3), (0.3, 1.0), (1.0, 0.5)])
def test_denoiser_and_density_equal_numerical_integrals(
    name: str, alpha: float, sigma: float
) -> None:
    """E[x0 | x] and p_t(x) by the trapezoidal rule over x0, which is exact for smooth peaks."""
    mixture = MIXTURES[name]
    axis = np.linspace(-4, 5, 226)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    prior = clean_density(mixture, grid) * (axis[1] - axis[0]) ** 2
    for point in ([0.2, -0.4], [1.1, 0.9]):
        likelihood = stats.multivariate_normal(point, sigma**2 * np.eye(2)).pdf(alpha * grid)
        evidence = (prior * likelihood).sum()
        mean = (prior * likelihood) @ grid / evidence
        x = torch.tensor([point], dtype=torch.float64)
        level = one_level(alpha, sigma)
        assert float(mixture.log_density(x, *level)) == pytest.approx(math.log(evidence), abs=1e-8)
        np.testing.assert_allclose(mixture.denoise(x, *level)[0].numpy(), mean, atol=1e-8)


@each_mixture
@pytest.mark.parametrize("schedule", [kind() for kind in SCHEDULES.values()], ids=str)
def test_score_is_the_gradient_of_the_log_density(name: str, schedule: VP) -> None:
    """Tweedie's formula, over the whole range of every schedule."""
    denoiser = AnalyticDenoiser(MIXTURES[name], schedule)
    t = torch.tensor([0.01, 0.1, 0.3, 0.6, 0.9, 1.0], dtype=torch.float64)
    z = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    scale = (schedule.alpha(t) ** 2 + schedule.sigma(t) ** 2).sqrt()
    x = (scale[:, None] * z).requires_grad_()
    (gradient,) = torch.autograd.grad(denoiser.log_density(x, t).sum(), x)
    torch.testing.assert_close(denoiser.score(x, t), gradient, rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    d=st.integers(1, 6),
    rank=st.integers(1, 4),
    alpha=st.floats(1e-3, 1),
    sigma=st.floats(1e-3, 10),
    seed=st.integers(0, 10**6),
)
def test_low_rank_equals_full(d: int, rank: int, alpha: float, sigma: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    low = LowRankMixture(WEIGHTS, normal(2, d), normal(2, d) ** 2 + 0.01, normal(2, d, rank))
    x, level = normal(5, d), one_level(alpha, sigma, 5)
    full = dense(low)
    torch.testing.assert_close(low.denoise(x, *level), full.denoise(x, *level))
    torch.testing.assert_close(low.log_density(x, *level), full.log_density(x, *level))


def test_isotropic_equals_full() -> None:
    full = FullMixture(
        WEIGHTS, MEANS, ISOTROPIC.stds[:, None, None] ** 2 * torch.eye(2, dtype=torch.float64)
    )
    x = torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    level = one_level(0.7, 0.5, 20)
    torch.testing.assert_close(ISOTROPIC.denoise(x, *level), full.denoise(x, *level))
    torch.testing.assert_close(ISOTROPIC.log_density(x, *level), full.log_density(x, *level))


@each_mixture
def test_samples_follow_the_density(name: str) -> None:
    """Moments of the draws, and of their log-density against the entropy by quadrature."""
    mixture, n = MIXTURES[name], 100_000
    x = mixture.sample(n, torch.Generator().manual_seed(2))
    axis = np.linspace(-4, 5, 301)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    p = clean_density(mixture, grid) * (axis[1] - axis[0]) ** 2
    first, second = p @ grid, grid.T @ (p[:, None] * grid)
    np.testing.assert_allclose(x.mean(0).numpy(), first, atol=0.015)
    np.testing.assert_allclose((x.T @ x / n).numpy(), second, atol=0.03)
    log_p = mixture.log_density(x[:20_000], *one_level(1, 0, 20_000))
    entropy = -(p * np.log(np.maximum(p, 1e-300) / (axis[1] - axis[0]) ** 2)).sum()
    assert float(log_p.mean()) == pytest.approx(-entropy, abs=0.04)


def test_ring_is_even_and_round() -> None:
    angle = torch.linspace(0, 0.2, 50, dtype=torch.float64)
    around = torch.stack([angle.cos(), angle.sin()], 1)
    density = ring().log_density(around, *one_level(1, 0, 50)).exp()
    assert float(density.max() / density.min()) < 1.001
    radius = ring(2.0, 0.05, 256).sample(20_000, torch.Generator().manual_seed(0)).norm(dim=1)
    assert float(radius.mean()) == pytest.approx(2.0, abs=0.003)
    assert float(radius.std()) == pytest.approx(0.05, rel=0.03)


def test_moons_lie_on_their_half_circles() -> None:
    moons = two_moons(width=0.01)
    upper, lower = moons.means.split(32)
    torch.testing.assert_close(upper.norm(dim=1), torch.ones(32, dtype=torch.float64))
    centre = torch.tensor([1.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close((lower - centre).norm(dim=1), torch.ones(32, dtype=torch.float64))
    assert bool((upper[:, 1] > 0).all() and (lower[:, 1] < 0.5).all())
    x = moons.sample(5_000, torch.Generator().manual_seed(0))
    distance, nearest = torch.cdist(x, moons.means).min(1)
    assert float(distance.max()) < 0.05
    assert 0.45 < float((nearest < 32).double().mean()) < 0.55


CLOUD = CloudMixture(FULL)


def test_masked_cloud_equals_unpadded() -> None:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(8, 3, 2, dtype=torch.float64, generator=generator)
    padded = torch.cat([x, torch.zeros(8, 4, 2, dtype=torch.float64)], 1)
    mask = torch.arange(7).expand(8, 7) < 3
    t = torch.linspace(0.05, 1, 8, dtype=torch.float64)
    for distribution in (CLOUD, FULL, LOW_RANK, ISOTROPIC):
        denoiser = AnalyticDenoiser(distribution, VP())
        wide = denoiser(padded, t, None, mask)
        torch.testing.assert_close(wide[:, :3], denoiser(x, t))
        assert not wide[:, 3:].any()
        torch.testing.assert_close(
            denoiser.log_density(padded, t, mask), denoiser.log_density(x, t)
        )


def test_cloud_density_is_the_mixture_of_products() -> None:
    """Written out for two particles as one Gaussian mixture of 4 entries."""
    zero = torch.zeros_like(FULL.covariances)
    blocks = [
        torch.cat([torch.cat([c, z], 1), torch.cat([z, c], 1)])
        for c, z in zip(FULL.covariances, zero, strict=True)
    ]
    joint = FullMixture(WEIGHTS, MEANS.repeat(1, 2), torch.stack(blocks))
    x = torch.randn(9, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    level = one_level(0.8, 0.6, 9)
    torch.testing.assert_close(
        CLOUD.log_density_of_events(x, *level), joint.log_density(x.flatten(1), *level)
    )
    torch.testing.assert_close(
        CLOUD.denoise_events(x, *level).flatten(1), joint.denoise(x.flatten(1), *level)
    )
    # Control: the particles are not independent.
    assert not torch.allclose(CLOUD.denoise_events(x, *level), FULL.denoise_events(x, *level))


def test_cloud_samples_share_one_component() -> None:
    tight = CloudMixture(GaussianMixture(WEIGHTS, MEANS, torch.full_like(WEIGHTS, 0.05)))
    mask = torch.arange(5).expand(4_000, 5) < torch.randint(
        1, 6, (4_000, 1), generator=torch.Generator().manual_seed(0)
    )
    x = tight.sample(mask, torch.Generator().manual_seed(5))
    assert not x[~mask].any()
    first = x[..., 0] < -0.15
    assert bool(((first == first[:, :1]) | ~mask).all())
    assert float(first[:, 0].double().mean()) == pytest.approx(0.3, abs=0.03)


def test_fit_equals_scikit_learns() -> None:
    x = FULL.sample(3_000, torch.Generator().manual_seed(6))
    fitted = fit_mixture(x, 2, torch.Generator().manual_seed(0), tolerance=1e-9)
    peer = SklearnMixture(2, tol=1e-9, max_iter=500, reg_covar=1e-7, random_state=0).fit(x.numpy())
    level = one_level(1, 0, len(x))
    assert float(fitted.log_density(x, *level).mean()) == pytest.approx(
        peer.score(x.numpy()), abs=1e-5
    )
    order, peers = fitted.means[:, 0].argsort(), peer.means_[:, 0].argsort()
    np.testing.assert_allclose(fitted.means[order].numpy(), peer.means_[peers], atol=2e-3)
    np.testing.assert_allclose(
        fitted.covariances[order].numpy(), peer.covariances_[peers], atol=2e-3
    )
    np.testing.assert_allclose(fitted.means[order].numpy(), MEANS.numpy(), atol=0.06)


def test_expectation_maximisation_never_lowers_the_likelihood() -> None:
    x = two_moons().sample(500, torch.Generator().manual_seed(7))
    level = one_level(1, 0, len(x))
    likelihoods = [
        float(
            fit_mixture(
                x, 4, torch.Generator().manual_seed(1), iterations=n, tolerance=0.0, floor=1e-9
            )
            .log_density(x, *level)
            .mean()
        )
        for n in (1, 2, 3, 5, 8, 13)
    ]
    assert bool((np.diff(likelihoods) > 0).all())


def test_float32_follows_float64() -> None:
    x = torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    t = torch.linspace(0.01, 1, 20, dtype=torch.float64)
    for mixture in MIXTURES.values():
        denoiser = AnalyticDenoiser(mixture, VP())
        single = denoiser(x.float(), t.float())
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), denoiser(x, t), rtol=1e-3, atol=1e-3)


def test_single_gaussians() -> None:
    mean = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    variances = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    factors = torch.tensor([[0.5], [0.1], [-0.7]], dtype=torch.float64)
    covariance = torch.diag(variances) + factors @ factors.T
    x = torch.tensor([[0.0, 1.0, -1.0]], dtype=torch.float64)
    a, s = 0.6, 0.8
    expected = mean + a * covariance @ torch.linalg.solve(
        a**2 * covariance + s**2 * torch.eye(3, dtype=torch.float64), x[0] - a * mean
    )
    for one in (full_gaussian(mean, covariance), low_rank_gaussian(mean, variances, factors)):
        torch.testing.assert_close(one.denoise(x, *one_level(a, s))[0], expected)
    assert float(gaussian(0.5, 2.0, 3).denoise(x, *one_level(1, 2))[0, 1]) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: GaussianMixture(2 * WEIGHTS, MEANS, WEIGHTS), "sum to one"),
        (lambda: GaussianMixture(WEIGHTS, MEANS[:1], WEIGHTS), "means"),
        (lambda: GaussianMixture(WEIGHTS, MEANS, WEIGHTS[:1]), "stds"),
        (lambda: FullMixture(WEIGHTS, MEANS, torch.ones(2, 2)), "covariances"),
        (
            lambda: FullMixture(WEIGHTS, MEANS, torch.tensor([[[1.0, 0.5], [0, 1]]] * 2)),
            "symmetric",
        ),
        (lambda: LowRankMixture(WEIGHTS, MEANS, MEANS, LOW_RANK.factors), "negative"),
        (lambda: LowRankMixture(WEIGHTS, MEANS, MEANS.abs(), MEANS), "factors"),
        (lambda: fit_mixture(torch.zeros(3), 1, torch.Generator()), "finite data"),
        (lambda: fit_mixture(torch.full((3, 1), math.nan), 1, torch.Generator()), "finite data"),
        (lambda: fit_mixture(torch.ones(3, 1), 1, torch.Generator()), "vary"),
        (lambda: fit_mixture(MEANS, 3, torch.Generator()), "components"),
        (lambda: fit_mixture(MEANS.repeat(5, 1), 4, torch.Generator()), "different rows"),
        (lambda: fit_mixture(MEANS, 1, torch.Generator(), iterations=0), "iterations"),
    ],
)
def test_what_makes_no_sense_is_refused(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]
