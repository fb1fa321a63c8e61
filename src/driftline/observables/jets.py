"""Differentiable observables of the particles of jets, and of particles as a model sees them."""

from collections.abc import Callable

import torch
from torch import Tensor

from driftline.data.energy_moments import LARGEST_ANGLE
from driftline.data.preprocessing import JetPreprocessing
from driftline.diffusion.observables import Observable, above, between, root
from driftline.metrics.energy_flow import LINE, PRIME_GRAPHS, TRIANGLE, Contraction
from driftline.metrics.substructure import RADIUS, subjettiness_axes

ParticleObservable = Callable[[Tensor, Tensor], Tensor]
"""Maps particles (B, P, 3) ``PARTICLE_FEATURES``, and which are real (B, P), to (B, K)."""

ENERGY_FLOW_GRAPHS = tuple(graph for graph in PRIME_GRAPHS if 2 <= len(graph) <= 3)
"""The seven connected multigraphs of two and three edges."""

CORRELATOR_ANGLES = tuple(0.01 * 2.0**k for k in range(6))
"""Bounds of the bins of ``energy_correlator``: from a calorimeter's cell to the jet's radius."""

SPECTRUM_FRACTIONS = tuple(2.0**-k for k in range(9, 0, -1))
"""Bounds of the bins of ptrel in ``particle_spectrum``: from 2 GeV of a jet of 1 TeV to half."""


def relative_mass(particles: Tensor, real: Tensor) -> Tensor:
    r"""(B, 1) mass of the massless particles in units of the jet's pT.

    As a sum over pairs, :math:`m^2 = \sum_{ij} z_i z_j (\cosh\Delta\eta_{ij} -
    \cos\Delta\phi_{ij})`, in which no large numbers cancel.
    """
    eta, phi, z = (particles * real[..., None]).unbind(2)
    pairs = 2 * ((_apart(eta) / 2).sinh() ** 2 + (_apart(phi) / 2).sin() ** 2)
    return root(torch.einsum("bi,bij,bj->b", z, pairs, z))[:, None]


def energy_flow(particles: Tensor, real: Tensor) -> Tensor:
    """(B, 7) energy-flow polynomials of ``ENERGY_FLOW_GRAPHS``; see ``metrics.energy_flow``."""
    eta, phi, z = (particles * real[..., None]).unbind(2)
    contraction = Contraction(z, root(_squared_angles(eta, phi)))
    return torch.stack([contraction.polynomial(graph) for graph in ENERGY_FLOW_GRAPHS], dim=1)


def energy_correlator(particles: Tensor, real: Tensor) -> Tensor:
    r"""(B, 7) energy-energy correlator in seven bins of angle, :math:`\sum_{i \neq j} z_i z_j`.

    The lowest bin has all pairs nearer than the first of ``CORRELATOR_ANGLES``, the highest those
    farther apart than the last (Basham, Brown, Ellis & Love 1978; within jets 2004.11381). Bounds
    are soft, see ``diffusion.observables.above``.
    """
    eta, phi, z = (particles * real[..., None]).unbind(2)
    pairs = torch.einsum("bi,bj->bij", z, z) * (1 - torch.eye(z.shape[1]).to(z))
    apart = above(root(_squared_angles(eta, phi)), z.new_tensor(CORRELATOR_ANGLES))
    beyond = torch.einsum("bij,bijk->bk", pairs, apart)
    return between(torch.cat([pairs.sum(dim=(1, 2))[:, None], beyond], dim=1))


def particle_spectrum(particles: Tensor, real: Tensor) -> Tensor:
    """(B, 17) numbers of particles in ten bins of ptrel, then in seven of the angle to the axis.

    The bins lie between ``SPECTRUM_FRACTIONS`` and between ``CORRELATOR_ANGLES``; the first of each
    is below all bounds, the last above all. Bounds are soft, see ``diffusion.observables.above``.
    """
    eta, phi, z = (particles * real[..., None]).unbind(2)
    numbers = real.to(z).sum(dim=1, keepdim=True)

    def binned(values: Tensor, bounds: tuple[float, ...]) -> Tensor:
        higher = above(values, values.new_tensor(bounds)).sum(dim=1)
        return between(torch.cat([numbers, higher], dim=1))

    angle = root(eta**2 + phi**2)
    return torch.cat([binned(z, SPECTRUM_FRACTIONS), binned(angle, CORRELATOR_ANGLES)], dim=1)


def subjettiness(particles: Tensor, real: Tensor) -> Tensor:
    """(B, 6) tau_1, tau_2, tau_3, tau_21, tau_32 and D2; see ``metrics.substructure``.

    Axes are particles, and move with them; which particles are axes has no gradient. They are found
    on the CPU. What has no structure to divide by is zero.
    """
    eta, phi, z = (particles * real[..., None]).unbind(2)
    angles, shares = root(_squared_angles(eta, phi)), _ratio(z, z.sum(dim=1, keepdim=True))
    clean = torch.stack([eta, phi, z], dim=2).detach().cpu().numpy()
    axes = torch.from_numpy(subjettiness_axes(clean)).to(real.device)
    from_nearest = torch.where(axes[:, :, None], angles[:, None], torch.inf).amin(dim=3)
    from_nearest = torch.where(from_nearest.isinf(), 0, from_nearest)  # where there is no particle
    taus = torch.einsum("bi,bki->bk", shares, from_nearest) / RADIUS
    contraction = Contraction(shares, angles)
    line, triangle = (contraction.polynomial(graph)[:, None] for graph in (LINE, TRIANGLE))
    ratios = _ratio(taus[:, 1:], taus[:, :-1])
    return torch.cat([taus, ratios, _ratio(4 / 3 * triangle, line**3)], dim=1)


JET_OBSERVABLES: dict[str, ParticleObservable] = {
    "mass": relative_mass,
    "energy_flow": energy_flow,
    "correlator": energy_correlator,
    "spectrum": particle_spectrum,
    "subjettiness": subjettiness,
}
"""Observables by the names that recipes call them."""


def of_encoded(observable: ParticleObservable, preprocessing: JetPreprocessing) -> Observable:
    """The observable of encoded particles, whose class is the first part of the condition."""
    p = preprocessing
    centre, width = torch.from_numpy(p.centre), torch.from_numpy(p.width)

    def of(z: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
        assert condition is not None and mask is not None
        label = condition[:, : len(p.types)].argmax(dim=1)
        x = z * width.to(z)[label, None] + centre.to(z)[label, None]
        angles = (p.angle_scale * x[..., :2].sinh()).clamp(-LARGEST_ANGLE, LARGEST_ANGLE)
        particles = torch.cat([angles, x[..., 2:].sigmoid()], dim=2) * mask[..., None]
        return observable(particles, mask)

    return of


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, zero where b is."""
    return torch.where(b > 0, a / torch.where(b > 0, b, 1), 0)


def _squared_angles(eta: Tensor, phi: Tensor) -> Tensor:
    """(B, P, P) squared distances in eta and phi, which is periodic."""
    across = torch.pi - (_apart(phi).abs() - torch.pi).abs()
    return _apart(eta) ** 2 + across**2


def _apart(x: Tensor) -> Tensor:
    """(B, P, P) differences of (B, P)."""
    return x[:, :, None] - x[:, None, :]
