"""Simplified detector: calorimeter cells and momentum resolution, for particles of whole events.

JetNet's jets did not come straight from the generator. Charged hadrons are measured one by one;
photons are summed into the cells of an electromagnetic calorimeter, neutral hadrons (and charged
ones too stiff for the tracker) into those of a hadronic calorimeter; then every object is smeared.
The parametrisation is that of Coleman et al., "The importance of calorimetry for highly-boosted
jet substructure" (arXiv:1709.08705), whose events became the LHC jet data set of the hls4ml
authors and, from it, JetNet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHARGED_HADRONS = (211, 321, 2212, 3112, 3222, 3312)
NEUTRAL_HADRONS = (3122, 130, 310, 2112, 3322)
PHOTONS = (22, 111)
LEPTONS = (11, 13, 15)

_TRACK, _PHOTON, _NEUTRAL = 0, 1, 2

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Particles:
    """Particles of a batch of events, event after event.

    Attributes:
        momentum: (M, 4) float64, px, py, pz, E in GeV.
        event: (M,) int64, event of each particle, ascending.
        events: number of events, including those without particles.
    """

    momentum: Floats
    event: Integers
    events: int


@dataclass(frozen=True)
class DetectorSettings:
    """Granularity and resolution of the simplified detector.

    Attributes:
        ecal_cell: side of an electromagnetic calorimeter cell in eta and phi.
        hcal_cell: side of a hadronic calorimeter cell in eta and phi.
        eta_max: neutral particles beyond this |eta| are lost.
        track_pt_max: charged hadrons above this pT [GeV] are seen by the calorimeter only.
        pt_min: tracks and cells below this pT [GeV], after smearing, are lost.
    """

    ecal_cell: float = 0.005
    hcal_cell: float = 0.022
    eta_max: float = 3.0
    track_pt_max: float = 220.0
    pt_min: float = 0.2


def _kinds(pdg: Integers, pt: Floats, track_pt_max: float) -> NDArray[np.int64]:
    """Subdetector of each particle, -1 for those that none sees."""
    code = np.abs(pdg)
    kind = np.full(len(code), -1)
    inside = pt > 0  # along the beam there is no detector
    charged = np.isin(code, CHARGED_HADRONS)
    kind[inside & (np.isin(code, LEPTONS) | (charged & (pt <= track_pt_max)))] = _TRACK
    kind[inside & np.isin(code, PHOTONS)] = _PHOTON
    kind[inside & (np.isin(code, NEUTRAL_HADRONS) | (charged & (pt > track_pt_max)))] = _NEUTRAL
    return kind


def _cells(
    momentum: Floats, event: Integers, side: float, eta_max: float
) -> tuple[Floats, Integers]:
    """Sum energies in cells and return massless momenta at the centres of the cells hit."""
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    eta = np.arcsinh(momentum[:, 2] / pt)
    phi = np.arctan2(momentum[:, 1], momentum[:, 0]) % (2 * np.pi)
    # a whole number of cells covers the detector: sides are stretched by less than a per cent
    eta_cells, phi_cells = int(2 * eta_max / side), int(2 * np.pi / side)
    seen = np.abs(eta) < eta_max
    i = np.minimum(((eta + eta_max) * eta_cells / (2 * eta_max)).astype(np.int64), eta_cells - 1)
    j = np.minimum((phi * phi_cells / (2 * np.pi)).astype(np.int64), phi_cells - 1)
    key = ((event * eta_cells + i) * phi_cells + j)[seen]
    hit, cell = np.unique(key, return_inverse=True)
    energy = np.bincount(cell, weights=momentum[seen, 3], minlength=len(hit)).astype(np.float64)
    eta_cell = (hit // phi_cells % eta_cells + 0.5) * (2 * eta_max / eta_cells) - eta_max
    phi_cell = (hit % phi_cells + 0.5) * (2 * np.pi / phi_cells)
    pt_cell = energy / np.cosh(eta_cell)
    components = (np.cos(phi_cell), np.sin(phi_cell), np.sinh(eta_cell), np.cosh(eta_cell))
    centre: Floats = pt_cell[:, None] * np.stack(components, axis=1)
    return centre, hit // (eta_cells * phi_cells)


def _resolution(kind: Integers, momentum: Floats) -> Floats:
    """Relative momentum resolution: tracks by pT, photons and neutral hadrons by energy.

    The photon terms are inflated by 1.6 for the charged energy that particle flow subtracts first.
    """
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    energy = momentum[:, 3]
    track = np.hypot(2.5e-4 * pt, 0.015)
    photon = np.sqrt(0.027**2 * 1.6 / energy + (0.15 * 1.6 / energy) ** 2 + 0.005**2)
    neutral = np.sqrt(1.2**2 / energy + 0.05**2)
    return np.choose(kind, (track, photon, neutral))


def detect(
    particles: Particles, pdg: Integers, settings: DetectorSettings, rng: np.random.Generator
) -> Particles:
    """What the detector sees of generated particles.

    Args:
        particles: stable visible particles.
        pdg: (M,) their PDG codes.
        settings: the detector.
        rng: source of the smearing.

    Returns:
        Tracks and cells above the threshold, event after event.
    """
    momentum, event = particles.momentum, particles.event
    kind = _kinds(pdg, np.hypot(momentum[:, 0], momentum[:, 1]), settings.track_pt_max)
    groups = [(momentum[kind == _TRACK], event[kind == _TRACK])]
    for which, side in ((_PHOTON, settings.ecal_cell), (_NEUTRAL, settings.hcal_cell)):
        chosen = kind == which
        groups.append(_cells(momentum[chosen], event[chosen], side, settings.eta_max))
    seen = np.concatenate([group[0] for group in groups])
    event = np.concatenate([group[1] for group in groups])
    kinds = np.repeat((_TRACK, _PHOTON, _NEUTRAL), [len(group[1]) for group in groups])
    factor = np.maximum(1 + _resolution(kinds, seen) * rng.standard_normal(len(seen)), 0.0)
    seen = seen * factor[:, None]
    kept = np.flatnonzero(np.hypot(seen[:, 0], seen[:, 1]) > settings.pt_min)
    kept = kept[np.argsort(event[kept], kind="stable")]
    return Particles(seen[kept], event[kept], particles.events)
