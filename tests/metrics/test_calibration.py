"""Asked against obtained: known responses are found, with errors that cover them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.data.images import PARTICLE_MASSES
from driftline.metrics.calibration import BINS, FEWEST, HEAD, Quantity, calibrate
from driftline.metrics.image_calibration import (
    alignment,
    image_quantities,
    kinetic_energy,
    reach,
)
from driftline.metrics.jet_calibration import JET_QUANTITIES
from made_images import made_images

PAIR = Quantity("x", "X", "GeV", "obtained / asked", lambda pair: pair)


def smeared(count, linearity, resolution, seed):
    """Asked values between 100 and 1000, and normal responses."""
    rng = np.random.default_rng(seed)
    asked = rng.uniform(100, 1000, count)
    return asked, asked * rng.normal(linearity, resolution, count)


@settings(max_examples=4, deadline=None)
@given(linearity=st.floats(0.5, 1.5), resolution=st.floats(0.01, 0.2), seed=st.integers(0, 99))
def test_a_known_response_is_found_within_its_errors(linearity, resolution, seed):
    made = smeared(2000, linearity, resolution, seed)
    true = smeared(2000, 1.0, 0.1, seed + 1000)
    found = calibrate(PAIR, made, true, "t", seed)
    assert len(found.bins) == BINS
    pulls = {"linearity": [], "resolution": []}
    for one in found.bins:
        assert one.generated.events == 250
        assert one.low < one.generated.asked < one.high
        pulls["linearity"] += [
            (one.generated.linearity - linearity) / one.generated.linearity_error,
            (one.simulated.linearity - 1.0) / one.simulated.linearity_error,
        ]
        pulls["resolution"] += [
            (one.generated.resolution - resolution) / one.generated.resolution_error,
            (one.simulated.resolution - 0.1) / one.simulated.resolution_error,
        ]
    for values in pulls.values():
        assert np.max(np.abs(values)) < 6
        assert np.sqrt(np.mean(np.square(values))) < 2.5
    # the error of a mean is known: sigma / sqrt(n), here to 7% from 100 draws
    errors = np.array([one.generated.linearity_error for one in found.bins])
    assert errors.mean() == pytest.approx(resolution / np.sqrt(250), rel=0.2)


def test_a_shift_of_one_bin_is_in_the_row():
    asked, obtained = smeared(4000, 1.0, 0.05, 1)
    high = asked > np.quantile(asked, 1 - 1 / BINS)
    bent = asked, np.where(high, 1.3 * obtained, obtained)
    row = calibrate(PAIR, bent, (asked, obtained), "t").row()
    assert len(row) == len(HEAD)
    simulated, mean, worst = (float(cell.split(" ")[0]) for cell in row[3:6])
    assert row[:2] == ["t", "X [GeV]"]
    assert simulated == pytest.approx(1.0, abs=0.005)
    assert mean == pytest.approx(0.3 / BINS, abs=0.002)
    assert worst == pytest.approx(0.3, abs=0.01)


def test_one_value_for_all_is_one_bin_beside_near_simulated_events():
    made = np.full(300, 500.0), np.full(300, 450.0)
    found = calibrate(PAIR, made, smeared(5000, 1.0, 0.1, 2), "t")
    (one,) = found.bins
    assert (one.low, one.high) == (475.0, 525.0)
    numbers = (one.generated.linearity, one.generated.linearity_error, one.generated.resolution)
    assert numbers == pytest.approx((0.9, 0.0, 0.0), abs=1e-12)  # but for rounding
    assert 475 < one.simulated.asked < 525


@pytest.mark.parametrize("tiny", [1e-4, 1e-320])
def test_one_tiny_value_asked_does_not_spoil_its_bin(tiny):
    asked, obtained = smeared(500, 0.9, 0.05, 6)
    asked[0] = tiny
    found = calibrate(PAIR, (asked, obtained), smeared(5000, 1.0, 0.05, 7), "t")
    assert len(found.bins) == 5
    for one in found.bins:
        assert one.generated.linearity == pytest.approx(0.9, abs=0.05)
        assert one.generated.resolution == pytest.approx(0.05, abs=0.03)


def test_bins_without_finite_numbers_are_dropped():
    asked, obtained = smeared(500, 0.9, 0.05, 6)
    asked[asked < np.quantile(asked, 0.15)] = 1e-320
    true = smeared(500, 1.0, 0.05, 7)
    found = calibrate(PAIR, (asked, obtained), true, "t")
    assert min(one.low for one in found.bins) > 100
    assert calibrate(PAIR, (np.full(500, 1e-320), obtained), true, "t") is None


def test_two_values_are_two_bins_each_beside_its_like():
    made = np.repeat([100.0, 200.0], 250)
    rng = np.random.default_rng(8)
    true = 80 + rng.exponential(60, 20000)  # falls steeply
    found = calibrate(PAIR, (made, made), (true, true), "t")
    assert [one.generated.asked for one in found.bins] == [100, 200]
    assert [one.simulated.asked for one in found.bins] == pytest.approx([100, 200], rel=0.005)
    assert (found.bins[0].low, found.bins[0].high) == (95, 105)


def test_almost_one_value_is_one_bin_with_simulation():
    made = np.repeat([172.0, 172.00001], 250)
    found = calibrate(PAIR, (made, made), smeared(5000, 1.0, 0.1, 2), "t")
    assert len(found.bins) == 2
    for one in found.bins:
        assert one.high - one.low == pytest.approx(17.2, rel=0.01)
        assert one.simulated.events > FEWEST


def test_like_is_compared_with_like_in_wide_bins():
    """Uniformly asked values beside a falling spectrum, one and the same response that bends."""
    rng = np.random.default_rng(9)
    asked, true = rng.uniform(100, 1000, 2000), 100 + rng.exponential(200, 40000)

    def told(values):
        return values, values * (values / 500) ** 0.5 * rng.normal(1, 0.02, len(values))

    found = calibrate(PAIR, told(asked), told(true), "t")
    assert all(one.simulated for one in found.bins)
    for number in ("linearity", "resolution"):
        ours, theirs, errors = np.array(found.compared(number)).T
        assert (np.abs(ours - theirs) < 4 * errors + 0.002).all()


def test_simulation_that_is_not_like_what_was_asked_is_not_shown():
    made = np.linspace(100, 1000, 200)
    true = np.linspace(100, 300, 5000)
    found = calibrate(PAIR, (made, made), (true, true), "t")
    assert [one.simulated for one in found.bins] == [None, None]


def test_narrow_peaks_are_not_smeared():
    """Of bins a per cent wide only simulated events within count, if there are some."""
    rng = np.random.default_rng(10)
    made, true = 80 + rng.normal(0, 1, 800), 80 + rng.normal(0, 1, 2000)
    for one in calibrate(PAIR, (made, made), (true, true), "w").bins:
        assert one.simulated.asked == pytest.approx(one.generated.asked, rel=1e-3)


def test_bins_without_simulation_tell_of_the_generated_side_alone():
    made = smeared(1000, 1.0, 0.1, 3)
    asked, obtained = smeared(1000, 1.0, 0.1, 4)
    low = asked < 300
    found = calibrate(PAIR, made, (asked[low], obtained[low]), "t")
    assert found.bins[0].simulated is not None
    assert found.bins[-1].simulated is None
    assert found.bins[-1].generated is not None
    assert len(found.compared("linearity")) == sum(b.simulated is not None for b in found.bins)
    nothing = calibrate(PAIR, made, (asked[:0], obtained[:0]), "t")
    assert nothing.row()[3] == "–"


def test_too_few_or_nothing_asked_is_no_calibration():
    few = smeared(FEWEST - 1, 1.0, 0.1, 5)
    assert calibrate(PAIR, few, few, "t") is None
    assert calibrate(replace(PAIR, told=lambda _: None), few, few, "t") is None


def test_toy_jets_have_the_mass_of_their_particles(make_jets):
    jets = make_jets(150, types=("t",))
    pt, mass, multiplicity = (calibrate(q, jets, jets, "t") for q in JET_QUANTITIES)
    for one in multiplicity.bins:
        assert (one.generated.linearity, one.generated.resolution) == (1.0, 0.0)
    for one in mass.bins:  # the toy computes its jets' mass from the particles
        assert one.generated.linearity == pytest.approx(1.0, abs=1e-3)
    scaled = replace(jets, particles=jets.particles * np.float32([1, 1, 0.5]))
    half = calibrate(JET_QUANTITIES[0], scaled, jets, "t")
    for whole, less in zip(pt.bins, half.bins, strict=True):
        assert less.generated.linearity == pytest.approx(whole.generated.linearity / 2, rel=1e-5)


def test_energy_of_images():
    images = replace(
        made_images(4, planes=3, size=16),
        labels=np.array([0, 1, 5, 2]),
        momentum=np.float32([[0, 3, 4], [0, 0, 7], [300, 0, -400], [np.nan] * 3]),
    )
    m = PARTICLE_MASSES["p"]
    expected = [5.0 - PARTICLE_MASSES["e-"], 7.0, np.sqrt(500.0**2 + m**2) - m]
    np.testing.assert_allclose(kinetic_energy(images)[:3], expected, rtol=1e-2)
    quantity = image_quantities()[0]
    asked, charge = quantity.told(images)
    assert len(asked) == 3
    np.testing.assert_allclose(charge, images.pixels[:3].sum(axis=(1, 2, 3)) / 3, rtol=1e-6)
    assert quantity.told(replace(images, momentum=None)) is None
    assert image_quantities("ADC")[0].response.endswith("[ADC/MeV]")


def lines(angles, planes):
    """Images of a track through the middle at each angle [degrees] to the direction of the rows."""
    step = np.arange(-12, 13)
    pixels = np.zeros((len(angles), 1, 32, 32), np.float32)
    for n, angle in enumerate(np.radians(angles)):
        rows, columns = (np.rint(15 + step * f(angle)).astype(int) for f in (np.cos, np.sin))
        pixels[n, 0, rows, columns] = 1.0
    made = made_images(len(angles), planes=1, size=32)
    return replace(made, pixels=pixels, planes=np.full((len(angles), 1), planes, np.uint8))


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_tracks_along_and_across_their_momentum(plane):
    """``PLANES``: rows are coordinate ``plane``, columns the next one."""
    images = lines([0, 45, 90, 135, 30], plane)
    momentum = np.zeros((5, 3), np.float32)
    momentum[:4, plane] = momentum[:4, (plane + 1) % 3] = 100.0  # at 45 degrees
    momentum[4, (plane + 2) % 3] = 100.0  # out of the plane
    images = replace(images, momentum=momentum)
    cosine = alignment(images)
    np.testing.assert_allclose(cosine[:4], [0, 1, 0, -1], atol=0.02)
    assert np.isnan(cosine[4])
    asked, obtained = image_quantities()[1].told(images)
    np.testing.assert_allclose(asked, np.hypot(100, 100) * np.ones(4), rtol=1e-6)
    np.testing.assert_allclose(obtained, asked * cosine[:4])
    # the other way along the same axis
    back = alignment(replace(images, momentum=-momentum))
    np.testing.assert_allclose(back[:4], cosine[:4], atol=1e-12)
    assert alignment(replace(images, momentum=None)) is None


def test_charge_begins_at_its_start():
    """A track from the start: to half a pixel; charge only behind the middle: a negative reach."""
    images = lines([0, 90, 45], 0)
    start = np.array([[27.0, 15, 50], [15, 3, 50], [0.5, 15, 50]], np.float32)  # rows are x
    images = replace(images, start=start * images.pitch, corner=None)
    asked, obtained = reach(images)
    np.testing.assert_allclose(asked, np.hypot(*(start[:, :2] - 16).T))
    np.testing.assert_allclose(obtained[:2], asked[:2], atol=0.8)
    images.pixels[0, 0, :20] = 0
    images.pixels[1, 0, :, :18] = 0
    images.pixels[2] = 0
    start[2] = np.nan
    asked, obtained = reach(replace(images, start=start * images.pitch))
    assert len(asked) == 2 and obtained[1] < 0 < obtained[0]
    outside = replace(images, start=images.start + 20)
    assert len(reach(outside)[0]) == 0
    assert reach(replace(images, start=None)) is None
    assert image_quantities()[2].told(images)[0].tolist() == pytest.approx(asked)


def test_masses_are_those_of_the_simulation():
    from driftline.simulation.liquid_argon.argon import KINDS, MASSES

    for name, kind in KINDS.items():
        if name in PARTICLE_MASSES:
            assert MASSES[kind] == pytest.approx(PARTICLE_MASSES[name])
