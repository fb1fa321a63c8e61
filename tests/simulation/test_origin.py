"""What is timed beside generation is what made the reference."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from driftline.errors import InputError
from driftline.metrics.kinds import IMAGES, JETS
from driftline.simulation import origin, pythia
from driftline.simulation.detector import DetectorSettings
from driftline.simulation.liquid_argon.events import LiquidArgonSettings, simulate


def test_jets_are_simulated_with_the_references_settings(make_jets, monkeypatch):
    monkeypatch.setattr(origin, "require_generators", lambda: None)
    asked = []
    monkeypatch.setattr(origin, "jet_batches", lambda *_, **options: asked.append(options) or ())
    settings = pythia.PythiaSettings(pt_min=700.0, detector=DetectorSettings(pt_min=0.5))
    attributes = {"generator": pythia.GENERATOR, "settings": asdict(settings)}
    jets = make_jets(2, types=("t",), particles=20, attributes=attributes)
    JETS.origin(jets).stream("t")
    assert (asked[0]["slots"], asked[0]["settings"]) == (20, settings)
    foreign = JETS.origin(make_jets(2, types=("t",)))
    foreign.stream("t")
    assert asked[1]["settings"] == pythia.PythiaSettings()
    assert "names none" in foreign.described
    broken = {**attributes, "settings": {**asdict(settings), "colour": 1}}
    with pytest.raises(InputError, match=r"colour.*simulate the reference again"):
        JETS.origin(make_jets(2, types=("t",), attributes=broken))


def test_a_stream_gives_what_simulate_jets_makes(make_jets):
    pytest.importorskip("pythia8mc")
    pytest.importorskip("fastjet")
    found = next(JETS.origin(make_jets(2, types=("t",))).stream("w"))
    made = pythia.simulate_jets("w", 20, seed=2**40, workers=1)
    np.testing.assert_array_equal(found.particles[:20], made.particles)
    assert found.present == ("w",)


@pytest.fixture(scope="module")
def images():
    return simulate(["mu-"], 3, seed=1, workers=1, settings=LiquidArgonSettings(noise=0.01))


def test_images_are_simulated_and_cropped_as_the_reference(images):
    whole = next(IMAGES.origin(images).stream("p"))
    assert whole.pixels.shape[1:] == images.pixels.shape[1:]
    assert whole.attributes["settings"] == images.attributes["settings"]
    assert whole.present == ("p",)
    cut = {"size": 48, "margin": 32, "occupancy": 0.01}
    crops = IMAGES.origin(replace(images, attributes=images.attributes | {"crop": cut}))
    batches = crops.stream("mu-")
    some = next(batches)
    assert some.pixels.shape[1:] == (1, 48, 48)
    assert (np.count_nonzero(some.pixels, axis=(1, 2, 3)) >= 0.01 * 48**2).all()
    assert 0 < len(some) < 3 * 48  # rejected ones are not given
    assert not set(some.event) & set(next(batches).event)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, "does not name driftline's"),
        ({"generator": "a detector"}, "does not name driftline's"),
        ({"generator": "driftline liquid-argon simulation"}, "settings"),
        ({"generator": "driftline liquid-argon simulation", "settings": {"momentum": 1}}, "not"),
    ],
)
def test_nothing_stands_for_real_images(images, attributes, words):
    with pytest.raises(InputError, match=words):
        IMAGES.origin(replace(images, attributes=attributes))
