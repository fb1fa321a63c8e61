"""Samples: what is in them, and that events do not depend on how they are made."""

import numpy as np
import pytest

from driftline.data.images import IMAGE_TYPES
from driftline.data.liquid_argon import in_mev
from driftline.errors import InputError
from driftline.simulation.liquid_argon import events
from driftline.simulation.liquid_argon.charge import calibration
from driftline.simulation.liquid_argon.events import (
    SIDE,
    LiquidArgonSettings,
    simulate,
    simulate_blocks,
)


@pytest.fixture(scope="module")
def sample():
    return simulate(count=8, seed=7, workers=2)


def test_columns(sample):
    assert sample.pixels.shape == (48, 3, 256, 256) == sample.segmentation.shape
    assert sample.types == IMAGE_TYPES
    np.testing.assert_array_equal(sample.labels, np.tile(np.arange(6), 8))
    np.testing.assert_array_equal(sample.event, np.arange(48))
    np.testing.assert_array_equal(sample.planes, np.tile([0, 1, 2], (48, 1)))
    assert (sample.unit, sample.threshold, sample.pitch) == ("MeV", 0.05, 0.5)
    assert sample.attributes["seed"] == 7
    assert sample.attributes["settings"]["recombination"] == "modified-box"


def test_pixels_and_labels(sample):
    seen = sample.pixels > 0.0
    assert sample.pixels[seen].min() >= 0.05
    np.testing.assert_array_equal(seen, sample.segmentation > 0)
    shares = {
        name: (sample.of_type(name).segmentation == 2).sum()
        / (sample.of_type(name).pixels > 0).sum()
        for name in IMAGE_TYPES
    }
    assert shares["e-"] == shares["gamma"] == 1.0
    assert shares["mu-"] < 0.3 and shares["p"] < 0.2


def test_truth(sample):
    size = np.linalg.norm(sample.momentum, axis=1)
    assert (size >= 30.0).all() and (size <= 800.0).all()
    assert (sample.start >= 0.25 * SIDE).all() and (sample.start <= 0.75 * SIDE).all()
    tracks = sample[np.isin(sample.labels, [2, 3, 4, 5]) & (size > 250.0)]
    for plane in range(3):  # tracks begin at the start
        places = (tracks.start[:, [plane, (plane + 1) % 3]] / 0.5).astype(int)
        first = tracks.pixels[np.arange(len(tracks)), plane, places[:, 0], places[:, 1]]
        assert (first > 0.0).all()


def test_momentum_is_uniform_and_isotropic():
    rows = [
        events._first("mu-", LiquidArgonSettings(), events.event_generator("mu-", i, 1))
        for i in range(3000)
    ]
    direction = np.array([row[events.UX : events.UX + 3] for row in rows])
    np.testing.assert_allclose(direction.mean(0), 0.0, atol=0.05)
    np.testing.assert_allclose((direction**2).mean(0), 1 / 3, atol=0.03)
    mass = events.MASSES[events.KINDS["mu-"]]
    kinetic = np.array([row[events.KINETIC] for row in rows])
    momentum = np.sqrt(kinetic * (kinetic + 2 * mass))
    np.testing.assert_allclose(
        np.quantile(momentum, [0.25, 0.5, 0.75]), [222.5, 415, 607.5], rtol=0.06
    )


def assert_same(one, other):
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column, other.columns[name], err_msg=name)


def test_events_do_not_depend_on_count_workers_classes_and_blocks(sample, monkeypatch):
    assert_same(simulate(count=3, seed=7, workers=1), sample[:18])
    assert_same(simulate(("p", "e-"), 3, seed=7, workers=1).of_type("p"), sample.of_type("p")[:3])
    monkeypatch.setattr(events, "BLOCK", 5)
    parts = list(simulate_blocks(count=3, seed=7, workers=2))
    assert [len(part) for part in parts] == [5, 5, 5, 3]
    assert_same(parts[1], sample[5:10])


def test_seeds_differ(sample):
    other = simulate(("e-",), 2, seed=8, workers=1)
    assert not np.array_equal(other.pixels, sample.of_type("e-")[:2].pixels)


def test_settings_change_the_readout_not_the_event(sample):
    """The same deposits, seen in electrons, unquenched, with diffusion or with noise."""
    electrons = simulate(("p",), 4, seed=7, settings=LiquidArgonSettings(unit="electrons"))
    scale = calibration("modified-box", "electrons")
    assert electrons.unit == "electrons"
    assert electrons.threshold == pytest.approx(0.05 * scale)
    protons = sample.of_type("p")[:4].pixels
    np.testing.assert_allclose(electrons.pixels, scale * protons, rtol=1e-5)
    np.testing.assert_allclose(in_mev(electrons).pixels, protons, rtol=1e-5)
    plain = LiquidArgonSettings(recombination="none")
    assert (
        simulate(("p",), 4, seed=7, settings=plain).pixels.sum((2, 3)) > protons.sum((2, 3))
    ).all()
    spread = simulate(("p",), 4, seed=7, settings=LiquidArgonSettings(diffusion=True))
    assert (spread.pixels > 0).sum() > (protons > 0).sum()
    noisy = simulate(("p",), 4, seed=7, settings=LiquidArgonSettings(noise=0.05))
    assert (noisy.pixels > 0).mean() == pytest.approx(0.1587, abs=0.003)


def test_contained_protons_show_their_energy():
    """Without recombination and threshold the image holds the kinetic energy."""
    settings = LiquidArgonSettings(momentum=(200.0, 350.0), recombination="none", threshold=0.0)
    images = simulate(("p",), 30, seed=1, settings=settings)
    mass = events.MASSES[events.KINDS["p"]]
    kinetic = np.hypot(np.linalg.norm(images.momentum, axis=1), mass) - mass
    ratio = images.pixels.sum((2, 3)) / kinetic[:, None]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.001)  # few meet a nucleus
    assert ratio.max() <= 1.001


def test_progress():
    told = []
    simulate(("p",), 3, seed=1, progress=told.append)
    assert sum(told) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"particles": ("K+",)}, "particles"),
        ({"particles": ()}, "particles"),
        ({"count": 0}, "count"),
        ({"seed": -1}, "seed"),
        ({"settings": LiquidArgonSettings(momentum=(5.0, 1.0))}, "momentum: .* lower number first"),
        ({"settings": LiquidArgonSettings(momentum=(0.0, 1.0))}, "momentum: 0,1 .* above 0"),
        ({"settings": LiquidArgonSettings(momentum=(30.0, 1e9))}, r"30,1e\+09 .* below 100000"),
        ({"settings": LiquidArgonSettings(momentum=(30.0, np.inf))}, "30,inf .* below 100000"),
        ({"settings": LiquidArgonSettings(momentum=(np.nan, 30.0))}, "nan,30 .* above 0"),
        ({"settings": LiquidArgonSettings(start=90.0, end=50.0)}, "start"),
        ({"settings": LiquidArgonSettings(recombination="box")}, "recombination"),
        ({"settings": LiquidArgonSettings(unit="GeV")}, "unit"),
        ({"settings": LiquidArgonSettings(noise=-1.0)}, "noise: -1 MeV; .* from 0 to 100"),
        ({"settings": LiquidArgonSettings(noise=1e30)}, r"noise: 1e\+30 MeV; .* from 0 to 100"),
        ({"settings": LiquidArgonSettings(threshold=np.nan)}, "threshold: nan MeV; .* 0 to 100"),
        ({"settings": LiquidArgonSettings(threshold=np.inf)}, "threshold: inf MeV; .* 0 to 100"),
        ({"settings": LiquidArgonSettings(margin=np.inf)}, "margin: inf cm; .* from 0 to 1000"),
    ],
)
def test_bad_input(arguments, words):
    with pytest.raises(InputError, match=words):
        simulate_blocks(**({"seed": 1} | arguments))
