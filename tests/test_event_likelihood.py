"""Log-likelihoods under untrained models, whose encoded density is that of unit normals."""

import math
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import driftline
from driftline.data.shipped import read_reference
from driftline.diffusion.divergence import ExactTrace, Rademacher
from driftline.diffusion.likelihood import Likelihood
from driftline.errors import InputError
from driftline.event_likelihood import encoded_images, encoded_jets, event_likelihood
from driftline.training.jets import ParticleLevelEvents
from made_images import made_images
from tiny_models import tiny_generator, tiny_image_generator

HOW = Likelihood(20, Rademacher(2))


@pytest.fixture(scope="module")
def generator(toy_jets):
    return tiny_generator(toy_jets)


@pytest.fixture(scope="module")
def image_generator():
    return tiny_image_generator(made_images(60, planes=1, size=8))


def normal(z, n):
    return -(z.double() ** 2).flatten(1).sum(1).numpy() / 2 - n * math.log(2 * math.pi) / 2


def test_jets(generator, toy_jets):
    jets = toy_jets[[0, 250, 450, 650, 999]]
    found = event_likelihood(generator, jets, HOW, seed=3)
    n = jets.mask.sum(axis=1)
    assert (found.dimensions == 21 + 3 * n).all()
    encoded = encoded_jets(generator, jets, jets.labels, seed=3)
    both = zip(found.by_network.items(), (21, 3 * n), (21, 2), strict=True)
    for (name, part), size, products in both:
        np.testing.assert_allclose(part.value, normal(encoded[name].x, size), rtol=0, atol=5e-3)
        assert part.evaluations == 80 and part.products == 80 * products
        assert (part.dimensions == size).all()
    total = sum(part.value for part in found.by_network.values())
    np.testing.assert_allclose(found.value, total)
    np.testing.assert_allclose(
        found.bits_per_dimension * found.dimensions * math.log(2), -found.value
    )


def test_jets_are_encoded_as_in_training(generator, toy_jets):
    jets = toy_jets[::100]
    encoded = encoded_jets(generator, jets, jets.labels, seed=0)["particle level"]
    events = ParticleLevelEvents(jets, generator.preprocessing, reflections=False)
    batch = events.batch(torch.arange(len(jets)), torch.Generator().manual_seed(0))
    torch.testing.assert_close(encoded.x, batch.x0)
    assert torch.equal(encoded.mask, batch.mask)
    assert encoded.condition.shape == batch.condition.shape
    # All but multiplicity, axis and pT of the sum, which are dequantised.
    same = torch.isclose(encoded.condition, batch.condition, rtol=1e-3, atol=5e-3).all(0)
    assert same.sum() >= len(same) - 4


def test_an_event_does_not_depend_on_the_batch(generator, toy_jets):
    jets = toy_jets[:7]
    whole = event_likelihood(generator, jets, Likelihood(4), seed=1)
    parts = event_likelihood(generator, jets, Likelihood(4), seed=1, batch=3)
    np.testing.assert_allclose(whole.value, parts.value, rtol=1e-5)
    first = event_likelihood(generator, jets[:2], Likelihood(4), seed=1)
    np.testing.assert_allclose(first.value, whole.value[:2], rtol=1e-5)


def test_an_event_does_not_depend_on_those_of_other_classes(generator, toy_jets):
    mixed = toy_jets[np.random.default_rng(0).permutation(len(toy_jets))[:12]]
    whole = event_likelihood(generator, mixed, Likelihood(2), seed=1)
    assert len(mixed.present) > 2
    for name in mixed.present:
        alone = event_likelihood(generator, mixed.of_type(name), Likelihood(2), seed=1)
        mine = mixed.labels == mixed.types.index(name)
        np.testing.assert_allclose(whole.value[mine], alone.value, rtol=1e-5)


def test_probes_are_those_of_the_number_within_the_class():
    """Of a trained model: to an untrained one all probes are alike."""
    shipped = driftline.load("jets30")
    jets = read_reference(Path("jets30"), ["q", "t"], count=2, **shipped.form)
    how = Likelihood(1, Rademacher(1))
    whole = event_likelihood(shipped, jets, how).by_network["particle level"].value
    tops = event_likelihood(shipped, jets.of_type("t"), how).by_network["particle level"].value
    np.testing.assert_allclose(whole[jets.labels == jets.types.index("t")], tops, rtol=1e-4)


def test_the_trace_of_few_numbers_is_exact(generator, toy_jets):
    found = event_likelihood(generator, toy_jets[:3], Likelihood(2, Rademacher(1)))
    assert (found.by_network["jet level"].standard_error == 0).all()
    assert np.isnan(found.by_network["particle level"].standard_error).all()


def test_another_class_is_another_hypothesis(generator, toy_jets):
    tops = toy_jets.of_type("t")[:4]
    own = event_likelihood(generator, tops, Likelihood(4))
    judged = event_likelihood(generator, tops, Likelihood(4), event_type="q")
    one_each = event_likelihood(generator, tops, Likelihood(4), event_type=["q"] * 4)
    assert (np.abs(own.value - judged.value) > 0.1).all()
    np.testing.assert_array_equal(judged.value, one_each.value)


def test_images(image_generator):
    images = made_images(5, planes=1, size=8, seed=4)
    found = event_likelihood(image_generator, images, Likelihood(20, Rademacher(1)))
    encoded = encoded_images(image_generator, images, images.labels)["image"]
    np.testing.assert_allclose(found.value, normal(encoded.x, 64), rtol=0, atol=0.02)
    assert (found.dimensions == 64).all() and np.isnan(found.standard_error).all()
    exact = event_likelihood(image_generator, images[:1], Likelihood(1, ExactTrace()))
    assert (exact.standard_error == 0).all()
    assert exact.by_network["image"].products == 64 * 4


def test_events_of_unknown_class_are_judged_as_one(image_generator):
    """As those of real frames are."""
    images = made_images(3, planes=1, size=8, seed=4)
    known = image_generator.types[0]
    frames = replace(images, types=("unknown",), labels=np.zeros(3, np.int64))
    found = event_likelihood(image_generator, frames, HOW, event_type=known)
    same = replace(images, types=(known,), labels=np.zeros(3, np.int64))
    np.testing.assert_array_equal(found.value, event_likelihood(image_generator, same, HOW).value)
    with pytest.raises(InputError, match="unknown"):
        event_likelihood(image_generator, frames, HOW)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"event_type": "b"}, "unknown class 'b'"),
        ({"event_type": ["q"]}, "1 classes for 3 events"),
    ],
)
def test_classes_that_do_not_fit_are_refused(generator, toy_jets, options, words):
    with pytest.raises(InputError, match=words):
        event_likelihood(generator, toy_jets[:3], HOW, **options)


def test_events_that_do_not_fit_are_refused(generator, image_generator, make_jets, toy_jets):
    with pytest.raises(InputError, match="there are none"):
        event_likelihood(generator, toy_jets[:0])
    with pytest.raises(InputError, match="no jets, which the model makes"):
        event_likelihood(generator, made_images(2, planes=1, size=8))
    with pytest.raises(InputError, match="no images, which the model makes"):
        event_likelihood(image_generator, toy_jets[:2])
    with pytest.raises(InputError, match="up to 10 particles"):
        event_likelihood(generator, make_jets(2, particles=10))
    with pytest.raises(InputError, match="shape"):
        event_likelihood(image_generator, made_images(2, planes=1, size=16))


def test_students_have_no_likelihood(generator, toy_jets):
    student = copy(generator)
    student.card = {**generator.card, "distillation": {}}
    with pytest.raises(InputError, match="likelihood: a distilled model"):
        event_likelihood(student, toy_jets[:2])
