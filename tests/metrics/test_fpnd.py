"""FPND: the network against plain loops, its symmetries, and what it says of simulated jets."""

import numpy as np
import pytest
import torch

from driftline.metrics import fpnd as module
from driftline.metrics.fpnd import (
    EdgeConv,
    fpnd,
    jetnet_statistics,
    nearest_neighbours,
    particlenet,
    particlenet_features,
)


@pytest.fixture
def jets():
    """Five clouds of 30, 30, 20, 12 and 5 particles, zero-padded."""
    rng = np.random.default_rng(3)
    clouds = np.zeros((5, 30, 3), dtype=np.float32)
    for cloud, count in zip(clouds, (30, 30, 20, 12, 5), strict=True):
        cloud[:count, :2] = rng.normal(0, 0.1, (count, 2))
        cloud[:count, 2] = np.sort(rng.dirichlet(np.full(count, 0.5)))[::-1]
    return clouds


@pytest.fixture(scope="module")
def simulated():
    pytest.importorskip("pythia8mc")
    pytest.importorskip("fastjet")
    from driftline.simulation.pythia import simulate_jets

    return {t: simulate_jets(t, 300, seed=7, workers=1).particles for t in "gt"}


def test_neighbours_are_the_nearest_others():
    points = torch.randn(4, 12, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = nearest_neighbours(points, 3)
    for cloud, neighbours in zip(points, found, strict=True):
        for i, row in enumerate(neighbours):
            distance = [(float((p - cloud[i]).norm()), j) for j, p in enumerate(cloud) if j != i]
            assert sorted(row.tolist()) == sorted(j for _, j in sorted(distance)[:3])


def test_edge_convolution_is_its_definition():
    torch.manual_seed(2)
    layer = EdgeConv(4, 6).double()
    for statistics in (m for m in layer.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        statistics.running_mean.normal_()
        statistics.running_var.uniform_(0.5, 2)
    layer.eval()
    x = torch.randn(3, 10, 4, dtype=torch.float64)
    neighbours = nearest_neighbours(x, 4)
    result = layer(x, neighbours)
    for b in range(3):
        for i in range(10):
            messages = [
                layer.model(torch.cat((x[b, i], x[b, j] - x[b, i]))[None]) for j in neighbours[b, i]
            ]
            assert torch.allclose(result[b, i], torch.cat(messages).mean(0), atol=1e-12)


def test_features_are_those_of_the_network_in_double_precision(jets):
    """Float32 and batching cost little; a loop over single jets is the reference."""
    network = particlenet()
    expected = []
    try:
        network.double()
        for jet in jets:
            scaled = torch.tensor(jet, dtype=torch.float64) / torch.tensor(module.INPUT_SCALE)
            expected.append(network((scaled + torch.tensor(module.INPUT_SHIFT))[None])[0].numpy())
    finally:
        network.float()
    result = particlenet_features(jets, batch=2)
    assert result == pytest.approx(np.array(expected), abs=2e-3)


def test_order_of_particles_does_not_matter(jets):
    shuffled = np.random.default_rng(4).permuted(np.arange(30))
    assert particlenet_features(jets[:, shuffled]) == pytest.approx(
        particlenet_features(jets), abs=2e-3
    )


def test_padding_is_fed(jets):
    """Filling a jet's empty slots with copies of a particle is not the same as padding."""
    filled = jets.copy()
    filled[4, 5:] = filled[4, 4]
    difference = np.abs(particlenet_features(filled) - particlenet_features(jets)).max(1)
    assert difference[4] > 0.1
    assert difference[:4].max() < 2e-3


def test_statistics_are_of_256_features():
    for jet_type in "gqt":
        mu, sigma = jetnet_statistics(jet_type)
        assert mu.shape == (256,)
        assert np.array_equal(sigma, sigma.T)
        assert np.linalg.eigvalsh(sigma).min() > -1e-6


def test_samples_of_the_real_moments_score_near_zero():
    """Gaussian features with the real moments: only the bias of finite size is left."""
    mu, sigma = jetnet_statistics("t")
    features = np.random.default_rng(5).multivariate_normal(mu, sigma, 4000, method="eigh")
    assert 0 < fpnd(features, "t") < 0.3
    assert fpnd(features, "g") > 50
    assert fpnd(features + 0.1, "t") == pytest.approx(fpnd(features, "t") + 256 * 0.01, abs=0.4)


def test_simulated_jets_score_low_in_their_own_class(simulated):
    for own, other in ("gt", "tg"):
        features = particlenet_features(simulated[own])
        # 300 jets: a bias of about one, from the covariance of 256 features
        assert fpnd(features, own) < 4
        assert fpnd(features, other) > 80
        assert fpnd(simulated[own][:20], own) == fpnd(features[:20], own)


def test_ptrel_of_the_kept_particles_is_punished(simulated):
    """The known trap: ptrel relative to the 30 kept particles, not to the full jet."""
    jets = simulated["g"].copy()
    jets[..., 2] /= jets[..., 2].sum(1, keepdims=True)
    assert fpnd(jets, "g") > fpnd(simulated["g"], "g") + 10


@pytest.mark.parametrize("shape", [(5, 30, 4), (5, 150, 3), (5, 90)])
def test_wrong_shapes(shape):
    with pytest.raises(ValueError, match="30, 3"):
        particlenet_features(np.zeros(shape, dtype=np.float32))


def test_wrong_type_and_too_few(jets):
    with pytest.raises(ValueError, match="g, q and t"):
        fpnd(jets, "w")
    with pytest.raises(ValueError, match="two jets"):
        fpnd(jets[:1], "g")
