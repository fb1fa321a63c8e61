"""Wire-Cell's frame archives: a small one of the layout of the real ProtoDUNE archive."""

import io
import tarfile
from functools import partial

import numpy as np
import pytest

from driftline.data.formats import wire_cell
from driftline.data.formats.detector_images import read_images
from driftline.errors import InputError

SIZE, REBIN, PLANES = 8, 4, (20, 16, 24)
small = partial(wire_cell.blocks, size=SIZE, least=5, channels=PLANES)


def archive(path, arrays, mode="w:bz2"):
    with tarfile.open(path, mode) as tar:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            member = tarfile.TarInfo(f"{name}.npy")
            member.size = content.tell()
            content.seek(0)
            tar.addfile(member, content)
    return path


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
    # wire 1 of the second plane and wire 23 of the third; channel 7 is not of this anode
    assert images.attributes["bad"] == [[1, 1, 2, 4], [2, 23, 0, columns - 1]]


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


def test_known_detectors(tmp_path):
    """An anode of ProtoDUNE: the planes are known by the number of channels."""
    frame = np.zeros((2560, 256), dtype=np.float32)
    frame[800:864, :128] = 1e3
    path = archive(tmp_path / "a.tar.bz2", {"frame_gauss0_5": frame})
    images = read_images(path)
    assert images.pixels.shape == (1, 1, 64, 64)
    assert images.planes.tolist() == [[1]]
    assert (images.pixels[0, 0, :, :32] == 4e3).all()
    assert (images.pixels[0, 0, :, 32:] == 0).all()


def test_bad_archives_are_refused(tmp_path):
    arrays = event(np.random.default_rng(0), 3)
    path = archive(tmp_path / "a.tar.bz2", {"channels_gauss1_3": np.arange(3)})
    with pytest.raises(InputError, match="holds no frame_TAG_EVENT"):
        read_images(path)
    with pytest.raises(InputError, match="60 channels; known are 2560"):
        read_images(archive(path, arrays))
    with pytest.raises(InputError, match="channels has 59 numbers, frame 60 rows"):
        list(small(archive(path, arrays | {"channels_gauss1_3": np.arange(59)})))
    for broken in (np.full((60, 9), np.nan), np.zeros(60)):
        with pytest.raises(InputError, match="expected finite numbers"):
            list(small(archive(path, arrays | {"frame_gauss1_3": broken})))
    archive(path, arrays)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="damaged"):
        list(small(path))
