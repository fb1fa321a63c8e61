"""Which samplers share a curve, a colour and a name, known to this version or not."""

import pytest

from driftline.diffusion.samplers.spec import SAMPLERS
from driftline.report.series import series, settings
from made_study import made_study


def curves(*texts_and_labels):
    samplers = [(text, label, 10.0, 2.0) for text, label in texts_and_labels]
    return series(made_study(("t",), samplers).rows)


def test_settings_of_any_sampler():
    assert settings("new:steps=9,grid=karras;rho=5") == (
        "new",
        {"steps": "9", "grid": "karras;rho=5"},
    )
    assert settings("new") == ("new", {})


def test_a_curve_runs_along_steps_and_tolerance():
    found = curves(
        ("rk45:tolerance=1e-05", "RK45(1e-5)"),
        ("dpm:steps=8,order=2", "DPM-Solver++(2M), 8"),
        ("dpm:steps=16,order=2", "DPM-Solver++(2M), 16"),
        ("dpm:steps=8,order=3", "DPM-Solver++(3M), 8"),
        ("rk45:tolerance=0.001", "RK45(1e-3)"),
        ("pc:steps=125,snr=0.165", "PC (SNR 0.165), 125 steps"),
        ("annealed:levels=10,repeats=5", "annealed Langevin, 10 x 5"),
    )
    names = ["RK45", "DPM-Solver++(2M)", "DPM-Solver++(3M)", "PC (SNR 0.165)", "annealed Langevin"]
    assert [curve.name for curve in found] == names
    assert [len(curve.samplers) for curve in found] == [2, 2, 1, 1, 1]
    second, third = found[1:3]
    assert second.colour == third.colour
    assert second.marker != third.marker


def test_equal_labels_are_told_apart_by_what_differs():
    found = curves(
        ("dpm:steps=8,order=2,grid=logsnr", "DPM-Solver++(2M), 8"),
        ("dpm:steps=8,order=2,grid=karras", "DPM-Solver++(2M), 8"),
        ("dpm:steps=8,order=2,grid=tuned;levels=1/2", "DPM-Solver++(2M), 8"),
        ("dpm:steps=9,order=2,grid=tuned;levels=1/2/3", "DPM-Solver++(2M), 9"),
    )
    assert [curve.name for curve in found] == [
        "DPM-Solver++(2M), grid logsnr",
        "DPM-Solver++(2M), grid karras",
        "DPM-Solver++(2M), grid tuned",
    ]


def test_samplers_fitted_with_several_numbers_of_steps_are_one_curve():
    found = curves(
        ("bespoke:steps=1,grid=tuned;levels=,weights=0.1/0.9", "bespoke, 1"),
        ("bespoke:steps=2,grid=tuned;levels=1.0,weights=0.1/0.9/0/1/-0.1", "bespoke, 2"),
    )
    assert [curve.name for curve in found] == ["bespoke"]
    assert len(found[0].samplers) == 2


def test_two_levels_make_a_curve_of_their_own():
    found = curves(
        ("unipc:steps=8", "UniPC-2, 8"),
        ("dpm:steps=30 + unipc:steps=8", "DPM-Solver++(2M), 30 + UniPC-2, 8"),
        ("dpm:steps=20 + unipc:steps=16", "DPM-Solver++(2M), 20 + UniPC-2, 16"),
        ("em:steps=30 + unipc:steps=8", "EM, 30 + UniPC-2, 8"),
    )
    names = ["UniPC-2", "DPM-Solver++(2M) + UniPC-2", "EM + UniPC-2"]
    assert [curve.name for curve in found] == names
    assert [len(curve.samplers) for curve in found] == [1, 2, 1]
    assert len({curve.colour for curve in found}) == 1  # the particle level's


def test_families_have_their_colours():
    """The same in every study, whatever stands beside them; unknown ones get a colour too."""
    alone = curves(("dpm:steps=8", "D, 8"))
    beside = curves(("new-one:steps=8", "N, 8"), ("dpm:steps=8", "D, 8"), ("newer:steps=8", "O, 8"))
    assert alone[0].colour == beside[1].colour
    assert len({curve.colour for curve in beside}) == 3


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_has_a_curve(name):
    (curve,) = curves((f"{name}:steps=8", "label, 8"))
    assert curve.name == "label"
    assert curve.colour.startswith("#")
