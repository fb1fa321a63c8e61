"""Momenta drawn where none is asked for: those of the class and planes, each as likely."""

import numpy as np
import pytest
from scipy import stats

from driftline.data.momenta import Momenta

rng = np.random.default_rng(1)


def table(planes: int = 1) -> Momenta:
    """Whose x tells the class, y the (first) plane and z the number."""
    labels = np.repeat([0, 2], 30).astype(np.uint8)
    seen = np.tile(np.arange(3, dtype=np.uint8)[:, None], (20, planes))
    momentum = np.column_stack([labels, seen[:, 0], np.arange(60)]).astype(np.float32)
    return Momenta(momentum, labels, seen)


def test_momenta_are_of_the_class_and_plane():
    labels = rng.choice([0, 2], 500)
    planes = rng.integers(0, 3, (500, 1)).astype(np.uint8)
    drawn = table().drawn(labels, planes, rng.random(500))
    np.testing.assert_array_equal(drawn[:, 0], labels)
    np.testing.assert_array_equal(drawn[:, 1], planes[:, 0])


def test_each_is_as_likely():
    count = 20_000
    labels, planes = np.zeros(count, np.int64), np.ones((count, 1), np.uint8)
    drawn = table().drawn(labels, planes, rng.random(count))
    rows, found = np.unique(drawn[:, 2], return_counts=True)
    assert rows.tolist() == list(range(1, 30, 3))
    assert stats.chisquare(found).pvalue > 1e-4
    ends = table().drawn(labels[:2], planes[:2], np.array([0.0, np.nextafter(1, 0)]))
    assert ends[:, 2].tolist() == [1, 28]


def test_an_image_gets_its_momentum_in_any_company():
    labels, uniform = np.array([2, 0, 2, 0]), rng.random(4)
    planes = np.array([[0], [1], [0], [2]], dtype=np.uint8)
    together = table().drawn(labels, planes, uniform)
    for n in range(4):
        one = slice(n, n + 1)
        np.testing.assert_array_equal(
            table().drawn(labels[one], planes[one], uniform[one]), together[one]
        )


def test_of_what_training_did_not_have_none_is_known():
    planes = np.zeros((2, 1), np.uint8)
    drawn = table().drawn(np.array([1, 0]), planes, np.full(2, 0.5))
    assert np.isnan(drawn[0]).all() and np.isfinite(drawn[1]).all()
    several = Momenta(*(a[::3] for a in table(3).arrays.values()))
    assert np.isnan(several.drawn(np.zeros(1, int), np.array([[0, 1, 2]]), np.zeros(1))).all()


def test_classes_are_joined_and_left_out():
    one = table()
    rest = one.without(np.array([2], np.uint8))
    assert set(rest.labels.tolist()) == {0} and len(rest.momentum) == 30
    again = rest.joined(one.without(np.array([0], np.uint8)))
    assert again.digest == one.digest


@pytest.mark.parametrize(
    "change",
    [
        {"momentum": np.zeros((59, 3), np.float32)},
        {"momentum": np.zeros((60, 3))},
        {"planes": np.zeros(60, np.uint8)},
        {"labels": np.zeros(60, np.int64)},
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(change):
    with pytest.raises(ValueError, match="momenta"):
        Momenta(**{**table().arrays, **change})


def test_other_momenta_are_told_apart():
    one = table()
    other = Momenta(one.momentum + 1, one.labels, one.planes)
    assert one.digest == table().digest != other.digest
