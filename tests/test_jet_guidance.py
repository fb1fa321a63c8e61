"""Guided jets, of untrained models: encoded particles are independent unit normals."""

import numpy as np
import pytest
import torch

import driftline
from conditionals import COUNT, check_conditional, correlated, whole
from driftline.data.energy_moments import energy_moments
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import parse, sample
from driftline.errors import InputError
from driftline.jet_guidance import KnownParticles, MeasuredParticles
from tiny_models import tiny_generator

STEPS = parse("dpm:steps=4")
TWO = np.array([[0.05, -0.02, 0.001], [0.0, 0.0, 0.0], [-0.1, 0.03, 0.4]])


@pytest.fixture(scope="module")
def generator(toy_jets):
    return tiny_generator(toy_jets)


def test_known_particles_are_in_every_jet(generator):
    asked = {"sampler": STEPS, "seed": 3, "num_particles": 12}
    made = generator.generate(6, "t", guidance=KnownParticles(TWO), **asked)
    jets = made.jets
    for row in TWO[[0, 2]].astype(np.float32):
        assert ((jets.particles == row).all(axis=2).sum(axis=1) == 1).all()
    assert (jets.mask.sum(axis=1) == 12).all()
    assert (jets.particles[~jets.mask] == 0).all() and (jets.particles[jets.mask][:, 2] > 0).all()
    assert (np.diff(jets.particles[..., 2], axis=1) <= 0).all()
    assert made.particle_level.evaluations == 5 * 4
    own = np.stack([TWO, TWO * 0.5, TWO * 0.9] * 2)
    each = generator.generate(6, "t", batch=4, guidance=KnownParticles(own), **asked).jets
    assert (each.particles[1] == (TWO[2] * 0.5).astype(np.float32)).all(axis=1).any()
    np.testing.assert_allclose(each.particles[3], jets.particles[3], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("first", [41, 47])
def test_jets_told_a_structure_unlike_the_known_particles_stay_jets(first):
    """Without a bound, or with a sharper error, particles were thrown to the largest angle."""
    lead = np.array([[0.0, 0.0, 0.5], [0.1, -0.05, 0.2]])
    shipped = driftline.load("jets30")
    particles = shipped.generate(
        2, "q", seed=1, first=first, guidance=KnownParticles(lead)
    ).jets.particles
    assert np.abs(particles[..., :2]).max() < 1
    assert (particles[..., 2].sum(axis=1) < 1.02).all()


def test_the_other_particles_are_brought_to_the_pt_of_the_jet():
    particles = np.zeros((4, 5, 3), dtype=np.float32)
    particles[:, :4] = [[-0.2, 0.1, 0.9], [0.3, 0.2, 0.6], [0.0, 0.1, 0.8], [0.1, -0.1, 0.4]]
    particles[3, 2:] = 0  # no others
    known = np.tile(TWO[[0, 2]], (4, 1, 1))
    known[2, 1, 2] = 0.99  # more than the jet has
    moments = np.zeros((4, 6), dtype=np.float32)
    moments[:, 2:4] = [[1.0, 0.1], [0.6, 0.1], [0.9, 0.1], [1.0, 0.1]]
    made, counts = KnownParticles(known).finished(particles, moments)
    sums = energy_moments(made)
    np.testing.assert_allclose(sums[:2, 2], moments[:2, 2], rtol=1e-6)
    # two are scaled by more than 10%; the third has too much alone, the fourth too little
    assert counts["pt"] == 4
    assert counts["unmet"] == int((np.abs(sums[:, 3] / 0.1 - 1) > 0.01).sum()) > 0
    assert (np.diff(made[..., 2], axis=1) <= 0).all()
    assert all(
        (made == row.astype(np.float32)).all(axis=2).any(axis=1)[:2].all() for row in known[0]
    )


@pytest.mark.parametrize("many", [1, 2])
def test_the_other_particles_are_drawn_from_their_conditional(generator, many):
    """Where each particle tells of each: the known are taken to a tenth of the spread."""
    p, labels = generator.preprocessing, np.full(COUNT, 2)
    mask = np.ones((COUNT, 3), dtype=bool)
    encoded = np.linspace(-0.4, 0.6, 9, dtype=np.float32).reshape(1, 3, 3)
    given = p.decode_particles(encoded, mask[:1], labels[:1])[:, :many]
    data = correlated(9)
    guided = KnownParticles(given, iterations=9).guided(whole(data), labels, mask, p)
    known = np.repeat(np.arange(3)[:, None] < many, 3, axis=1)
    check_conditional(guided, data, torch.from_numpy(known), torch.from_numpy(encoded[0]), 0.1)


def test_measured_particles_are_obtained(generator):
    """The mean of ln(1/ptrel) of the particles, which is nearly linear in what is drawn."""
    count, p = 40, generator.preprocessing
    labels, mask = np.full(count, 2), np.arange(30) < np.full((count, 1), 20)

    def softness(particles, real):
        logs = torch.where(real, -particles[..., 2].clamp(min=1e-9).log(), 0)
        return logs.sum(1, keepdim=True) / real.sum(1, keepdim=True)

    z = np.random.default_rng(0).normal(size=(count, 30, 3)).astype(np.float32) * mask[..., None]
    particles = torch.from_numpy(p.decode_particles(z, mask, labels))
    real = torch.from_numpy(mask)
    typical = softness(particles, real)
    condition = torch.zeros(count, len(p.types) + 22)
    condition[:, 2] = 1
    guidance = MeasuredParticles(softness, [float(typical.mean() + 2 * typical.std())], 0.02)
    guided = guidance.guided(generator.particle_level, labels, mask, p)
    torch.testing.assert_close(
        guided.observable(torch.from_numpy(z), condition, real), typical, rtol=1e-4, atol=1e-4
    )
    made = sample(
        guided,
        parse("dpm:steps=10"),
        noise=Noise(1),
        events=count,
        shape=(30, 3),
        condition=condition,
        mask=real,
    ).x
    found = softness(torch.from_numpy(p.decode_particles(made.numpy(), mask, labels)), real)
    assert float(found.mean()) == pytest.approx(guidance.values[0], abs=0.03)
    assert float(found.std()) < 0.05 < float(typical.std())
    jets = generator.generate(3, "t", sampler=STEPS, guidance=guidance)
    assert jets.particle_level.evaluations == 2 * 4


@pytest.mark.parametrize(
    ("guidance", "words"),
    [
        (KnownParticles(np.tile(TWO[:1], (9, 1))), "9 are known; ask for more"),
        (KnownParticles(np.tile(TWO[:1], (31, 1))), "30 that jets have"),
        (KnownParticles(np.ones((3, 2))), "particles have shape"),
        (KnownParticles(np.tile(TWO, (3, 1, 1))), "particles have shape"),
        (KnownParticles(np.full((1, 3), 1.0)), "ptrel < 1"),
        (KnownParticles(np.full((1, 3), np.nan)), "finite"),
        (KnownParticles(np.array([[0, 0, 0.9], [0.1, -0.05, 0.9]])), "jet 0 add up to 1.8 times"),
        (MeasuredParticles(lambda x, real: x, [1.0], 0.0), "positive"),
        (MeasuredParticles(lambda x, real: x, np.ones((3, 2)), 0.1), "guidance"),
    ],
)
def test_guidance_that_does_not_fit_is_refused(generator, guidance, words):
    with pytest.raises(InputError, match=words):
        generator.generate(2, "t", sampler=STEPS, num_particles=8, guidance=guidance)
