"""N-subjettiness with FastJet's axes, and D2 against its definition."""

from itertools import combinations

import numpy as np
import pytest

from driftline.metrics.energy_flow import LINE, TRIANGLE, energy_flow_polynomials, pairwise_angles
from driftline.metrics.substructure import RADIUS, d2, ratio, subjettiness


def random_jets(count, particles, seed=0):
    rng = np.random.default_rng(seed)
    angles = rng.normal(scale=0.1, size=(count, particles, 2))
    momenta = rng.exponential(size=(count, particles, 1)) ** 2
    return np.concatenate([angles, momenta], axis=2)


def fastjet_subjettiness(jet):
    fastjet = pytest.importorskip("fastjet")
    eta, phi, pt = jet.T
    momenta = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)])
    definition = fastjet.JetDefinition(
        fastjet.kt_algorithm, fastjet.JetDefinition.max_allowable_R, fastjet.WTA_pt_scheme
    )
    particles = [fastjet.PseudoJet(*(float(p) for p in four)) for four in momenta.T]
    clusters = fastjet.ClusterSequence(particles, definition)
    taus = []
    for number in (1, 2, 3):
        axes = np.array([[a.eta(), a.phi_std()] for a in clusters.exclusive_jets(number)])
        angles = np.hypot(eta[:, None] - axes[:, 0], phi[:, None] - axes[:, 1])
        taus.append((pt * angles.min(axis=1)).sum() / (pt.sum() * RADIUS))
    return taus


def test_axes_are_fastjets():
    jets = random_jets(50, 30)
    expected = [fastjet_subjettiness(jet) for jet in jets]
    assert subjettiness(jets) == pytest.approx(np.array(expected), rel=1e-10)


def test_particles_on_n_axes_have_tau_n_zero():
    axes = np.array([[0.2, 0.0], [-0.1, 0.15], [0.0, -0.2]])
    jet = np.concatenate([np.tile(axes, (4, 1)), np.full((12, 1), 0.05)], axis=1)
    tau = subjettiness(jet[None])[0]
    assert tau[2] == pytest.approx(0.0, abs=1e-12)
    assert tau[1] > 0.0


def test_two_particles_by_hand():
    jet = np.array([[[0.0, 0.0, 0.6], [0.3, 0.4, 0.2]]])
    assert subjettiness(jet)[0] == pytest.approx([0.2 * 0.5 / (0.8 * RADIUS), 0.0, 0.0])


def test_tau_falls_with_the_number_of_axes_and_ignores_order_and_padding():
    jets = random_jets(40, 12)
    tau = subjettiness(jets)
    padded = np.concatenate([np.zeros((40, 3, 3)), jets[:, ::-1]], axis=1)
    assert np.all(np.diff(tau, axis=1) <= 1e-15)
    assert subjettiness(padded) == pytest.approx(tau)
    mask = np.ones((40, 12), bool)
    mask[:, 8:] = False
    assert subjettiness(jets, mask=mask) == pytest.approx(subjettiness(jets[:, :8]))


def test_a_jet_without_particles_has_no_substructure():
    tau = subjettiness(np.zeros((1, 5, 3)))
    assert np.array_equal(tau, np.zeros((1, 3)))
    assert ratio(tau[:, 1], tau[:, 0]) == 0.0


def test_d2_is_the_ratio_of_its_correlators():
    jets = random_jets(4, 6)
    found = d2(*energy_flow_polynomials(jets, ((), LINE, TRIANGLE)).T)
    for jet, value in zip(jets, found, strict=True):
        z = jet[:, 2] / jet[:, 2].sum()
        theta = pairwise_angles(jet[None, :, 0], jet[None, :, 1])[0]
        e2 = sum(z[i] * z[j] * theta[i, j] for i, j in combinations(range(6), 2))
        e3 = sum(
            z[i] * z[j] * z[k] * theta[i, j] * theta[i, k] * theta[j, k]
            for i, j, k in combinations(range(6), 3)
        )
        assert value == pytest.approx(e3 / e2**3, rel=1e-10)
