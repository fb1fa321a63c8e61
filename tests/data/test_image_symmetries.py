"""Exchanges and mirror images of the axes, against projections of a transformed volume."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.data.image_symmetries import (
    transformed_images,
    transformed_points,
    transformed_vectors,
)
from driftline.data.images import PLANES

AXES = ("x", "y", "z")
CUBE = [(p, s) for p in permutations(range(3)) for s in product((1, -1), repeat=3)]


def projections(volume: np.ndarray) -> np.ndarray:
    """(1, 3, S, S) sums of a volume (x, y, z) along the third axis of each plane."""
    planes = []
    for row, column in PLANES:
        (other,) = set(AXES) - {row, column}
        plane = volume.sum(axis=AXES.index(other))
        first, second = (axis for axis in AXES if axis != other)
        planes.append(plane if (first, second) == (row, column) else plane.T)
    return np.stack(planes)[None]


def turned_volume(
    volume: np.ndarray, permutation: tuple[int, ...], signs: tuple[int, ...]
) -> np.ndarray:
    """Axis i of the result is axis permutation[i], mirrored where the sign is negative."""
    new = volume.transpose(permutation)
    return np.flip(new, [i for i in range(3) if signs[i] < 0])


@pytest.mark.parametrize(("permutation", "signs"), CUBE)
def test_images_are_the_projections_of_the_transformed_event(
    permutation: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    volume = np.random.default_rng(1).random((5, 5, 5))
    element = np.array([permutation]), np.array([signs])
    planes = np.arange(3, dtype=np.uint8)[None]
    pixels, new_planes = transformed_images(projections(volume), planes, *element)
    np.testing.assert_array_equal(new_planes, planes)
    expected = projections(turned_volume(volume, permutation, signs))
    np.testing.assert_allclose(pixels, expected, rtol=1e-12)
    # One plane at a time: the same image, and it says which plane it is now.
    for k in range(3):
        one, plane = transformed_images(
            projections(volume)[:, k : k + 1], planes[:, k : k + 1], *element
        )
        np.testing.assert_allclose(one[0, 0], expected[0, plane[0, 0]], rtol=1e-12)


@pytest.mark.parametrize(("permutation", "signs"), CUBE)
def test_momenta_turn_with_the_event(permutation: tuple[int, ...], signs: tuple[int, ...]) -> None:
    """Charge at a place turns to charge at the turned place."""
    middle, place = 3, np.array([1, -2, 3])
    volume = np.zeros((7, 7, 7))
    volume[tuple(middle + place)] = 1
    turned = transformed_vectors(place[None], np.array([permutation]), np.array([signs]))[0]
    assert turned_volume(volume, permutation, signs)[tuple(middle + turned)] == 1


@pytest.mark.parametrize(("permutation", "signs"), CUBE)
@pytest.mark.parametrize("planes", [[0, 1, 2], [0], [1], [2]])
def test_points_stay_on_their_charge(
    permutation: tuple[int, ...], signs: tuple[int, ...], planes: list[int]
) -> None:
    """The middle of the one charged pixel of each plane is that of the new plane's."""
    element = np.array([permutation]), np.array([signs])
    pixels = np.zeros((1, len(planes), 7, 7))
    places = np.random.default_rng(3).integers(0, 7, (len(planes), 2))
    pixels[0, range(len(planes)), places[:, 0], places[:, 1]] = 1
    seen = np.array([planes], dtype=np.uint8)
    turned, _ = transformed_images(pixels, seen, *element)
    points = transformed_points(places[None] + 0.5, seen, *element, (7, 7))
    np.testing.assert_array_equal(np.argwhere(turned[0])[:, 1:] + 0.5, points[0])


@given(st.lists(st.sampled_from(CUBE), min_size=1, max_size=5), st.integers(0, 2))
def test_every_image_has_its_own_transformation(
    elements: list[tuple[tuple[int, ...], tuple[int, ...]]], plane: int
) -> None:
    permutation = np.array([p for p, _ in elements])
    signs = np.array([s for _, s in elements])
    pixels = np.random.default_rng(2).random((len(elements), 1, 4, 4)).astype(np.float32)
    planes = np.full((len(elements), 1), plane, dtype=np.uint8)
    whole, new = transformed_images(pixels, planes, permutation, signs)
    assert whole.dtype == np.float32
    for n in range(len(elements)):
        one = slice(n, n + 1)
        alone = transformed_images(pixels[one], planes[one], permutation[one], signs[one])
        np.testing.assert_array_equal(whole[one], alone[0])
        np.testing.assert_array_equal(new[one], alone[1])


def test_images_that_are_not_square_cannot_be_turned() -> None:
    flat = np.zeros((1, 1, 2, 4))
    plane = np.zeros((1, 1), dtype=np.uint8)
    mirror = transformed_images(flat, plane, np.array([[0, 1, 2]]), np.array([[-1, 1, 1]]))
    assert mirror[0].shape == flat.shape
    with pytest.raises(ValueError):
        transformed_images(flat, plane, np.array([[1, 0, 2]]), np.array([[1, 1, 1]]))
