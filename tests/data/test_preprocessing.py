"""Preprocessing: the maps are invertible, keep the padding, and give nearly normal numbers."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from driftline.data.clouds import JET_TYPES, Jets
from driftline.data.preprocessing import JetPreprocessing
from driftline.data.structure import STRUCTURE_FEATURES, moments_of, prongs_of, structure
from driftline.errors import InputError


@pytest.fixture(scope="module")
def jets(make_jets) -> Jets:
    return make_jets(5000, seed=7)


@pytest.fixture(scope="module")
def fitted(jets) -> JetPreprocessing:
    return JetPreprocessing.fit(jets)


def uniform(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=count)


def test_features_become_normal(jets, fitted):
    """Every feature of every class: Kolmogorov's distance to the normal at 5,000 jets is 0.02."""
    from scipy.stats import kstest

    z = fitted.encode_features(jets.features, jets.labels, uniform(len(jets)))
    assert z.dtype == np.float32
    for k in range(5):
        for j in range(4):
            assert kstest(z[jets.labels == k, j], "norm").statistic < 0.025, (k, j)
    assert np.abs(z).max() < 8


def test_held_out_features_are_normal_too(fitted, make_jets):
    other = make_jets(5000, seed=8)
    z = fitted.encode_features(other.features, other.labels, uniform(len(other)))
    assert np.abs(z.mean(axis=0)).max() < 0.03
    assert np.abs(z.std(axis=0) - 1).max() < 0.03


def test_structure_becomes_normal_and_comes_back(jets, fitted):
    stored = structure(jets.particles)
    u = np.random.default_rng(1).uniform(size=(len(jets), 8))
    z = fitted.encode_structure(stored, jets.labels, u)
    assert np.abs(z.mean(axis=0)).max() < 0.05
    assert np.abs(z.std(axis=0) - 1).max() < 0.15
    back = fitted.decode_structure(z, jets.labels)
    np.testing.assert_allclose(back, stored, atol=1e-5)


def test_structure_of_jets_with_one_or_two_particles_comes_back(jets, fitted):
    few = jets.particles[:300].copy()
    few[:, 2:] = 0
    few[:100, 1:] = 0
    u = np.random.default_rng(1).uniform(size=(300, 8))
    back = fitted.decode_structure(
        fitted.encode_structure(structure(few), jets.labels[:300], u), jets.labels[:300]
    )
    assert (back[:, -3:] == 0).all()  # prongs of one particle have no width
    np.testing.assert_allclose(back, structure(few), atol=3e-5)


@pytest.mark.parametrize("size", [1.0, 10.0, 1000.0])
def test_any_numbers_decode_to_structure(fitted, size):
    """Also where a few-step sampler may put them: ratios and ptrel at most 1, all finite."""
    z = np.random.default_rng(2).normal(scale=size, size=(500, len(STRUCTURE_FEATURES)))
    labels = np.arange(500) % 5
    decoded = fitted.decode_structure(z.astype(np.float32), labels)
    shares = decoded[:, [2, 7]]
    assert np.isfinite(decoded).all()
    assert (shares > 0).all()
    assert (shares <= 1).all()
    assert (decoded[:, 8] > 0).all()
    assert np.isfinite(moments_of(decoded)).all()
    features = np.zeros((500, 4), dtype=np.float32)
    condition = fitted.particle_condition(labels, features, z.astype(np.float32))
    assert np.isfinite(condition).all()


def test_particles_are_told_where_the_prongs_are(jets, fitted):
    some = jets[:200]
    u = np.random.default_rng(3).uniform(size=(200, 8))
    z = fitted.encode_structure(structure(some.particles), some.labels, u)
    features = fitted.encode_features(some.features, some.labels, u[:, 0])
    condition = fitted.particle_condition(some.labels, features, z)
    assert condition.dtype == np.float32
    momenta = condition[:, 15:].reshape(200, 3, 4)[..., :3]
    found = fitted.decode_particles(momenta, np.ones((200, 3), dtype=bool), some.labels)
    expected = prongs_of(fitted.decode_structure(z, some.labels))[..., :3]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_particles_have_unit_variance(jets, fitted):
    z = fitted.encode_particles(jets.particles, jets.mask, jets.labels)
    for k in range(5):
        chosen = jets.labels == k
        real = z[chosen][jets.mask[chosen]]
        np.testing.assert_allclose(real.mean(axis=0), 0, atol=2e-3)
        np.testing.assert_allclose(real.std(axis=0), 1, atol=2e-3)


def test_sample_comes_back_in_float32(jets, fitted):
    z = fitted.encode_features(jets.features, jets.labels, uniform(len(jets)))
    back = fitted.decode_features(z, jets.labels)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back[:, :3], jets.features[:, :3], rtol=3e-6, atol=3e-6)
    np.testing.assert_array_equal(back[:, 3], jets.features[:, 3])
    encoded = fitted.encode_particles(jets.particles, jets.mask, jets.labels)
    particles = fitted.decode_particles(encoded, jets.mask, jets.labels)
    assert particles.dtype == np.float32
    np.testing.assert_allclose(particles, jets.particles, rtol=3e-6, atol=1e-7)


@settings(deadline=None, max_examples=100)
@given(
    label=st.integers(0, 4),
    pt=st.floats(1, 1e5),
    eta=st.floats(-8, 8),
    mass=st.floats(0.01, 1e5),
    number=st.integers(1, 30),
    u=st.floats(0, 1, exclude_max=True),
)
def test_any_features_come_back(fitted, label, pt, eta, mass, number, u):
    """Also far outside the sample, and for multiplicities that the class never showed."""
    features, labels = np.array([[pt, eta, mass, number]]), np.array([label])
    z = fitted.encode_features(features, labels, np.array([u]))
    assert np.isfinite(z).all()
    back = fitted.decode_features(z, labels)
    np.testing.assert_allclose(back, features, rtol=1e-9, atol=1e-9)
    z32 = fitted.encode_features(features.astype(np.float32), labels, np.array([u]))
    assert fitted.decode_features(z32, labels)[0, 3] == number


@settings(deadline=None, max_examples=100)
@given(z=hnp.arrays(np.float64, (6, 3), elements=st.floats(-30, 30)), label=st.integers(0, 4))
def test_any_numbers_decode_to_features_that_encode_to_them(fitted, z, label):
    """The other direction, for what a model may produce however wild; and it is monotone."""
    z, labels = np.sort(np.column_stack([z, z[:, 0]]), axis=0), np.full(6, label)
    features = fitted.decode_features(z, labels)
    assert (np.diff(features, axis=0) >= -1e-12).all()
    assert (features[:, [0, 2]] > 0).all()
    assert ((features[:, 3] >= 1) & (features[:, 3] <= 30)).all()
    ordinary = (features[:, [0, 2]] > 1e-3).all(axis=1)
    back = fitted.encode_features(features, labels, np.full(6, 0.5))
    np.testing.assert_allclose(back[ordinary, :3], z[ordinary, :3], rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=100)
@given(
    angles=hnp.arrays(np.float64, (4, 3, 2), elements=st.floats(-2, 2)),
    ptrel=hnp.arrays(np.float64, (4, 3), elements=st.floats(1e-6, 0.999)),
    mask=hnp.arrays(np.bool_, (4, 3)),
    label=st.integers(0, 4),
)
def test_any_particles_come_back_and_padding_stays_zero(fitted, angles, ptrel, mask, label):
    particles = np.concatenate([angles, ptrel[..., None]], axis=-1) * mask[..., None]
    labels = np.full(4, label)
    z = fitted.encode_particles(particles, mask, labels)
    assert (z[~mask] == 0).all()
    back = fitted.decode_particles(z, mask, labels)
    assert (back[~mask] == 0).all()
    np.testing.assert_allclose(back, particles, rtol=1e-9, atol=1e-12)


def test_padding_is_ignored_whatever_it_holds(jets, fitted):
    some = jets[::100]
    z = fitted.encode_particles(some.particles, some.mask, some.labels)
    filled = np.where(some.mask[..., None], some.particles, np.float32(0.3))
    np.testing.assert_array_equal(fitted.encode_particles(filled, some.mask, some.labels), z)
    noisy = np.where(some.mask[..., None], z, np.float32(5.0))
    decoded = fitted.decode_particles(noisy, some.mask, some.labels)
    np.testing.assert_array_equal(decoded, fitted.decode_particles(z, some.mask, some.labels))


def test_ptrel_stays_inside_its_interval_in_float32(fitted):
    z = np.array([[[0, 0, -80.0], [0, 0, 80.0]]], dtype=np.float32)
    decoded = fitted.decode_particles(z, np.ones((1, 2), dtype=bool), np.array([0]))
    assert ((decoded[..., 2] > 0) & (decoded[..., 2] < 1)).all()


def test_uniform_number_says_where_in_its_interval_a_multiplicity_lies(fitted):
    """u -> 0 and u -> 1 are the edges of the interval, where its neighbours begin."""
    features = np.array([[1000.0, 0.0, 80.0, n] for n in (24, 24, 25, 25)])
    z = fitted.encode_features(features, np.full(4, 3), np.array([1e-4, 1 - 1e-4] * 2))[:, 3]
    assert z[0] < z[1] < z[2] < z[3]
    assert z[2] - z[1] < 1e-3 * (z[1] - z[0])


def test_one_class_does_not_see_another(jets, fitted):
    """Constants of a class are those of a fit to that class alone."""
    top = jets.of_type("t")
    alone = JetPreprocessing.fit(top)
    u = uniform(len(top))
    np.testing.assert_array_equal(
        alone.encode_features(top.features, top.labels, u),
        fitted.encode_features(top.features, top.labels, u),
    )
    np.testing.assert_array_equal(
        alone.encode_particles(top.particles, top.mask, top.labels),
        fitted.encode_particles(top.particles, top.mask, top.labels),
    )


def test_json_keeps_every_bit(fitted):
    back = JetPreprocessing.from_dict(json.loads(json.dumps(fitted.to_dict())))
    for field in fields(JetPreprocessing):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(fitted, field.name))
        assert type(getattr(back, field.name)) is type(getattr(fitted, field.name))


def test_one_hot(fitted):
    np.testing.assert_array_equal(fitted.one_hot(np.array([2, 0])), np.eye(5)[[2, 0]])


def test_large_angle_scale_is_linear(jets):
    linear = JetPreprocessing.fit(jets, angle_scale=1e4)
    z = linear.encode_particles(jets.particles, jets.mask, jets.labels)
    first = jets.labels == 0
    real = jets.particles[first][jets.mask[first]][:, 0]
    expected = (real - real.mean()) / real.std()
    np.testing.assert_allclose(z[first][jets.mask[first]][:, 0], expected, atol=1e-4)


def test_equal_values_can_still_be_fitted(jets):
    """Masses of one value (and of zero): knots are kept apart, nothing is lost or infinite."""
    features = jets.features.copy()
    features[:, 2] = np.where(jets.labels == 1, 0.0, 80.0)  # GeV
    flat = replace(jets, features=features)
    fitted = JetPreprocessing.fit(flat)
    assert (np.diff(fitted.quantiles, axis=-1) > 0).all()
    z = fitted.encode_features(features.astype(np.float64), flat.labels, uniform(len(flat)))
    assert np.isfinite(z).all()
    back = fitted.decode_features(z, flat.labels)
    np.testing.assert_allclose(back[:, 2], np.where(jets.labels == 1, 1e-3, 80.0), rtol=1e-9)


def test_unknown_class_and_impossible_multiplicity_are_refused(jets, fitted):
    only = JetPreprocessing.fit(jets.of_type("t"))
    gluon = jets.of_type("g")[:1]
    with pytest.raises(InputError, match="class g was not trained; choose from t"):
        only.encode_features(gluon.features, gluon.labels, np.zeros(1))
    with pytest.raises(InputError, match="class g"):
        only.encode_particles(gluon.particles, gluon.mask, gluon.labels)
    for number in (0, 31, 2.5):
        features = np.array([[1000, 0, 80, number]])
        with pytest.raises(InputError, match=r"num_particles .* 1 to 30"):
            fitted.encode_features(features, np.array([0]), np.zeros(1))
    with pytest.raises(InputError, match="9 jets of class"):
        JetPreprocessing.fit(jets[:9])
    assert only.jets_per_class == (0, 0, 5000, 0, 0)
    assert only.types == JET_TYPES
