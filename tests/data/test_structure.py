"""The structure of a jet: its parts, and what it becomes in the mirror."""

import numpy as np
import pytest

from driftline.data.clouds import Jets
from driftline.data.energy_moments import covariance, energy_moments, four_momentum
from driftline.data.prongs import prongs, splittings
from driftline.data.structure import (
    STRUCTURE_FEATURES,
    mirrored,
    moments_of,
    prongs_of,
    structure,
)


def by_pt(found: np.ndarray) -> np.ndarray:
    """Prongs (N, 3, 4) in falling order of pT."""
    return np.stack([sorted(jet, key=lambda prong: -prong[2]) for jet in found])


@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_structure_of_mirrored_jets(toy_jets: Jets, signs: tuple[int, int]) -> None:
    some = toy_jets[:100].particles.astype(np.float64)
    expected = structure(some * [*signs, 1])
    found = mirrored(structure(some), np.tile(np.array(signs, dtype=np.float64), (100, 1)))
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_structure_of_two_particles_in_the_mirror() -> None:
    """The inner splitting, which is not there, points along the outer one in either."""
    two = np.array([[[0.03, 0.02, 0.3], [0.0, 0.0, 0.6]]])
    for signs in ([-1, 1], [1, -1]):
        found = mirrored(structure(two), np.array([signs]))
        np.testing.assert_allclose(found, structure(two * [*signs, 1]), atol=1e-12)
    assert structure(two)[0, 12:14] == pytest.approx([1, 0])


def test_moments_and_prongs_come_back(toy_jets: Jets) -> None:
    some = toy_jets[toy_jets.mask.sum(axis=1) >= 3][:100].particles * [0.1, 0.1, 1]
    features = structure(some)
    assert features.shape == (100, len(STRUCTURE_FEATURES))
    np.testing.assert_allclose(moments_of(features), energy_moments(some), atol=1e-9)
    # The axis is that of the vector sum, prongs are averages of angles: of second order.
    np.testing.assert_allclose(prongs_of(features), by_pt(prongs(some)), atol=5e-4)


def test_small_jets_come_back() -> None:
    two = np.array([[[0.03, 0.02, 0.3], [0, 0, 0], [0.0, 0.0, 0.6]]])
    for jet in (two, two[:, :1], two[:, 2:]):
        features = structure(jet)
        assert np.isfinite(features).all()
        np.testing.assert_allclose(moments_of(features), energy_moments(jet), atol=2e-6)
        found, expected = prongs_of(features), by_pt(prongs(jet))
        there = expected[..., 2] > 0
        assert (found[..., 2][~there] == 0).all()  # where they would be does not matter
        np.testing.assert_allclose(found[there], expected[there], atol=1e-4)


def test_any_numbers_give_prongs_that_agree_with_the_mass(toy_jets: Jets) -> None:
    """rho of the prongs is mass / pT / exp(excess), however long a model draws the directions."""
    features = structure(toy_jets[toy_jets.mask.sum(axis=1) >= 3][:100].particles)
    missed = features.copy()
    missed[:, 10:12] *= np.random.default_rng(1).uniform(0.5, 2, size=(100, 1))
    missed[:, 12:14] *= np.random.default_rng(2).uniform(0.5, 2, size=(100, 1))
    np.testing.assert_allclose(prongs_of(missed), prongs_of(features), atol=1e-12)
    missed[:, 4:14] = np.random.default_rng(3).uniform(0.1, 1, size=(100, 10))
    rho = np.sqrt(np.trace(covariance(prongs_of(missed)[..., :3]), axis1=1, axis2=2))
    expected = missed[:, 3] / missed[:, 2] / np.exp(missed[:, 6])
    np.testing.assert_allclose(rho, expected, rtol=1e-9)
    missed[:, 4:6] = np.random.default_rng(4).normal(size=(100, 2)) * 3
    assert (np.hypot(*moments_of(missed)[:, 4:].T) < 1).all()


def test_a_jet_turned_about_itself_looks_the_same_from_its_first_splitting(toy_jets: Jets) -> None:
    some = toy_jets[toy_jets.mask.sum(axis=1) >= 3][:100].particles * [0.01, 0.01, 1]
    turned = some.copy()
    turned[..., 0], turned[..., 1] = -some[..., 1], some[..., 0]
    here, there = structure(some), structure(turned)
    np.testing.assert_allclose(there[:, 2:10], here[:, 2:10], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(there[:, 12:], here[:, 12:], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(there[:, 10:12], here[:, [11, 10]] * [-1, 1], atol=1e-6)


def test_mass_of_the_pair(toy_jets: Jets) -> None:
    """Small angles: its four-momentum's, over the outer vector times the pT of the prongs."""
    some = toy_jets[toy_jets.mask.sum(axis=1) >= 3][:100].particles * [0.01, 0.01, 1]
    found = prongs(some)
    pair = four_momentum(found[:, :2, :3])[:, 3] / found[..., 2].sum(axis=1)
    expected = np.log(pair / abs(splittings(found).outer))
    np.testing.assert_allclose(structure(some)[:, 9], expected, atol=1e-4)


def test_excess_of_mass_and_ellipticity_by_hand() -> None:
    """Three pairs of particles: prongs tell all but what the pairs' widths add."""
    centres = np.array([[0.02, 0.0], [-0.02, 0.01], [0.0, -0.03]])
    width = 0.002
    angles = (centres[:, None] + width * np.array([[-1.0, 0.0], [1.0, 0.0]])).reshape(-1, 2)
    jet = np.concatenate([angles, np.repeat([[0.3], [0.1], [0.05]], 2, axis=0)], axis=1)
    c = np.cov(centres.T, aweights=[3, 1, 0.5], ddof=0)
    whole = c + np.diag([width**2, 0])
    features = structure(jet[None])[0]
    excess = np.log(np.trace(whole) / np.trace(c)) / 2
    assert features[6] == pytest.approx(excess, abs=1e-3)
    e = [np.array([m[0, 0] - m[1, 1], 2 * m[0, 1]]) / np.trace(m) for m in (whole, c)]
    outer = splittings(prongs(jet[None])).outer[0]
    expected = (e[0] - e[1]) @ [1, 1j] / (outer / abs(outer)) ** 2
    np.testing.assert_allclose(features[4:6] @ [1, 1j], expected, atol=1e-9)
    np.testing.assert_allclose(features[14:], width, rtol=1e-9)
