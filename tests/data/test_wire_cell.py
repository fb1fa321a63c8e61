"""Wire-Cell's frame archives: a small one of the layout of the real ProtoDUNE archive."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from driftline.data.formats import wire_cell
from driftline.data.formats.detector_images import read_images
from driftline.data.formats.wire_cell import Detector, Plane
from driftline.data.liquid_argon import in_mev
from driftline.errors import InputError
from made_frames import archive, protodune

SIZE, REBIN, PLANES = 8, 4, (20, 16, 24)
DETECTOR = Detector("small", (Plane(20, 0.4), Plane(16, 0.4), Plane(24, 0.3)), 0.2)
TICK = 0.1
"""[cm] of drift."""
small = partial(wire_cell.blocks, size=SIZE, least=5, detector=DETECTOR)
REAL = Path(__file__).parents[2].parent / "shared/reference/protodunehd-sp-frames-anode1.tar.bz2"


def event(rng, number, ticks=135, tag="gauss1", first=2560):
    """The arrays of one event; charge in a tenth of the ticks."""
    channels = sum(PLANES)
    frame = rng.exponential(2000, (channels, ticks)) * (rng.random((channels, ticks)) < 0.1)
    return {
        f"frame_{tag}_{number}": frame.astype(np.float32),
        f"channels_{tag}_{number}": np.arange(first, first + channels, dtype=np.int32),
        f"tickinfo_{tag}_{number}": np.array([0.0, 500.0, 0.0]),
        f"frame_wiener1_{number}": np.ones((channels, ticks), dtype=np.float32),
        f"summary_wiener1_{number}": np.ones(channels),
        f"chanmask_bad_{number}": np.array(
            [[7, 0, ticks], [2581, 8, 20], [2619, 0, ticks]], dtype=np.int32
        ),
    }


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.zeros(0), []),
        ([[2581, -5, 8], [2581, 8, 8], [2581, 900, 999], [2581, 100, 999]], [[0, 1], [25, 33]]),
    ],
)
def test_stretches_of_bad_wires_are_cut_to_the_frame(tmp_path, mask, expected):
    arrays = event(np.random.default_rng(0), 1) | {"chanmask_bad_1": np.asarray(mask)}
    images = next(small(archive(tmp_path / "frames.tar", arrays)))
    assert [columns for _, _, *columns in images.attributes["bad"]] == expected


@pytest.mark.parametrize("mask", [np.zeros((1, 2)), [["a", "b", "c"]], [[np.nan, 0, 1]], [1, 2, 3]])
def test_damaged_masks_are_refused(tmp_path, mask):
    arrays = event(np.random.default_rng(0), 1) | {"chanmask_bad_1": np.asarray(mask)}
    with pytest.raises(InputError, match=r"chanmask_bad is .* expected channel, first tick"):
        next(small(archive(tmp_path / "frames.tar", arrays)))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tiles(tmp_path, mode):
    arrays = event(np.random.default_rng(0), 40896)
    path = archive(tmp_path / "frames.tar", arrays, mode)
    images = next(small(path))
    columns = 135 // REBIN
    summed = arrays["frame_gauss1_40896"][:, : columns * REBIN]
    summed = summed.reshape(-1, columns, REBIN).sum(axis=2)
    expected = []
    for plane, first in enumerate((0, 20, 36)):
        for row in range(0, PLANES[plane] - SIZE + 1, SIZE):
            for column in range(0, columns - SIZE + 1, SIZE):
                tile = summed[first + row : first + row + SIZE, column : column + SIZE]
                tile = np.where(tile < 400, 0, tile)
                if (tile > 0).sum() >= 5:
                    expected.append((plane, row, column, tile))
    assert len(images) == len(expected) == (2 + 2 + 3) * 4
    for k, (plane, row, column, tile) in enumerate(expected):
        assert images.planes[k, 0] == plane
        assert images.corner[k, 0].tolist() == [row, column]
        np.testing.assert_allclose(images.pixels[k, 0], tile, rtol=1e-5)
    assert (images.unit, images.threshold) == ("electrons", 400.0)
    assert (images.event == 40896).all()
    assert images.attributes["tag"] == "gauss1"
    assert images.pitch == 0.3
    # wire 1 of the second plane and wire 23 of the third; channel 7 is not of this anode
    assert images.attributes["bad"] == [[1, 1, 2, 4], [2, 23, 0, columns]]


def test_events_and_the_order_of_channels(tmp_path):
    rng = np.random.default_rng(1)
    one, two = event(rng, 1), event(rng, 2)
    turned = np.random.default_rng(2).permutation(sum(PLANES))
    mixed = dict(two)
    for name in ("frame_gauss1_2", "channels_gauss1_2"):
        mixed[name] = two[name][turned]
    straight = list(small(archive(tmp_path / "a.tar", one | two)))
    shuffled = list(small(archive(tmp_path / "b.tar", one | mixed)))
    assert [part.event[0] for part in straight] == [1, 2]
    assert np.array_equal(straight[1].pixels, shuffled[1].pixels)
    assert straight[1].attributes["bad"] == shuffled[1].attributes["bad"]


def test_few_pixels_make_no_tile(tmp_path):
    arrays = event(np.random.default_rng(0), 3)
    path = archive(tmp_path / "a.tar", arrays)
    every = next(small(path))
    number = (every.pixels > 0).sum(axis=(1, 2, 3))
    least = int(np.median(number)) + 1
    some = next(small(path, least=least))
    assert np.array_equal(some.pixels, every.pixels[number >= least])
    with pytest.raises(InputError, match="no tile of 8 x 8 pixels"):
        list(small(path, threshold=1e9))


def test_other_tags_where_there_is_no_gauss(tmp_path):
    path = archive(tmp_path / "a.tar", event(np.random.default_rng(0), 3, tag="threshold2"))
    assert next(small(path)).attributes["tag"] == "threshold2"


def squares(path, pitch):
    """The whole planes in square pixels, put together from tiles of one pixel."""
    images = next(small(path, size=1, least=0, threshold=0, pitch=pitch))
    for plane in range(3):
        mine = images[images.planes[:, 0] == plane]
        whole = np.zeros(mine.corner[:, 0].max(axis=0) + 1)
        whole[tuple(mine.corner[:, 0].T)] = mine.pixels[:, 0, 0, 0]
        yield whole


def each_plane(frame):
    return np.split(frame, np.cumsum(PLANES)[:-1])


@pytest.mark.parametrize("pitch", [0.1, 0.3, 0.37, 0.4, 1.0])
def test_a_pitch_keeps_the_charge_of_each_plane(tmp_path, pitch):
    arrays = event(np.random.default_rng(0), 3)
    path = archive(tmp_path / "a.tar", arrays)
    for plane, made in zip(each_plane(arrays["frame_gauss1_3"]), squares(path, pitch)):
        assert made.sum() == pytest.approx(plane.sum(dtype=np.float64), rel=1e-6)


def test_a_pitch_puts_charge_where_it_is(tmp_path):
    """Wire 10 of each plane lies from 4 to 4.4 or 3 to 3.3 cm, tick 41 from 4.1 to 4.2 cm."""
    arrays = event(np.random.default_rng(0), 3)
    frame = np.zeros_like(arrays["frame_gauss1_3"])
    for plane in each_plane(frame):
        plane[10, 41] = 1e3
    path = archive(tmp_path / "a.tar", arrays | {"frame_gauss1_3": frame})
    one, two, three = (made.round(3) for made in squares(path, 0.42))
    for made in (one, two):  # the edge between rows 9 and 10 is at 4.2 cm
        assert np.argwhere(made).tolist() == [[9, 9], [10, 9]]
        assert made[9:11, 9].tolist() == [500, 500]
    assert np.argwhere(three).tolist() == [[7, 9]] and three.sum() == 1e3


def test_a_pitch_keeps_constant_charge_by_area(tmp_path):
    arrays = event(np.random.default_rng(0), 3)
    arrays["frame_gauss1_3"][:] = 1e3
    path = archive(tmp_path / "a.tar", arrays)
    for plane, made in zip(DETECTOR.planes, squares(path, 0.5)):
        density = 1e3 / (plane.pitch * TICK)
        np.testing.assert_allclose(made[:-1, :-1], density * 0.5**2, rtol=1e-6)


def test_a_pitch_as_wires_and_ticks_have_changes_nothing(tmp_path):
    path = archive(tmp_path / "a.tar", event(np.random.default_rng(0), 3))
    plain, same = next(small(path)), next(small(path, pitch=0.4))
    for plane in (0, 1):  # the third one's wires are closer
        one, other = (images[images.planes[:, 0] == plane] for images in (plain, same))
        assert np.array_equal(one.corner, other.corner)
        np.testing.assert_allclose(one.pixels, other.pixels, rtol=1e-6)
    assert (same.pitch, same.attributes["ticks in a column"]) == (0.4, pytest.approx(4))
    finest = next(small(path, pitch=0.1))
    assert finest.attributes["ticks in a column"] == pytest.approx(1)


def test_bad_stretches_in_square_pixels(tmp_path):
    """Wire 1 of the second plane, ticks 8 to 19; wire 23 of the third throughout."""
    images = next(small(archive(tmp_path / "a.tar", event(np.random.default_rng(0), 3)), pitch=0.5))
    assert images.attributes["bad"] == [[1, 0, 1, 3], [1, 1, 1, 3], [2, 13, 0, 26], [2, 14, 0, 26]]
    assert (images.corner[:, 0] % SIZE == 0).all()


def test_a_pitch_that_cannot_be_is_refused(tmp_path):
    arrays = event(np.random.default_rng(0), 3)
    path = archive(tmp_path / "a.tar", arrays)
    with pytest.raises(InputError, match="rebin: the pitch tells"):
        next(small(path, rebin=4, pitch=0.5))
    with pytest.raises(InputError, match="rebin 0"):
        next(small(path, rebin=0))
    for pitch in (0.099, 0, -1, np.nan, np.inf):
        with pytest.raises(InputError, match=r"from 0.1 cm up, the length of a tick"):
            next(small(path, pitch=pitch))
    for ticks in (np.zeros(3), np.array([0, np.inf, 0]), np.array([500.0]), np.array(["a"] * 3)):
        archive(path, arrays | {"tickinfo_gauss1_3": ticks})
        with pytest.raises(InputError, match="tickinfo does not tell"):
            next(small(path, pitch=0.5))
    del arrays["tickinfo_gauss1_3"]
    archive(path, arrays)
    with pytest.raises(InputError, match="tickinfo does not tell"):
        next(small(path, pitch=0.5))
    assert len(next(small(path)))


def test_known_detectors(tmp_path):
    """An anode of ProtoDUNE: the planes are known by the number of channels."""
    path = protodune(tmp_path / "a.tar")
    images = read_images(path)
    assert images.pixels.shape == (1, 1, 64, 64)
    assert images.planes.tolist() == [[1]]
    assert (images.pixels[0, 0, :, :32] == 4e3).all()
    assert (images.pixels[0, 0, :, 32:] == 0).all()
    assert images.pitch == 0.479


def test_frames_as_a_background(tmp_path):
    """In the unit and the pixels of generated images: 64 x 0.4669 cm by 128 x 0.08 cm of charge."""
    path = protodune(tmp_path / "a.tar")
    images = read_images(path, unit="MeV", pitch=0.5)
    assert (images.unit, images.pitch) == ("MeV", 0.5)
    assert np.argwhere(images.pixels[0, 0]).max(axis=0).tolist() == [59, 20]
    electrons = read_images(path, pitch=0.5)
    assert np.array_equal(in_mev(electrons).pixels, images.pixels)
    assert electrons.pixels.sum() == pytest.approx(64 * 128 * 1e3)


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not there")
@pytest.mark.parametrize(
    ("options", "tiles", "pitch", "threshold"),
    [
        ({}, [104, 92, 79], 0.479, 400),
        ({"unit": "MeV", "pitch": 0.5}, [84, 74, 57], 0.5, 0.0134),
    ],
)
def test_real_frames_of_protodune(options, tiles, pitch, threshold):
    """The numbers of tiles of docs/how-to/images.md."""
    images = read_images(REAL, **options)
    assert np.bincount(images.planes[:, 0]).tolist() == tiles
    assert images.pixels.shape == (sum(tiles), 1, 64, 64)
    assert images.present == ("unknown",)
    assert (images.event == 40896).all() and images.attributes["tag"] == "gauss1"
    assert images.unit == options.get("unit", "electrons") and images.pitch == pitch
    assert images.threshold == pytest.approx(threshold, rel=1e-3)
    seen = images.pixels > 0
    assert (seen.sum(axis=(1, 2, 3)) >= 50).all()
    assert images.pixels[seen].min() >= np.float32(images.threshold)
    assert images.attributes["bad"]


def test_bad_archives_are_refused(tmp_path):
    arrays = event(np.random.default_rng(0), 3)
    path = archive(tmp_path / "a.tar.bz2", {"channels_gauss1_3": np.arange(3)})
    with pytest.raises(InputError, match="holds no frame_TAG_EVENT"):
        read_images(path)
    with pytest.raises(InputError, match="60 channels; known are 2560"):
        read_images(archive(path, arrays))
    with pytest.raises(InputError, match="channels has 59 numbers, frame 60 rows"):
        list(small(archive(path, arrays | {"channels_gauss1_3": np.arange(59)})))
    for broken in (np.full((60, 9), np.nan), np.zeros(60), np.zeros((60, 0))):
        with pytest.raises(InputError, match="expected finite numbers"):
            list(small(archive(path, arrays | {"frame_gauss1_3": broken})))
    archive(path, arrays)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="damaged"):
        list(small(path))
