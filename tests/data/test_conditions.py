"""What events are asked for, from a CSV or a file of events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.data.formats import conditions, image_file, jetnet
from driftline.data.formats.conditions import Conditions
from driftline.errors import InputError
from made_images import made_images


def test_csv(tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text("type, pt, num_particles\nt, 1000.5, 30\n\ng, , 12\nt, 900,\n")
    asked = conditions.read(path)
    assert len(asked) == 3
    assert list(asked.types) == ["t", "g", "t"]
    np.testing.assert_array_equal(asked.features["pt"], [1000.5, np.nan, 900])
    np.testing.assert_array_equal(asked.features["num_particles"], [30, 12, np.nan])
    top = asked[asked.rows("t")]
    assert len(top) == 2
    np.testing.assert_array_equal(top.features["pt"], [1000.5, 900])


def test_csv_of_a_spreadsheet_begins_with_a_mark(tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text("type,pt\nt,1000\n", encoding="utf-8-sig")
    assert conditions.read(path).types.tolist() == ["t"]


@given(types=st.lists(st.sampled_from("gqtwz"), min_size=1), order=st.permutations("gqtwz"))
def test_what_is_made_class_by_class_goes_back_into_the_order_of_the_lines(types, order):
    wanted = Conditions(np.array(types), {"pt": np.arange(len(types), dtype=float)})
    rows = [wanted.rows(name) for name in order]
    for chosen in (rows, rows[:2], [of_class[1:2] for of_class in rows]):
        made = np.concatenate([wanted[of_class].features["pt"] for of_class in chosen])
        kept = np.isin(wanted.features["pt"], made)
        assert made[wanted.in_order(chosen)].tolist() == wanted.features["pt"][kept].tolist()


def test_jets_of_a_model_have_at_most_its_particles(tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text("num_particles\n30\n31\n")
    assert len(conditions.read(path, conditions.jets_of(31))) == 2
    with pytest.raises(InputError, match=r"line 3: num_particles is '31'; .* from 1 to 30"):
        conditions.read(path, conditions.jets_of(30))


def test_csv_without_classes_is_for_every_class(tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text("mass\n80\n91\n")
    asked = conditions.read(path)
    assert asked.types is None
    assert asked.rows("z").tolist() == [0, 1]
    assert len(asked) == 2
    assert asked.in_order([asked.rows("z"), asked.rows("g")]).tolist() == [0, 1, 2, 3]


def test_jetnet_file(tmp_path, make_jets):
    jets = make_jets(5, types=("g", "w"))
    jetnet.write_directory(tmp_path, jets)
    asked = conditions.read(tmp_path)
    assert list(asked.types) == ["g"] * 5 + ["w"] * 5
    np.testing.assert_array_equal(asked[asked.rows("w")].features["mass"], jets.features[5:, 2])
    assert len(conditions.read(tmp_path / "g.hdf5")) == 5


def test_jets_of_more_particles_are_asked_for_as_a_model_has_them(tmp_path, make_jets):
    jetnet.write(tmp_path / "t.hdf5", make_jets(20, particles=30, types=("t",)))
    asked = conditions.read(tmp_path / "t.hdf5", conditions.jets_of(10))
    assert asked.features["num_particles"].max() == 10
    more = conditions.read(tmp_path / "t.hdf5", conditions.jets_of(150))
    assert 10 < more.features["num_particles"].max() <= 30


def test_events_that_cannot_be_asked_for_are_named(tmp_path, make_jets):
    jets = make_jets(5, types=("t",))
    jets.features[3, 2] = 0
    jetnet.write(tmp_path / "t.hdf5", jets)
    asked, columns = conditions.read(tmp_path / "t.hdf5"), conditions.JETS.columns
    asked[np.arange(3)].check(columns, "t", 0)
    with pytest.raises(InputError, match="t, event 3: mass is 0; write a positive"):
        asked[np.arange(2, 5)].check(columns, "t", 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["no jets"]),
        ("pt\n", ["no jets"]),
        ("pt,energy\n1,2\n", ["line 1", "'energy'", "num_particles"]),
        ("pt,pt\n1,2\n", ["line 1", "'pt'", "repeated"]),
        ("pt,eta\n1,2\n1\n", ["line 3", "1 cells", "names 2"]),
        ("pt\n1\nheavy\n", ["line 3", "pt", "'heavy'", "number"]),
        ("pt\nnan\n", ["line 2", "pt", "finite"]),
        ("mass,pt\n1,-2\n", ["line 2", "pt", "'-2'", "positive"]),
        ("pt,mass\n1,0\n", ["line 2", "mass", "'0'", "positive"]),
        ("num_particles\n5\n2.5\n", ["line 3", "num_particles", "whole"]),
        ("pt\n1e39\n", ["line 2", "pt", "'1e39'", "finite"]),
        ("mass\n1e-50\n", ["line 2", "mass", "positive"]),
        ("pt;mass\n1;2\n", ["line 1", "semicolons", "commas"]),
        ("type\nb\n", ["line 2", "type", "'b'", "g, q, t, w, z"]),
    ],
)
def test_bad_csv_is_named(tmp_path, text, words):
    path = tmp_path / "asked.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        conditions.read(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_images_are_asked_for_momentum_plane_and_start(tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text("type,px,py,pz,plane,row,column\np,1,-2,3,0,,\ne-,,,,,5,-6.5\n")
    asked = conditions.read(path, conditions.IMAGES)
    np.testing.assert_array_equal(asked.momentum, [[1, -2, 3], [np.nan] * 3])
    np.testing.assert_array_equal(asked.start, [[np.nan] * 2, [5, -6.5]])
    np.testing.assert_array_equal(asked[asked.rows("e-")].features["plane"], [np.nan])
    path.write_text("plane\n2\n")
    assert conditions.read(path, conditions.IMAGES).momentum is None
    assert conditions.read(path, conditions.IMAGES).start is None


def test_images_of_a_file(tmp_path):
    images = made_images(6, planes=1, size=8)
    image_file.write(tmp_path / "images.hdf5", images)
    asked = conditions.read(tmp_path / "images.hdf5", conditions.IMAGES)
    assert asked.types.tolist() == [images.types[k] for k in images.labels]
    np.testing.assert_array_equal(asked.momentum, images.momentum)
    np.testing.assert_array_equal(asked.features["plane"], images.planes[:, 0])
    start = images.start[0] / images.pitch - np.append(images.corner[0, 0], 0)
    np.testing.assert_allclose(asked.start[0], start[:2])  # of plane (x, y)
    # the columns of three planes at once tell no plane
    image_file.write(tmp_path / "three.hdf5", made_images(2, size=8))
    assert "plane" not in conditions.read(tmp_path / "three.hdf5", conditions.IMAGES).features


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pt\n1\n", ["line 1", "'pt'", "px, py, pz, plane"]),
        ("px,py\n1,2\n", ["line 1", "only some of px, py, pz"]),
        ("row,plane\n1,2\n", ["line 1", "only some of row, column"]),
        ("px,py,pz\n1,2,3\n1,,3\n", ["line 3", "only some of px, py, pz"]),
        ("plane\n3\n", ["line 2", "plane", "0, 1 or 2"]),
        ("plane\n0.5\n", ["line 2", "plane", "0, 1 or 2"]),
        ("type,plane\np,0\n,1\n", ["line 3", "type", "write a name"]),
    ],
)
def test_bad_csv_of_images_is_named(tmp_path, text, words):
    path = tmp_path / "asked.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        conditions.read(path, conditions.IMAGES)
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_missing_and_binary_file(tmp_path):
    with pytest.raises(InputError, match=r"absent\.csv: cannot be read"):
        conditions.read(tmp_path / "absent.csv")
    (tmp_path / "asked.csv").write_bytes(b"pt\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"asked\.csv: not a CSV file"):
        conditions.read(tmp_path / "asked.csv")
