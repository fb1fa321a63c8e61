"""Numbers and ranges of the command line: what is drawn from them, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.cli.asked import AskedFeatures, AskedMomentum, AskedStart, Range
from driftline.data.formats.conditions import IMAGES
from driftline.errors import InputError

EVENTS = np.arange(4000)
ANY = IMAGES.columns["px"]


@settings(max_examples=50)
@given(low=st.floats(-1e4, 1e4), width=st.floats(0, 1e4), u=st.floats(0, 1, exclude_max=True))
def test_ranges_hold_what_is_drawn(low, width, u):
    found = Range.parse("--momentum", f"{low!r}:{low + width!r}", ANY).at(np.array([u]))
    assert low <= found[0] <= low + width or found[0] == pytest.approx(low + width)
    assert Range.parse("--momentum", repr(low), ANY).at(np.array([u]))[0] == low


def test_whole_numbers_have_equal_chances_at_both_ends():
    drawn = AskedFeatures.parse({"num_particles": "10:14"}).of(EVENTS, 1)["num_particles"]
    counts = np.unique(drawn, return_counts=True)
    assert counts[0].tolist() == [10, 11, 12, 13, 14]
    assert (abs(counts[1] - 800) < 5 * np.sqrt(800)).all()


def test_an_event_is_asked_the_same_in_any_shard_and_company():
    alone = AskedFeatures.parse({"pt": None, "mass": "50:100"})
    both = AskedFeatures.parse({"pt": "900:1100", "mass": "50:100"})
    assert list(alone.of(EVENTS, 3)) == ["mass"]
    np.testing.assert_array_equal(
        alone.of(EVENTS, 3)["mass"][100:120], both.of(EVENTS[100:120], 3)["mass"]
    )
    drawn = both.of(EVENTS, 3)
    assert abs(np.corrcoef(drawn["pt"], drawn["mass"])[0, 1]) < 5 / np.sqrt(len(EVENTS))
    assert not np.array_equal(drawn["pt"], both.of(EVENTS, 4)["pt"])
    assert drawn["pt"].mean() == pytest.approx(1000, abs=5 * 200 / np.sqrt(12 * len(EVENTS)))


def test_a_magnitude_has_any_direction():
    found = AskedMomentum.parse("100:800").of(EVENTS, 1)
    magnitude = np.linalg.norm(found, axis=1)
    assert 100 <= magnitude.min() < 105 and 795 < magnitude.max() <= 800
    cosines = found / magnitude[:, None]
    # isotropic: mean zero and second moments 1/3
    np.testing.assert_allclose(cosines.mean(axis=0), 0, atol=5 / np.sqrt(3 * len(EVENTS)))
    np.testing.assert_allclose(cosines.T @ cosines / len(EVENTS), np.eye(3) / 3, atol=0.03)


def test_components_are_numbers_or_ranges():
    found = AskedMomentum.parse("1,-200:-100,3").of(EVENTS, 1)
    assert (found[:, [0, 2]] == [1, 3]).all()
    assert -200 <= found[:, 1].min() < found[:, 1].max() <= -100


def test_starts_are_drawn_apart_from_momenta():
    assert (AskedStart.parse("10,-20:40").of(EVENTS, 1)[:, 0] == 10).all()
    found = AskedStart.parse("0:1,-20:40").of(EVENTS, 1)
    assert -20 <= found[:, 1].min() < -19 and 39 < found[:, 1].max() <= 40
    momenta = AskedMomentum.parse("0:1,0:1,0:1").of(EVENTS, 1)
    correlation = np.corrcoef(found.T, momenta.T) - np.eye(5)
    assert (abs(correlation) < 5 / np.sqrt(len(EVENTS))).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("heavy", "give 900 or 900:1100"),
        ("", "no number and no range"),
        ("1:2:3", "no range"),
        ("1:inf", "finite"),
        ("2:1", "lower one first"),
        ("0:1", "is 0; write a positive"),
        ("-100:100", "is -100; write a positive"),
        ("1:1e39", "is 1e39; write a finite"),
        ("1e-50", "is 1e-50; write a positive"),
    ],
)
def test_bad_ranges_are_named(text, words):
    with pytest.raises(InputError, match=f"^--pt.*{words}"):
        AskedFeatures.parse({"pt": text})


def test_bad_wholes_and_momenta_are_named():
    with pytest.raises(InputError, match="--num-particles is 2.5; write a whole number from 1"):
        AskedFeatures.parse({"num_particles": "2.5:4"})
    with pytest.raises(InputError, match="--momentum 1,2: is no momentum"):
        AskedMomentum.parse("1,2")
    with pytest.raises(InputError, match="--momentum -5: a magnitude is not negative"):
        AskedMomentum.parse("-5")
    with pytest.raises(InputError, match="--momentum is 1e39; write a finite"):
        AskedMomentum.parse("1e39,0,0")
    with pytest.raises(InputError, match="--start 3: is no row and column"):
        AskedStart.parse("3")
    with pytest.raises(InputError, match="--start is nan; write a finite"):
        AskedStart.parse("3,nan")
    with pytest.raises(InputError, match="--start is 20000; write a number of pixels"):
        AskedStart.parse("3,20000")
