"""Guided images, of untrained models: encoded pixels are independent unit normals."""

from copy import copy

import numpy as np
import pytest
import torch

from conditionals import COUNT, check_conditional, correlated, whole
from driftline.diffusion.guidance import ClassifierFree, Inpainting
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import parse, sample
from driftline.errors import InputError
from driftline.generation import DEFAULT_SAMPLER, guided_sampler
from driftline.image_guidance import (
    Emphasis,
    KnownPixels,
    MeasuredImage,
)
from driftline.network_samplers import NetworkSamplers
from driftline.observables.images import decoded, total_charge
from made_images import made_images
from tiny_models import tiny_image_generator

IMAGES = made_images(60, planes=1, size=16)
STEPS = parse("dpm:steps=4")


@pytest.fixture(scope="module")
def generator():
    return tiny_image_generator(IMAGES)


def test_known_pixels_are_kept_and_the_others_drawn_as_ever(generator):
    known = np.random.default_rng(0).random((4, 1, 16, 16)) < 0.3
    guidance = KnownPixels(IMAGES.pixels[:4], known)
    made = generator.generate(4, "p", sampler=STEPS, seed=2, guidance=guidance)
    free = generator.generate(4, "p", sampler=STEPS, seed=2)
    assert np.array_equal(made.images.pixels[known], IMAGES.pixels[:4][known])
    # Independent pixels tell nothing about each other.
    np.testing.assert_allclose(
        made.images.pixels[~known], free.images.pixels[~known], rtol=2e-3, atol=2e-3
    )
    assert made.evaluations == 5 * free.evaluations
    rest = generator.generate(4, "p", sampler=STEPS, seed=2, batch=3, guidance=guidance)
    np.testing.assert_allclose(rest.images.pixels, made.images.pixels, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "known", [np.arange(16).reshape(1, 4, 4) % 4 < 2, np.arange(16).reshape(1, 4, 4) > 2]
)
def test_missing_pixels_are_drawn_from_their_conditional(known):
    """Where each pixel tells of each: what is kept exactly is taken to a tenth of the spread."""
    from driftline.data.image_preprocessing import ImagePreprocessing

    p = ImagePreprocessing.fit(made_images(60, planes=1, size=4))
    encoded = np.linspace(-0.6, 0.9, 16, dtype=np.float32).reshape(1, 4, 4)
    data, pixels = correlated(16), p.decode(encoded[None])[0]
    guidance = KnownPixels(pixels, known, iterations=16)
    guided = guidance.guided(whole(data), torch.zeros(COUNT, 3), p, None)
    values = torch.from_numpy(p.encode(pixels))
    check_conditional(guided, data, torch.from_numpy(known), values, 0.1)


@pytest.mark.parametrize("transform", ["asinh", "log"])
def test_errors_in_mev_become_errors_of_encoded_pixels(transform):
    from driftline.data.image_preprocessing import ImagePreprocessing

    p = ImagePreprocessing.fit(IMAGES, transform)
    pixels = np.linspace(0.1, 20, 256, dtype=np.float32).reshape(1, 16, 16)
    guidance = KnownPixels(pixels, np.array(True), error=0.5)
    guided = guidance.guided(None, torch.zeros(2, 3), p, None)
    assert isinstance(guided, Inpainting)
    slope = (p.encode(pixels * 1.001) - p.encode(pixels * 0.999)) / (0.002 * pixels)
    np.testing.assert_allclose(guided.noise[1], np.maximum(0.5 * slope, 0.01), rtol=0.02)
    np.testing.assert_allclose(guided.values[1], p.encode(pixels))
    # What is not known exactly is not put in.
    assert (guidance.completed(np.zeros((2, 1, 16, 16), np.float32), 0.05) == 0).all()


def test_a_measured_charge_is_obtained(generator):
    p = generator.preprocessing
    decode = decoded(p)
    pixels = IMAGES.pixels[:3]
    np.testing.assert_allclose(decode(torch.from_numpy(p.encode(pixels))), pixels, atol=1e-4)
    shape = p.shape
    typical = total_charge(
        decode(torch.from_numpy(Noise(9).normal(torch.arange(50), shape).numpy()))
    )
    asked = float(typical.mean() + typical.std())
    error = float(typical.std()) / 10
    guided = MeasuredImage(total_charge, [asked], error).guided(
        generator.denoiser, torch.zeros(20, p.condition_features), p, None
    )
    z = sample(
        guided,
        parse("dpm:steps=10"),
        noise=Noise(1),
        events=20,
        shape=shape,
        condition=torch.zeros(20, p.condition_features),
    ).x
    obtained = total_charge(decode(z))[:, 0]
    assert float(obtained.mean()) == pytest.approx(asked, abs=3 * error)
    assert float(obtained.std()) < 3 * error


def test_emphasis_leaves_out_what_training_left_out(generator):
    p = generator.preprocessing
    momentum = np.full((2, 3), 100.0)
    start = np.full((2, 1, 2), 3.0)
    told = torch.from_numpy(
        p.condition(2, np.array([0, 5]), momentum, np.array([[1], [2]], np.uint8), start)
    )
    columns = p.condition_columns
    for left_out, away in (
        (None, {"class", "momentum", "start"}),
        ({"class": 0.1, "momentum": 0.5}, {"class", "momentum"}),
        ({"class": 0.1}, {"class"}),
        ({"start": 0.5, "plane": 0.1}, {"start"}),
    ):
        guided = Emphasis(2.0).guided(generator.denoiser, told, p, left_out)
        assert isinstance(guided, ClassifierFree)
        for name, own in columns.items():
            expected = torch.zeros_like(told[:, own]) if name in away else told[:, own]
            assert (told[:, own] != 0).any()
            assert torch.equal(guided.null[:, own], expected)
    with pytest.raises(InputError, match="always told class, momentum and start"):
        Emphasis(2.0).guided(generator.denoiser, told, p, {})
    made = generator.generate(2, "p", sampler=STEPS, seed=2, guidance=Emphasis(2.0))
    assert made.evaluations == 8
    once = generator.generate(2, "p", sampler=STEPS, seed=2, guidance=Emphasis(1.0))
    assert once.evaluations == 4


@pytest.mark.parametrize(
    ("guidance", "words"),
    [
        (Emphasis(-1.0), "scale must be"),
        (KnownPixels(IMAGES.pixels[:3], np.array(True)), "pixels has shape"),
        (KnownPixels(IMAGES.pixels[:2], np.ones((2, 1, 8, 8), bool)), "known has shape"),
        (KnownPixels(IMAGES.pixels[:2], np.array(True), error=-1.0), "error"),
        (MeasuredImage(total_charge, [1.0], 0.0), "positive"),
        (MeasuredImage(total_charge, np.zeros((3, 1)), 1.0), "values has shape"),
    ],
)
def test_guidance_that_does_not_fit_is_refused(generator, guidance, words):
    with pytest.raises(InputError, match=words):
        generator.generate(2, "p", sampler=STEPS, guidance=guidance)


def test_a_guided_network_has_a_sampler_that_was_not_fitted_to_the_unguided_one(generator):
    own, usual = NetworkSamplers.parse("unipc:steps=2"), NetworkSamplers.parse(DEFAULT_SAMPLER)
    tuned = copy(generator)
    tuned.card = {**generator.card, "sampler": str(own)}
    guided = tuned.generate(1, "p", seed=2, guidance=Emphasis(2.0))
    assert guided.images.attributes["sampler"] == str(usual)
    assert tuned.generate(1, "p", seed=2).images.attributes["sampler"] == str(own)
    both = guided_sampler(own, ["jet level", "particle level"])
    assert both.samplers == own.samplers + usual.samplers


def test_students_are_not_guided(generator):
    student = copy(generator)
    student.card = {**generator.card, "distillation": {}}
    with pytest.raises(InputError, match="guidance: a distilled model .* take its teacher"):
        student.generate(1, "p", sampler=STEPS, guidance=Emphasis(2.0))
    assert len(student.generate(1, "p").images) == 1
