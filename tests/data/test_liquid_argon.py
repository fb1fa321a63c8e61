"""Electrons as energy: the simulation's unit MeV."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.data.liquid_argon import MIP_LOSS, in_mev, modified_box
from driftline.errors import InputError
from driftline.simulation.liquid_argon.charge import calibration
from made_images import made_images

ELECTRONS = replace(made_images(3, size=32), unit="electrons", threshold=400.0)
ELECTRONS.pixels[...] *= 3e4


def test_electrons_become_energy():
    energy = in_mev(ELECTRONS)
    electrons = calibration("modified-box", "electrons")
    np.testing.assert_allclose(energy.pixels, ELECTRONS.pixels / electrons, rtol=1e-6)
    assert (energy.unit, energy.pixels.dtype) == ("MeV", np.float32)
    assert energy.threshold == pytest.approx(400 / electrons)
    assert energy.segmentation is ELECTRONS.segmentation
    assert energy.attributes == ELECTRONS.attributes


def test_a_pixel_at_the_threshold_stays_there():
    """However both are rounded."""
    for threshold in np.arange(100.0, 600.0, 7.0, dtype=np.float32):
        images = replace(ELECTRONS[:1], threshold=float(threshold))
        images.pixels[...] = threshold
        energy = in_mev(images)
        assert (energy.pixels >= np.float32(energy.threshold)).all()


def test_a_weaker_field_leaves_fewer_electrons():
    """At MicroBooNE's 0.273 kV/cm a tenth fewer, which are as much energy."""
    ratio = modified_box(np.array(MIP_LOSS), 0.273) / modified_box(np.array(MIP_LOSS))
    assert ratio == pytest.approx(0.90, abs=0.01)
    np.testing.assert_allclose(
        in_mev(ELECTRONS, 0.273).pixels * ratio, in_mev(ELECTRONS).pixels, rtol=1e-6
    )


@pytest.mark.parametrize("unit", ["MeV", "ADC", "8-bit"])
def test_other_units_are_refused(unit):
    with pytest.raises(InputError, match=f"unit is {unit}; only electrons"):
        in_mev(replace(ELECTRONS, unit=unit))
