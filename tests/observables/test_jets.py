"""Differentiable observables of jets against those of the metrics, and their derivatives."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from driftline.data.clouds import Jets
from driftline.data.preprocessing import JetPreprocessing
from driftline.metrics import jet_observables, substructure
from driftline.metrics.energy_flow import LINE, TRIANGLE, energy_flow_polynomials
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
    subjettiness,
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


def test_subjettiness_is_the_metrics_own(toy_jets: Jets) -> None:
    particles = torch.from_numpy(toy_jets.particles).double()
    real = torch.from_numpy(toy_jets.mask)
    particles[~real] = 3.0
    clean = toy_jets.particles.astype(np.float64) * toy_jets.mask[..., None]
    taus = substructure.subjettiness(clean)
    z, line, triangle = energy_flow_polynomials(clean, ((), LINE, TRIANGLE)).T
    expected = [
        taus,
        substructure.ratio(taus[:, 1:], taus[:, :-1]),
        substructure.d2(z, line, triangle)[:, None],
    ]
    np.testing.assert_allclose(subjettiness(particles, real), np.hstack(expected), rtol=1e-9)


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


def test_numbers_of_particles_by_ptrel_and_angle(toy_jets: Jets) -> None:
    """Against a loop over the particles, each of which is above a bound t by x^4 / (x^4 + t^4)."""
    particles = toy_jets.particles[:20].astype(np.float64)
    real = toy_jets.mask[:20]
    particles[~real] = 3.0
    expected = []
    for jet, there in zip(particles, real, strict=True):
        eta, phi, z = jet[there].T
        row = []
        for values, bounds in ((z, SPECTRUM_FRACTIONS), (np.hypot(eta, phi), CORRELATOR_ANGLES)):
            higher = [(values**4 / (values**4 + t**4)).sum() for t in bounds]
            row += [a - b for a, b in pairwise([there.sum(), *higher, 0])]
        expected.append(row)
    found = particle_spectrum(torch.from_numpy(particles), torch.from_numpy(real))
    assert found.shape == (20, 17)
    np.testing.assert_allclose(found, expected, atol=1e-9)


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
    # A particle is one in each spectrum, and no pair.
    assert found.sum().item() == pytest.approx(2.0 if name == "spectrum" else 0.0)
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


@pytest.mark.parametrize("name", list(JET_OBSERVABLES))
@pytest.mark.parametrize("far", [-9.0, 9.0])
def test_what_a_model_not_yet_trained_makes_is_finite(
    toy_jets: Jets, name: str, far: float
) -> None:
    """It is cut as decoding cuts it."""
    p = JetPreprocessing.fit(toy_jets)
    condition = torch.from_numpy(p.one_hot(toy_jets.labels))
    real = torch.from_numpy(toy_jets.mask)
    noise = torch.randn(*real.shape, 3, generator=torch.Generator().manual_seed(1))
    wild = ((far + noise) * real[..., None]).requires_grad_()
    found = of_encoded(JET_OBSERVABLES[name], p)(wild, condition, real)
    (slope,) = torch.autograd.grad(found.sum(), wild)
    assert found.isfinite().all() and slope.isfinite().all()
