"""Differentiable observables of jets against those of the metrics, and their derivatives."""

import numpy as np
import pytest
import torch

from driftline.data.clouds import Jets
from driftline.data.preprocessing import JetPreprocessing
from driftline.metrics import jet_observables
from driftline.metrics.energy_flow import energy_flow_polynomials
from driftline.observables.jets import (
    CORRELATOR_ANGLES,
    ENERGY_FLOW_GRAPHS,
    JET_OBSERVABLES,
    SPECTRUM_FRACTIONS,
    energy_correlator,
    energy_flow,
    of_encoded,
    particle_spectrum,
    relative_mass,
)


def test_they_are_the_metrics_own_and_padding_enters_nothing(toy_jets: Jets) -> None:
    particles = torch.from_numpy(toy_jets.particles).double()
    real = torch.from_numpy(toy_jets.mask)
    particles[~real] = 3.0
    assert len(ENERGY_FLOW_GRAPHS) == 7
    clean = toy_jets.particles.astype(np.float64) * toy_jets.mask[..., None]
    np.testing.assert_allclose(
        relative_mass(particles, real)[:, 0], jet_observables.relative_mass(clean), rtol=1e-7
    )
    np.testing.assert_allclose(
        energy_flow(particles, real),
        energy_flow_polynomials(clean, ENERGY_FLOW_GRAPHS),
        rtol=1e-10,
    )


def test_pairs_of_particles_by_their_angle() -> None:
    """Made by hand: a pair amid a bin, across the seam of phi, and two that are far apart."""
    phi = torch.tensor([torch.pi - 0.0566, 0.0566 - torch.pi, 0.0566 - torch.pi])
    particles = torch.stack([torch.tensor([0.0, 0.0, 1.0]), phi, torch.tensor([0.5, 0.3, 0.2])], 1)
    real = torch.ones(1, 3, dtype=torch.bool)
    near, far = 2 * 0.5 * 0.3, 2 * 0.2 * (0.5 + 0.3)
    found = energy_correlator(particles[None], real)[0]
    assert len(found) == len(CORRELATOR_ANGLES) + 1
    torch.testing.assert_close(found.sum(), torch.tensor(near + far))
    assert found[4] == pytest.approx(0.6 * near, rel=0.01)  # 4/5 - 1/5, amid 0.08 and 0.16
    assert found[3:6].sum() == pytest.approx(near, rel=0.07)
    assert found[6] == pytest.approx(far, rel=0.05)  # beyond 0.32
    particles[2, 2], real[0, 2] = 9.0, False
    padded = energy_correlator(particles[None], real)[0]
    torch.testing.assert_close(padded.sum(), torch.tensor(near))


def test_numbers_of_particles_in_octaves(toy_jets: Jets) -> None:
    """Made by hand, each amid an octave: 4/5 of it there, 1/5 in the two beside it."""
    amid = 2**0.5
    z = torch.tensor([SPECTRUM_FRACTIONS[0] * amid, SPECTRUM_FRACTIONS[0] * amid, 0.25 * amid, 9.0])
    eta = torch.tensor([0.0, 0.001, -0.01 * amid, 9.0])
    particles = torch.stack([eta, torch.zeros(4), z], 1)[None]
    found = particle_spectrum(particles, torch.tensor([[True, True, True, False]]))[0]
    pts, angles = found[:10], found[10:]
    torch.testing.assert_close(pts[[1, 8]], torch.tensor([1.2, 0.6]), atol=0.05, rtol=0)
    torch.testing.assert_close(angles[[0, 1]], torch.tensor([2.2, 0.6]), atol=0.05, rtol=0)
    torch.testing.assert_close(torch.stack([pts.sum(), angles.sum()]), torch.tensor([3.0, 3.0]))
    several = torch.from_numpy(toy_jets.particles), torch.from_numpy(toy_jets.mask)
    numbers = particle_spectrum(*several)
    assert (numbers > -1e-4).all()
    for each in (numbers[:, :10], numbers[:, 10:]):
        torch.testing.assert_close(each.sum(1), several[1].sum(1).float())


@pytest.mark.parametrize("name", list(JET_OBSERVABLES))
def test_derivatives_forwards_and_backwards(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    particles = torch.rand(2, 4, 3, dtype=torch.float64, generator=generator) / 3
    real = torch.tensor([[True] * 4, [True, True, False, False]])
    assert torch.autograd.gradcheck(
        lambda x: JET_OBSERVABLES[name](x, real),
        particles.requires_grad_(),
        check_forward_ad=True,
    )


@pytest.mark.parametrize("name", list(JET_OBSERVABLES))
def test_jets_of_one_particle_have_no_pairs_and_a_finite_derivative(name: str) -> None:
    particles = torch.tensor([[[0.1, 0.2, 0.9], [0.0, 0.0, 0.0]]], requires_grad=True)
    found = JET_OBSERVABLES[name](particles, torch.tensor([[True, False]]))
    assert name == "spectrum" or (found == 0).all()
    (slope,) = torch.autograd.grad(found.sum(), particles)
    assert slope.isfinite().all()


def test_of_encoded_particles(toy_jets: Jets) -> None:
    p = JetPreprocessing.fit(toy_jets)
    z = p.encode_particles(toy_jets.particles, toy_jets.mask, toy_jets.labels)
    condition = torch.cat([torch.from_numpy(p.one_hot(toy_jets.labels)), torch.ones(1000, 3)], 1)
    real = torch.from_numpy(toy_jets.mask)
    found = of_encoded(relative_mass, p)(torch.from_numpy(z), condition, real)
    expected = relative_mass(torch.from_numpy(toy_jets.particles), real)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    # What a model not yet trained makes is cut as decoding cuts it.
    wild = torch.from_numpy(np.full_like(z, 9.0) * toy_jets.mask[..., None])
    assert of_encoded(energy_flow, p)(wild, condition, real).isfinite().all()
