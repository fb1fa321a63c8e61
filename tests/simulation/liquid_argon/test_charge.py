"""Recombination and the calibration back to MeV."""

import numpy as np
import pytest

from argon_events import mip_deposits
from driftline.simulation.liquid_argon.charge import (
    IONISATION_WORK,
    MIP_LOSS,
    RECOMBINATION,
    birks,
    calibration,
    charges,
    modified_box,
)


def test_minimum_ionisation_keeps_seven_tenths():
    """0.7 at 0.5 kV/cm: ICARUS (2004), ArgoNeuT (2013)."""
    loss = np.array([MIP_LOSS])
    assert modified_box(loss)[0] == pytest.approx(0.705, abs=0.002)
    assert birks(loss)[0] == pytest.approx(0.698, abs=0.002)


@pytest.mark.parametrize("model", ["modified-box", "birks"])
def test_simulated_muons_keep_seven_tenths(model):
    energy, loss = mip_deposits(40)
    electrons = charges(energy, loss, model, "electrons")
    assert electrons.sum() * IONISATION_WORK / energy.sum() == pytest.approx(0.70, rel=0.03)


@pytest.mark.parametrize("model", RECOMBINATION)
def test_dense_ionisation_is_quenched(model):
    loss = np.geomspace(1.6, 300.0, 50)
    share = RECOMBINATION[model](loss)
    assert (share <= 1.0).all() and (share > 0.0).all()
    assert (np.diff(share) < 0.0).all() or model == "none"


def test_models_agree_where_both_were_fitted():
    """Up to 20 MeV/cm within a tenth (ArgoNeuT, JINST 8 (2013) P08005, figure 8)."""
    loss = np.linspace(1.7, 20.0, 50)
    np.testing.assert_allclose(modified_box(loss), birks(loss), rtol=0.1)


@pytest.mark.parametrize("model", RECOMBINATION)
def test_calibration(model):
    """A MeV at minimum ionisation is a MeV, and so many electrons."""
    one, mip = np.array([1.0]), np.array([MIP_LOSS])
    assert charges(one, mip, model, "MeV")[0] == pytest.approx(1.0)
    electrons = charges(one, mip, model, "electrons")[0]
    assert electrons == pytest.approx(RECOMBINATION[model](mip)[0] / 23.6e-6)
    assert electrons == pytest.approx(calibration(model, "electrons"))
    dense = np.array([15.0])
    assert charges(one, dense, model, "MeV")[0] <= 1.0
