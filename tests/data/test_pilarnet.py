"""PILArNet-M's events and their projections."""

import h5py
import numpy as np
import pytest

from driftline.data.formats import pilarnet
from driftline.data.formats.detector_images import read_images
from driftline.data.images import PLANES
from driftline.errors import InputError

LOW_ENERGY, TRACK, SHOWER = 4, 1, 0


def event(rng, sizes=(5, 20, 30), semantic=(LOW_ENERGY, TRACK, SHOWER)):
    """Voxels (P, 8) and their groups (G, 5)."""
    count = sum(sizes)
    point = rng.exponential(1.0, (count, 8)).astype(np.float32)
    point[:, :3] = rng.integers(0, 768, (count, 3))
    groups = [(size, k, k, 0, kind) for k, (size, kind) in enumerate(zip(sizes, semantic))]
    return point, np.array(groups, dtype=np.int64)


def write(path, events, second_release=False):
    with h5py.File(path, "w") as file:
        point = file.create_dataset("point", (len(events),), dtype=h5py.vlen_dtype("f4"))
        cluster = file.create_dataset("cluster", (len(events),), dtype=h5py.vlen_dtype("i8"))
        for k, (voxels, groups) in enumerate(events):
            if second_release:
                groups = np.concatenate([groups, np.full((len(groups), 1), 2)], axis=1)
            point[k], cluster[k] = voxels.ravel(), groups.ravel()
        if second_release:
            file.create_dataset("cluster_extra", (len(events),), dtype=h5py.vlen_dtype("f4"))
    return path


@pytest.mark.parametrize("second_release", [False, True])
def test_projections(tmp_path, second_release):
    rng = np.random.default_rng(0)
    events = [event(rng), event(rng, (40,), (TRACK,)), event(rng, (3, 3), (2, 3))]
    path = write(tmp_path / "a.h5", events, second_release)
    images = read_images(path)
    assert images.pixels.shape == (3, 3, 768, 768)
    assert (images.unit, images.pitch, images.present) == ("MeV", 0.3, ("unknown",))
    assert images.event.tolist() == [0, 1, 2]
    for k, (voxels, _) in enumerate(events):
        for plane, axes in enumerate(((0, 1), (1, 2), (2, 0))):
            sums, *_ = np.histogram2d(
                *voxels[:, axes].T, bins=768, range=[[0, 768]] * 2, weights=voxels[:, 3]
            )
            np.testing.assert_allclose(images.pixels[k, plane], sums, rtol=1e-6)
        totals = images.pixels[k].sum(axis=(1, 2), dtype=np.float64)
        np.testing.assert_allclose(totals, voxels[:, 3].sum(dtype=np.float64), rtol=1e-5)
        assert np.array_equal(images.segmentation[k] > 0, images.pixels[k] > 0)
    assert set(np.unique(images.segmentation[1])) == {0, 1}
    assert set(np.unique(images.segmentation[2])) == {0, 2}
    parts = list(pilarnet.blocks(path, 2))
    assert [len(part) for part in parts] == [2, 1]
    assert np.array_equal(parts[1].pixels[0], images.pixels[2])


def test_a_pixel_belongs_to_the_segment_with_most_charge():
    voxels = np.array([[1, 2, 3], [1, 2, 9], [1, 2, 8]])
    charge = np.array([1.0, 0.7, 0.7], dtype=np.float32)
    pixels, segments = pilarnet.project(voxels, charge, np.array([TRACK, SHOWER, LOW_ENERGY]))
    assert PLANES[0] == ("x", "y")
    assert pixels[0, 1, 2] == pytest.approx(2.4)
    assert segments[0, 1, 2] == 2  # 1.4 of shower, 1.0 of track
    assert segments[1, 2, 3] == 1  # the track alone, in y and z
    assert segments[2, 3, 1] == 1  # z along the rows, x along the columns
    assert (segments > 0).sum() == (pixels > 0).sum() == 7


def test_bad_files_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    voxels, groups = event(rng)
    outside, infinite, kind = voxels.copy(), voxels.copy(), groups.copy()
    outside[3, 1], infinite[3, 3], kind[1, 4] = 768, np.inf, 5
    for bad, message in (
        ((voxels.ravel()[:-1], groups), "439 numbers in point"),
        ((voxels, groups.ravel()[:-1]), "14 in cluster"),
        ((voxels[:-1], groups), "54 voxels in point, 55 in cluster"),
        ((outside, groups), "outside 0 to 767"),
        ((infinite, groups), "infinite charge"),
        ((voxels, kind), "semantic type"),
    ):
        path = write(tmp_path / "a.h5", [(voxels, groups), bad])
        with pytest.raises(InputError, match=f"event 1.*{message}"):
            read_images(path)
    with pytest.raises(InputError, match="point has 0 events"):
        read_images(write(tmp_path / "a.h5", []))
