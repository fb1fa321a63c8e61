"""Prongs: their particles by FastJet's clustering, their numbers by hand."""

import numpy as np
import pytest

from driftline.data.clouds import Jets
from driftline.data.energy_moments import covariance, ellipticity_of
from driftline.data.prongs import prongs, prongs_from, splittings


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
    # The third prong is left as it is when the pair is merged.
    two = [
        {p.user_index() for p in cluster.constituents()} for cluster in clusters.exclusive_jets(2)
    ]
    alone = [{p.user_index() for p in c.constituents()} in two for c in clusters.exclusive_jets(3)]
    order = sorted(range(3), key=lambda k: (alone[k], -found[k][2]))
    return [found[k] for k in order]


def test_prongs_are_fastjets(toy_jets: Jets) -> None:
    some = toy_jets[toy_jets.mask.sum(axis=1) >= 3][:100].particles.astype(np.float64)
    expected = [prongs_by_fastjet(jet) for jet in some]
    np.testing.assert_allclose(prongs(some), expected, rtol=1e-6, atol=1e-9)


PAIR_AND_THIRD = [(-0.1, 0.1, 0.05, 0.01), (0.0, 0.2, 0.04, 0.03), (0.2, 0.0, 0.1, 0.02)]
"""etarel, phirel, half of ptrel, width."""


def test_three_groups_of_particles_by_hand() -> None:
    groups = [PAIR_AND_THIRD[k] for k in (2, 1, 0)]
    jet = [(eta + s * w, phi, pt) for eta, phi, pt, w in groups for s in (-1, 1)]
    expected = [(eta, phi, 2 * pt, w) for eta, phi, pt, w in PAIR_AND_THIRD]
    np.testing.assert_allclose(prongs(np.array([jet]))[0], expected, atol=1e-12)


def test_splittings_by_hand() -> None:
    found = splittings(np.array([PAIR_AND_THIRD]))
    assert found.softer == pytest.approx(0.8)
    assert found.third == pytest.approx(1 / 0.9)
    np.testing.assert_allclose(found.shares[0], np.array([5, 4, 10]) / 19)
    centre = (5 * (-0.1 + 0.1j) + 4 * 0.2j) / 9
    assert found.outer == pytest.approx(np.sqrt(90) / 19 * (0.2 - centre))
    assert found.inner == pytest.approx(np.sqrt(20 / 9 / 19) * (0.1 + 0.1j))
    np.testing.assert_allclose(found.widths, [[0.01, 0.03, 0.02]])


def test_vectors_of_splittings_are_the_covariance(toy_jets: Jets) -> None:
    """The trace is |o|^2 + |i|^2, and o^2 + i^2 is trace times ellipticity."""
    some = prongs(toy_jets[toy_jets.mask.sum(axis=1) >= 3][:100].particles)
    matrix, split = covariance(some[..., :3]), splittings(some)
    trace = np.trace(matrix, axis1=1, axis2=2)
    np.testing.assert_allclose(abs(split.outer) ** 2 + abs(split.inner) ** 2, trace, rtol=1e-9)
    squares = (split.outer**2 + split.inner**2) / trace
    np.testing.assert_allclose(
        np.column_stack([squares.real, squares.imag]), ellipticity_of(matrix), atol=1e-9
    )


def test_jets_of_few_particles_have_few_prongs() -> None:
    two = np.array([[[0.1, 0.2, 0.3], [0, 0, 0], [0.0, 0.0, 0.6]]])
    expected = [[[0.0, 0.0, 0.6, 0], [0, 0, 0, 0], [0.1, 0.2, 0.3, 0]]]
    np.testing.assert_allclose(prongs(two), expected)
    found = splittings(prongs(two))
    assert (found.softer[0], found.third[0], found.inner[0]) == (0, 0.5, 0)
    assert found.outer[0] == pytest.approx(np.sqrt(2) / 3 * (0.1 + 0.2j))
    nothing = np.zeros((2, 4, 3))
    assert not prongs(nothing).any()
    assert not splittings(prongs(nothing)).outer.any()


def test_order_and_padding_of_particles_do_not_matter(toy_jets: Jets) -> None:
    some = toy_jets[:50].particles
    reversed_ = np.concatenate([np.zeros_like(some[:, :2]), some[:, ::-1]], axis=1)
    np.testing.assert_allclose(prongs(reversed_), prongs(some), atol=1e-12)


def test_prongs_come_back_from_splittings(toy_jets: Jets) -> None:
    some = prongs(toy_jets[toy_jets.mask.sum(axis=1) >= 3][:200].particles)
    ptrel = some[..., 2].sum(axis=1)
    axis = (some[..., :2] * some[..., 2:3]).sum(axis=1) / ptrel[:, None]
    np.testing.assert_allclose(prongs_from(splittings(some), axis, ptrel), some, atol=1e-12)
