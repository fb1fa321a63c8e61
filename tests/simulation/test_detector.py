"""The simplified detector: what it merges, loses and smears."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.simulation.detector import DetectorSettings, Particles, detect

COARSE = DetectorSettings(ecal_cell=0.1, hcal_cell=0.1)
PION, PHOTON, K_LONG, NEUTRINO = 211, 22, 130, 12


def massless(pt, eta, phi):
    pt, eta, phi = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (pt, eta, phi))
    return np.stack((pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)), 1)


def seen(momentum, pdg, settings=COARSE, event=None, seed=1):
    event = np.zeros(len(momentum), dtype=int) if event is None else np.asarray(event)
    particles = Particles(momentum, event, int(event.max()) + 1)
    return detect(particles, np.asarray(pdg), settings, np.random.default_rng(seed))


def test_photons_of_one_cell_are_one_object_and_tracks_are_not():
    momentum = massless([50, 50], [0.51, 0.52], [1.03, 1.04])
    assert len(seen(momentum, [PHOTON, PHOTON]).momentum) == 1
    assert len(seen(momentum, [PION, -PION]).momentum) == 2
    assert len(seen(momentum, [PHOTON, K_LONG]).momentum) == 2


def test_cells_of_different_events_stay_apart():
    momentum = massless([50, 50], [0.51, 0.51], [1.03, 1.03])
    result = seen(momentum, [PHOTON, PHOTON], event=[0, 1])
    assert result.event.tolist() == [0, 1]


def test_cell_energy_is_the_sum_at_the_centre_of_the_cell():
    momentum = massless([5000, 5000], [0.51, 0.52], [1.03, 1.04])
    (cell,) = seen(momentum, [PHOTON, PHOTON]).momentum
    # 0.5 % constant term
    assert cell[3] == pytest.approx(momentum[:, 3].sum(), rel=0.03)
    assert np.arcsinh(cell[2] / np.hypot(*cell[:2])) == pytest.approx(0.55, abs=1e-9)
    assert np.linalg.norm(cell[:3]) == pytest.approx(cell[3])


def test_stiff_charged_hadrons_go_to_the_calorimeter():
    momentum = massless([230, 230], [0.51, 0.52], [1.03, 1.04])
    assert len(seen(momentum, [PION, PION]).momentum) == 1
    assert len(seen(momentum, [PION, PION], replace(COARSE, track_pt_max=500.0)).momentum) == 2


def test_what_is_lost():
    forward = massless([50, 50], [3.2, 3.2], [0.0, 0.0])
    assert len(seen(forward, [PHOTON, PION]).momentum) == 1
    soft = massless([0.1], [0.0], [0.0])
    assert len(seen(soft, [PION]).momentum) == 0
    assert len(seen(massless([50], [0.0], [0.0]), [NEUTRINO]).momentum) == 0
    along_the_beam = np.array([[0.0, 0.0, 100.0, 100.0]])
    assert len(seen(along_the_beam, [PHOTON]).momentum) == 0


@pytest.mark.parametrize(
    ("pdg", "pt", "expected"),
    [(PION, 10.0, 0.0152), (PION, 100.0, 0.0292), (PHOTON, 100.0, 0.0066), (K_LONG, 100.0, 0.130)],
)
def test_resolution(pdg, pt, expected):
    events = 4000
    momentum = massless(np.full(events, pt), np.zeros(events), np.zeros(events))
    measured = seen(momentum, np.full(events, pdg), event=np.arange(events)).momentum[:, 3]
    # standard error of a standard deviation: 1 / sqrt(2 N) = 1.1 %
    assert measured.std() / measured.mean() == pytest.approx(expected, rel=0.06)
