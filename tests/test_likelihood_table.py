"""The table of log-likelihoods: it comes back as it went, and says what can be ranked."""

import csv
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from driftline.errors import InputError
from driftline.likelihood_table import LikelihoodTable


def made(types=("q", "t"), judged_as="q", networks=True, count=50, error=0.1):
    rng = np.random.default_rng(1)
    names = np.repeat(types, count)
    parts = {"jet level": rng.normal(-17, 2, len(names)), "particle level": rng.normal(-40, 9)}
    parts["particle level"] = rng.normal(-40, 9, len(names)) + 8 * (names == "t")
    nats, dimensions = sum(parts.values()), rng.integers(30, 32, len(names)).astype(float)
    return LikelihoodTable(
        names,
        np.full(len(names), judged_as) if judged_as else names,
        nats,
        np.full(len(names), error),
        dimensions,
        -nats / dimensions / np.log(2),
        parts if networks else {},
    )


@pytest.mark.parametrize("networks", [True, False])
@pytest.mark.parametrize("error", [0.1, np.nan])
def test_what_is_written_is_read(tmp_path, networks, error):
    table = made(networks=networks, error=error)
    path = tmp_path / "likelihood.csv"
    path.write_text(table.csv)
    again = LikelihoodTable.read(path)
    for name in ("types", "judged_as"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    for name in ("nats", "standard_error", "dimensions", "bits_per_dimension"):
        np.testing.assert_allclose(getattr(again, name), getattr(table, name), rtol=1e-6)
    assert list(again.by_network) == list(table.by_network)
    assert again.csv == table.csv
    (head, *lines) = csv.reader(StringIO(table.csv))
    assert len(lines) == 100 and head[:3] == ["event", "type", "judged_as"]


def test_the_background_is_what_all_were_judged_as():
    assert made().background == "q"
    assert made(types=("t", "q", "w")).signals == ("t", "w")
    assert made(judged_as=None).signals == ()
    assert made(judged_as=None).background is None
    assert made(judged_as="g").background is None
    assert made(types=("q",)).background is None


def test_scores_are_higher_for_what_is_less_likely():
    table = made()
    assert list(table.scores) == [
        *("jet level", "particle level"),
        *("all numbers", "bits per dimension"),
    ]
    np.testing.assert_array_equal(table.scores["all numbers"], -table.nats)
    np.testing.assert_array_equal(table.scores["bits per dimension"], table.bits_per_dimension)
    assert list(made(networks=False).scores) == ["all numbers", "bits per dimension"]
    # of equally many dimensions bits rank as nats do
    fixed = replace(table, dimensions=np.full(100, 30.0))
    assert list(fixed.scores) == ["jet level", "particle level", "all numbers"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("judged_as", "judged"), "'judged' is unknown"),
        (lambda text: "\n".join(",".join(line.split(",")[:3]) for line in text.split()), "missing"),
        (lambda text: text.replace(",30,", ",0,"), "dimensions is '0'"),
        (lambda text: text.split("\n")[0] + "\n", "has no events"),
    ],
)
def test_damaged_tables_are_named(tmp_path, change, words):
    path = tmp_path / "likelihood.csv"
    path.write_text(change(made().csv))
    with pytest.raises(InputError, match=words):
        LikelihoodTable.read(path)
