"""Prongs: their particles by FastJet's clustering, their numbers by hand."""

import numpy as np
import pytest

from driftline.data.clouds import Jets
from driftline.data.prongs import absolute_prongs, prongs, relative_prongs


def prongs_by_fastjet(jet: np.ndarray) -> list[tuple[float, ...]]:
    fastjet = pytest.importorskip("fastjet")
    eta, phi, pt = jet[jet[:, 2] > 0].T
    momenta = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)])
    definition = fastjet.JetDefinition(
        fastjet.kt_algorithm, fastjet.JetDefinition.max_allowable_R, fastjet.WTA_pt_scheme
    )
    particles = [fastjet.PseudoJet(*(float(p) for p in four)) for four in momenta.T]
    for index, particle in enumerate(particles):
        particle.set_user_index(index)
    clusters = fastjet.ClusterSequence(particles, definition)
    found = []
    for cluster in clusters.exclusive_jets(3):
        own = [p.user_index() for p in cluster.constituents()]
        centre = [np.average(angle[own], weights=pt[own]) for angle in (eta, phi)]
        distance = np.hypot(eta[own] - centre[0], phi[own] - centre[1])
        width = np.average(distance, weights=pt[own])
        found.append((*centre, pt[own].sum(), width))
    return sorted(found, key=lambda prong: -prong[2])


def test_prongs_are_fastjets(toy_jets: Jets) -> None:
    some = toy_jets[toy_jets.mask.sum(axis=1) >= 3][:100].particles.astype(np.float64)
    expected = [prongs_by_fastjet(jet) for jet in some]
    np.testing.assert_allclose(prongs(some), expected, rtol=1e-6, atol=1e-9)


def test_three_groups_of_particles_by_hand() -> None:
    groups = [(0.2, 0.0, 0.1, 0.02), (-0.1, 0.1, 0.05, 0.01), (0.0, -0.2, 0.2, 0.03)]
    jet = [(eta + s * w, phi, pt) for eta, phi, pt, w in groups for s in (-1, 1)]
    expected = [(eta, phi, 2 * pt, w) for eta, phi, pt, w in sorted(groups, key=lambda g: -g[2])]
    np.testing.assert_allclose(prongs(np.array([jet]))[0], expected, atol=1e-12)


def test_jets_of_few_particles_have_few_prongs() -> None:
    two = np.array([[[0.1, 0.2, 0.3], [0, 0, 0], [0.0, 0.0, 0.6]]])
    expected = [[[0.0, 0.0, 0.6, 0], [0.1, 0.2, 0.3, 0], [0, 0, 0, 0]]]
    np.testing.assert_allclose(prongs(two), expected)
    np.testing.assert_allclose(relative_prongs(prongs(two))[0], [0.5, 0, 0.1, 0.2] + 5 * [0])
    assert not prongs(np.zeros((2, 4, 3))).any()
    assert not relative_prongs(prongs(np.zeros((2, 4, 3)))).any()


def test_order_and_padding_of_particles_do_not_matter(toy_jets: Jets) -> None:
    some = toy_jets[:50].particles
    reversed_ = np.concatenate([np.zeros_like(some[:, :2]), some[:, ::-1]], axis=1)
    np.testing.assert_allclose(prongs(reversed_), prongs(some), atol=1e-12)


def test_relative_prongs_can_be_made_absolute(toy_jets: Jets) -> None:
    absolute = prongs(toy_jets[toy_jets.mask.sum(axis=1) >= 3][:200].particles)
    ptrel = absolute[..., 2].sum(axis=1)
    axis = (absolute[..., :2] * absolute[..., 2:3]).sum(axis=1) / ptrel[:, None]
    again = absolute_prongs(relative_prongs(absolute), axis, ptrel)
    np.testing.assert_allclose(again, absolute, atol=1e-12)
