"""Pixels to what a model learns and back: nothing above the threshold is lost, none below stays."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.data.image_conditions import (
    CONDITIONS,
    SPATIAL_FEATURES,
    direction_within,
    encode_momentum,
    encode_start,
    start_pixels,
)
from driftline.data.image_preprocessing import (
    ImagePreprocessing,
    apply_threshold,
    eight_bit,
)
from driftline.data.images import IMAGE_TYPES, Images
from driftline.errors import InputError


def sparse(count=20, planes=1, size=8, *, seed=0, scale=1.0, threshold=0.05, negative=False):
    """Images with charge in a fifth of the pixels, of any size above the threshold."""
    rng = np.random.default_rng(seed)
    shape = (count, planes, size, size)
    charge = threshold + scale * rng.exponential(size=shape) ** 3
    if negative:
        charge *= rng.choice([-1, 1], shape)
    pixels = np.where(rng.random(shape) < 0.2, charge, 0).astype(np.float32)
    return Images(
        pixels,
        rng.integers(0, len(IMAGE_TYPES), count),
        IMAGE_TYPES,
        np.tile(np.arange(planes, dtype=np.uint8), (count, 1)),
        np.arange(count),
        momentum=rng.normal(0, 300, (count, 3)).astype(np.float32),
        start=rng.normal(0, size, (count, 3)).astype(np.float32),
        threshold=threshold,
    )


@settings(deadline=None, max_examples=100)
@given(
    transform=st.sampled_from(["asinh", "log"]),
    negative=st.booleans(),
    magnitude=st.integers(-2, 5),
    threshold=st.sampled_from([0.0, 0.05, 1.0]),
    width=st.sampled_from([0.02, 0.3, 5.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_decoding_inverts_encoding(transform, negative, magnitude, threshold, width, seed):
    scale = 10.0**magnitude
    negative = negative and transform == "asinh"
    images = sparse(seed=seed, scale=scale, threshold=threshold * scale, negative=negative)
    fitted = ImagePreprocessing.fit(images, transform, scale=width * scale)
    back = fitted.decode(fitted.encode(images.pixels))
    assert back.dtype == np.float32
    assert np.array_equal(back == 0, images.pixels == 0) or threshold == 0
    np.testing.assert_allclose(back, images.pixels, rtol=3e-6, atol=1e-6 * scale)
    assert np.array_equal(apply_threshold(back, images.threshold), back)


def test_a_pixel_at_the_threshold_stays_and_one_below_does_not():
    images = sparse()
    fitted = ImagePreprocessing.fit(images)
    at = np.float32(0.05)
    pixels = np.full((1, 1, 8, 8), at)
    pixels[..., 0] = np.nextafter(at, np.float32(0))
    back = fitted.decode(fitted.encode(pixels))
    assert (back[..., 0] == 0).all()
    assert (back[..., 1:] == at).all()


def test_what_is_drawn_near_zero_comes_out_as_zero():
    images = sparse()
    fitted = ImagePreprocessing.fit(images)
    zero = fitted.encode(np.zeros((1, 1, 8, 8)))
    step = fitted.encode(np.full((1, 1, 8, 8), 0.05, np.float32)) - zero
    assert (fitted.decode(zero + 0.99 * step) == 0).all()
    assert (fitted.decode(zero - 10) == 0).all()
    np.testing.assert_allclose(fitted.decode(zero + 1.001 * step), 0.05, rtol=2e-3)


@pytest.mark.parametrize("transform", ["asinh", "log"])
def test_encoded_images_are_standardised(transform):
    images = sparse(200)
    z = ImagePreprocessing.fit(images, transform).encode(images.pixels).astype(np.float64)
    assert abs(z.mean()) < 1e-6
    assert abs(z.var() - 1) < 1e-5


def test_default_scale_is_the_median_charge():
    images = sparse()
    expected = np.median(images.pixels[images.pixels > 0])
    assert ImagePreprocessing.fit(images).scale == pytest.approx(expected)


def test_encoding_applies_its_own_threshold():
    images = sparse(threshold=0.01)
    fitted = ImagePreprocessing.fit(images, threshold=0.5)
    back = fitted.decode(fitted.encode(images.pixels))
    kept = images.pixels >= np.float32(0.5)
    assert 0 < kept.sum() < (images.pixels > 0).sum()
    assert np.array_equal(back > 0, kept)


@pytest.mark.parametrize("value", [1e30, -1e30])
def test_a_wild_number_decodes_to_a_finite_pixel(value):
    fitted = ImagePreprocessing.fit(sparse())
    assert np.isfinite(fitted.decode(np.full((1, 1, 8, 8), value))).all()


def test_constants_survive_json():
    fitted = ImagePreprocessing.fit(sparse(planes=3))
    again = ImagePreprocessing.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    with pytest.raises(ValueError, match="wavelet"):
        ImagePreprocessing.from_dict(fitted.to_dict() | {"transform": "wavelet"})


def test_conditions_tell_class_momentum_and_planes():
    images = sparse(planes=3)
    fitted = ImagePreprocessing.fit(images)
    z = fitted.condition_of(images)
    known = SPATIAL_FEATURES + 2 * 3
    assert z.shape == (20, fitted.condition_features)
    assert z.shape[1] == len(IMAGE_TYPES) + known + 1 + 3 + 2 * 3 + 1
    assert z.dtype == np.float32
    told, momentum, planes, start = (z[:, fitted.condition_columns[name]] for name in CONDITIONS)
    assert np.array_equal(told.argmax(axis=1), images.labels)
    assert np.array_equal(told.sum(axis=1), np.ones(20))
    assert np.array_equal(momentum[:, :SPATIAL_FEATURES], encode_momentum(images.momentum))
    within = direction_within(images.momentum, images.planes)
    assert np.array_equal(momentum[:, SPATIAL_FEATURES:known], within)
    assert (momentum[:, known:] == 1).all()
    assert (planes == 1).all()
    assert np.array_equal(start[:, :-1], encode_start(start_pixels(images), 8, 8))
    assert (start[:, -1] == 1).all()
    begin, direction = fitted.coordinate_columns
    assert np.array_equal(z[:, begin : begin + 6], start[:, :-1])
    assert np.array_equal(z[:, direction : direction + 6], within)


def test_what_is_not_given_is_zero():
    images = sparse()
    fitted = ImagePreprocessing.fit(images)
    given = np.random.default_rng(1).random((20, 4)) < 0.5
    z, full = fitted.condition_of(images, given), fitted.condition_of(images)
    momentum = fitted.condition_columns["momentum"]
    within = slice(momentum.start + SPATIAL_FEATURES, momentum.stop - 1)
    no_plane = np.flatnonzero(given[:, 1] & ~given[:, 2])
    assert len(no_plane)
    assert (z[no_plane, within] == 0).all()  # a direction within a plane tells which
    full[no_plane, within] = 0
    for told, columns in enumerate(fitted.condition_columns.values()):
        assert np.array_equal(z[given[:, told], columns], full[given[:, told], columns])
        assert (z[~given[:, told], columns] == 0).all()
    assert (fitted.condition(4) == 0).all()
    # at rest is something else than not told
    assert fitted.condition(1, momentum=np.zeros((1, 3)))[0, momentum.stop - 1] == 1


@pytest.mark.parametrize("name", ["momentum", "start"])
def test_a_vector_that_is_not_known_is_not_told(name):
    images = sparse(planes=3)
    fitted = ImagePreprocessing.fit(images)
    full, vectors = fitted.condition_of(images), getattr(images, name).copy()
    vectors[3] = np.nan
    told = np.ones((20, 4), dtype=bool)
    z = fitted.condition_of(replace(images, **{name: vectors}), told)
    full[3, fitted.condition_columns[name]] = 0
    assert np.array_equal(z, full)
    assert told.all()
    vectors[7, 1] = np.nan
    with pytest.raises(InputError, match=f"{name}: of image 7 is infinite.* or NaN in part"):
        fitted.condition_of(replace(images, **{name: vectors}))


def test_classes_are_found_by_name():
    images = sparse()
    fitted = ImagePreprocessing.fit(images)
    turned = replace(images, types=IMAGE_TYPES[::-1], labels=5 - images.labels)
    assert np.array_equal(fitted.condition_of(turned), fitted.condition_of(images))


def changed(**changes):
    return lambda images: replace(images, **changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(unit="electrons"), "unit is electrons, the model's MeV"),
        (changed(pitch=0.3), "pitch is 0.3"),
        (changed(threshold=0.1), "threshold is 0.1 MeV, above the model's 0.05"),
        (lambda i: replace(i, pixels=i.pixels[..., :4]), r"shape is \(1, 8, 4\)"),
        (lambda i: replace(i, pixels=-i.pixels), "image 0 has negative charge"),
        (lambda i: replace(i, pixels=i.pixels + np.float32(np.nan)), "image 0 is NaN"),
        (changed(types=("tracks",), labels=np.zeros(20, int)), "class tracks is unknown"),
    ],
)
def test_other_images_are_refused(change, message):
    images = sparse()
    fitted = ImagePreprocessing.fit(images)
    fitted.check(images)
    with pytest.raises(InputError, match=message):
        fitted.check(change(images))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"transform": "sqrt"}, "transform 'sqrt': unknown"),
        ({"scale": 0.0}, "scale 0 MeV"),
        ({"threshold": -1.0}, "threshold -1 MeV"),
        ({"threshold": 1e9}, "no pixel reaches the threshold"),
    ],
)
def test_bad_constants_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ImagePreprocessing.fit(sparse(), **arguments)


def test_negative_charge_is_refused_where_it_was_not_fitted():
    bipolar = sparse(negative=True)
    with pytest.raises(InputError, match="negative charge"):
        ImagePreprocessing.fit(bipolar, "log")
    with pytest.raises(InputError, match="negative charge"):
        ImagePreprocessing.fit(sparse()).encode(bipolar.pixels)
    assert ImagePreprocessing.fit(bipolar).signed


def test_untrained_classes_and_nan_are_refused():
    images = sparse()
    fitted = ImagePreprocessing.fit(images[images.labels != 5])
    with pytest.raises(InputError, match="class p was not trained"):
        fitted.condition_of(images)
    with pytest.raises(InputError, match="NaN"):
        fitted.decode(np.full((1, 1, 8, 8), np.nan))


def test_eight_bit_stretches_every_plane():
    images = sparse(planes=3)
    images.pixels[0, 0] = 7  # flat
    images.pixels[1, 0, 0, :3] = [0, 4, 8]
    images.pixels[1, 0, 0, 3:] = images.pixels[1, 0, 1:] = 0
    made = eight_bit(images)
    assert made.unit == "8-bit"
    assert np.array_equal(made.pixels, np.floor(made.pixels))
    assert (made.pixels[0, 0] == 0).all()
    assert made.pixels[1, 0, 0, :3].tolist() == [0, 128, 255]  # 127.5 rounds up
    assert (made.pixels[1:].max(axis=(2, 3)) == 255).all()
    assert (made.pixels[1:].min(axis=(2, 3)) == 0).all()
