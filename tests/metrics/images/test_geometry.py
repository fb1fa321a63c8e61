"""Clusters against scikit-learn, length against scipy's hull, and defined values at the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA

from driftline.metrics.images.geometry import clusters, largest_cluster, track_geometry

PITCH = 0.5


def geometry(image):
    return [float(x[0]) for x in track_geometry(np.asarray(image)[None], PITCH)]


def line(slope, length=40, size=64):
    """An image with charge on a straight line through its middle, ``length`` rows long."""
    image = np.zeros((size, size))
    rows = np.arange(size // 2 - length // 2, size // 2 + length // 2)
    image[rows, np.round(size / 2 + slope * (rows - size / 2)).astype(int)] = 1.5
    return image


def scattered(seed, share, size=40):
    """Charge in a random share of the pixels, more of it in some places than in others."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.random((size // 8, size // 8)), np.ones((8, 8)))
    return np.where(
        rng.random((size, size)) < share * coarse, rng.exponential(size=(size, size)), 0
    )


@settings(deadline=None, max_examples=60)
@given(arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_clusters_of_dense_images_are_scikit_learns(seen):
    check_against_scikit_learn(seen)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("seed", range(5))
def test_clusters_of_sparse_images_are_scikit_learns(share, seed):
    check_against_scikit_learn(scattered(seed, share) > 0)


def check_against_scikit_learn(seen):
    labels, number = clusters(seen)
    assert np.all(labels[~seen] == -1)
    if seen.any():
        expected = DBSCAN(eps=3, min_samples=5).fit(np.argwhere(seen)).labels_
        assert np.array_equal(labels[seen], expected)
        assert number == expected.max() + 1
    else:
        assert number == 0


@pytest.mark.parametrize("seed", range(8))
def test_length_width_and_angle_are_scipys_and_scikit_learns(seed):
    image = np.where(scattered(seed, 0.3) > 0, 1.0, 0.0)  # equal charges: PCA takes no weights
    labels = DBSCAN(eps=3, min_samples=5).fit(np.argwhere(image > 0)).labels_
    points = np.argwhere(image > 0)[labels == np.argmax(np.bincount(labels[labels >= 0]))]
    _, length, width, angle = geometry(image)
    hull = points[ConvexHull(points).vertices]
    assert length == pytest.approx(PITCH * pdist(hull).max(), rel=1e-12)
    pca = PCA(2).fit(points)
    across = pca.transform(points)[:, 1]
    assert width == pytest.approx(PITCH * (np.ptp(across) + 1), rel=1e-6)
    expected = np.degrees(np.arctan2(*pca.components_[0][::-1])) % 180
    assert (angle - expected + 90) % 180 - 90 == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("slope", "angle", "stretch"), [(0.0, 0.0, 1.0), (1.0, 45.0, 2**0.5), (-1.0, 135.0, 2**0.5)]
)
def test_collinear_tracks_where_the_hull_is_not_defined(slope, angle, stretch):
    image = line(slope)
    with pytest.raises(QhullError):
        ConvexHull(np.argwhere(image > 0))
    found = geometry(image)
    assert found == pytest.approx([1, 39 * stretch * PITCH, PITCH, angle], abs=1e-9)
    turned = geometry(image.T)
    assert turned == pytest.approx([1, 39 * stretch * PITCH, PITCH, (90 - angle) % 180], abs=1e-9)


def test_images_without_a_cluster():
    single = np.zeros((64, 64))
    single[10, 10] = 4.0
    few = np.zeros((64, 64))
    few[10, 10:14] = 1.0
    for image in (np.zeros((64, 64)), single, few, -line(0.3)):
        number, length, width, angle = geometry(image)
        assert (number, length, width) == (0, 0, 0)
        assert np.isnan(angle)


def test_a_square_of_charge_has_an_angle():
    image = np.zeros((16, 16))
    image[4:8, 4:8] = 1.0
    assert geometry(image) == pytest.approx([1, 3 * 2**0.5 * PITCH, 4 * PITCH, 0])


def test_images_one_pixel_wide_or_high():
    assert geometry(np.ones((1, 12))) == pytest.approx([1, 11 * PITCH, PITCH, 90])
    assert geometry(np.ones((12, 1))) == pytest.approx([1, 11 * PITCH, PITCH, 0])


def test_charge_turns_the_axis_but_not_the_length():
    image = line(0.0)
    image[12:52, 33] = image[12:52, 32]
    image[12:22, 33] = 20.0
    image[42:52, 32] = 20.0
    bare = geometry((image > 0).astype(float))
    heavy = geometry(image)
    assert bare[3] == pytest.approx(0, abs=1e-9)
    assert heavy[3] > 170  # the charge moves from the right to the left on the way down
    assert heavy[1] == bare[1]


def test_the_largest_cluster_counts_pixels_then_charge():
    image = np.zeros((32, 32))
    image[2, 2:10], image[12, 2:10], image[22, 2:8] = 1.0, 2.0, 9.0
    chosen, number = largest_cluster(image)
    assert number == 3
    assert np.array_equal(np.unique(np.argwhere(chosen)[:, 0]), [12])


@pytest.mark.parametrize("seed", range(10))
def test_mirror_images_have_the_same_length_and_width_and_mirrored_angles(seed):
    image = scattered(seed, 2.0, size=24)
    number, length, width, angle = geometry(image)
    assert number == 1  # of several, the first gets the pixels at the border of two
    for mirrored in (image[::-1], image[:, ::-1]):
        other = geometry(mirrored)
        assert other[:3] == pytest.approx([number, length, width], abs=1e-9)
        assert (other[3] + angle + 90) % 180 - 90 == pytest.approx(0, abs=1e-6)


def test_rectangular_images_of_any_precision():
    image = np.zeros((20, 50), np.float32)
    image[3, 5:45] = 0.7
    assert geometry(image) == pytest.approx([1, 39 * PITCH, PITCH, 90])
