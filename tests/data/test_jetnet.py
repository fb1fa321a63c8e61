"""JetNet's HDF5 layout: what is written comes back bit by bit, and bad files are refused."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.data.clouds import JET_TYPES, Jets
from driftline.data.formats import jetnet
from driftline.errors import InputError


def raw_file(path: Path, jets: Jets) -> Path:
    """A file as the public releases have it: two data sets, no attributes."""
    with h5py.File(path, "w") as file:
        file["particle_features"] = np.concatenate(
            [jets.particles, jets.mask[..., None]], axis=-1, dtype=np.float32
        )
        file["jet_features"] = jets.features
    return path


def same(a: Jets, b: Jets) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("particles", "mask", "features", "labels")
    )


@st.composite
def valid_jets(draw) -> Jets:
    """Any valid jets of one class, with extreme but finite float32 values."""
    count, slots = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = 10.0 ** draw(st.integers(-20, 20))
    number = rng.integers(1, slots + 1, count)
    mask = np.arange(slots) < number[:, None]
    ptrel = -np.sort(-rng.uniform(1e-6, 1, (count, slots)), axis=1)
    angles = scale * rng.standard_normal((count, slots, 2))
    particles = np.concatenate([angles, ptrel[..., None]], axis=-1) * mask[..., None]
    features = np.stack(
        [*(scale * rng.uniform(0.1, 1, (2, count))), np.zeros(count), number], axis=1
    )
    labels = np.full(count, draw(st.integers(0, 4)))
    return Jets(
        particles.astype(np.float32),
        mask,
        features.astype(np.float32),
        labels,
        attributes={"seed": draw(st.integers()), "x": draw(st.floats(allow_nan=False))},
    )


@settings(deadline=None, max_examples=50)
@given(jets=valid_jets())
def test_round_trip_keeps_every_bit(tmp_path_factory, jets):
    path = tmp_path_factory.mktemp("jets") / "any.hdf5"
    jetnet.write(path, jets)
    back = jetnet.read(path)
    assert same(jets, back)
    assert back.attributes == jets.attributes
    assert back.particles.dtype == back.features.dtype == np.float32


@pytest.mark.parametrize("particles", [30, 150])
def test_reads_public_release(tmp_path, make_jets, particles):
    jets = make_jets(20, types=("t",), particles=particles)
    name = "t.hdf5" if particles == 30 else "t150.hdf5"
    back = jetnet.read(raw_file(tmp_path / name, jets))
    assert same(jets, back)
    assert back.present == ("t",)


def test_hardest_particles_of_a_wide_file(tmp_path, make_jets):
    jets = make_jets(50, types=("g",), particles=40)
    path = raw_file(tmp_path / "g150.hdf5", jets)
    back = jetnet.read(path, particles=10)
    assert back.mask.shape == (50, 10)
    np.testing.assert_array_equal(back.particles, jets.particles[:, :10])  # ptrel not rescaled
    np.testing.assert_array_equal(back.features[:, 3], np.minimum(jets.features[:, 3], 10))
    np.testing.assert_array_equal(back.num_particles, back.features[:, 3])


def test_unordered_particles_are_ordered(tmp_path, make_jets):
    jets = make_jets(20, types=("q",))
    order = np.random.default_rng(3).permutation(30)
    shuffled = Jets(jets.particles[:, order], jets.mask[:, order], jets.features, jets.labels)
    assert same(jetnet.read(raw_file(tmp_path / "q.hdf5", shuffled)), jets)


def test_multiplicity_may_count_particles_beyond_the_kept(tmp_path, make_jets):
    jets = make_jets(20, types=("g",), particles=40, seed=4)
    features = jets.features.copy()
    cut = Jets(jets.particles[:, :10], jets.mask[:, :10], features, jets.labels)
    back = jetnet.read(raw_file(tmp_path / "g.hdf5", cut))
    assert back.features[:, 3].max() == 10


def test_count_reads_only_its_chunks(tmp_path, make_jets):
    """The tail of the file is destroyed; the first jets can still be read."""
    jets = make_jets(5000, types=("w",))
    path = tmp_path / "w.hdf5"
    jetnet.write(path, jets)
    with h5py.File(path) as file:
        chunk = file["particle_features"].id.get_chunk_info(4)
    with path.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"\xff" * chunk.size)
    assert same(jetnet.read(path, count=100), jets[:100])
    with pytest.raises(InputError, match="damaged"):
        jetnet.read(path)


def test_directory(tmp_path, toy_jets):
    files = jetnet.write_directory(tmp_path / "new", toy_jets)
    assert [f.name for f in files] == [f"{t}.hdf5" for t in JET_TYPES]
    assert same(jetnet.read_directory(tmp_path / "new"), toy_jets)
    some = jetnet.read_directory(tmp_path / "new", ["t", "g"], count=7)
    assert some.present == ("g", "t")
    assert len(some) == 14
    assert same(jetnet.read_directory(tmp_path / "new" / "z.hdf5"), toy_jets.of_type("z"))


def test_directory_chooses_file_by_width(tmp_path, make_jets):
    narrow, wide = (make_jets(5, types=("g",), particles=p) for p in (30, 150))
    jetnet.write_directory(tmp_path, narrow)
    jetnet.write_directory(tmp_path, wide)
    assert jetnet.read_directory(tmp_path).mask.shape == (5, 30)
    assert jetnet.read_directory(tmp_path, particles=100).mask.shape == (5, 100)
    os.remove(tmp_path / "g.hdf5")
    assert jetnet.read_directory(tmp_path, particles=30).mask.shape == (5, 30)


def test_directory_of_different_widths_is_refused(tmp_path, make_jets):
    jetnet.write_directory(tmp_path, make_jets(5, types=("g",), particles=30))
    jetnet.write_directory(tmp_path, make_jets(5, types=("q",), particles=60))
    with pytest.raises(InputError, match="particle_features.*--particles"):
        jetnet.read_directory(tmp_path)
    assert jetnet.read_directory(tmp_path, particles=30).present == ("g", "q")


def test_directory_without_a_class_is_refused(tmp_path, make_jets):
    with pytest.raises(InputError, match=r"any class.*g\.hdf5"):
        jetnet.read_directory(tmp_path)
    jetnet.write_directory(tmp_path, make_jets(5, types=("g",)))
    with pytest.raises(InputError, match="no file of t"):
        jetnet.read_directory(tmp_path, ["g", "t"])
    with pytest.raises(InputError, match="jets of type g, not t"):
        jetnet.read_directory(tmp_path / "g.hdf5", ["t"])


# Each breaks one valid file (jet 3 where a jet is meant) and names what the message has to say.


def set_value(name, index, value):
    def edit(file):
        file[name][index] = value

    return edit


def replace_data(name, make):
    def edit(file):
        values = make(file[name][()])
        del file[name]
        if values is not None:
            file[name] = values

    return edit


PADDED = (3, 29)  # in the file below every jet has at most 20 real particles
BAD_FILES = {
    "missing data set": (
        replace_data("jet_features", lambda v: None),
        ["jet_features", "missing", "JetNet"],
    ),
    "wrong last axis": (
        replace_data("particle_features", lambda v: v[..., :3]),
        ["particle_features", "shape", "convert"],
    ),
    "wrong rank": (
        replace_data("particle_features", lambda v: v[:, 0]),
        ["particle_features", "shape", "convert"],
    ),
    "no slots": (replace_data("particle_features", lambda v: v[:, :0]), ["shape"]),
    "text": (
        replace_data("jet_features", lambda v: v.astype("S8")),
        ["jet_features", "float32", "convert"],
    ),
    "different numbers of jets": (
        replace_data("jet_features", lambda v: v[:-1]),
        ["particle_features has 40 jets", "jet_features 39"],
    ),
    "empty": (
        replace_data("particle_features", lambda v: v[:0]),
        ["particle_features", "no jets", "again"],
    ),
    "NaN jet": (
        set_value("jet_features", (3, 2), np.nan),
        ["jet_features mass of jet 3", "NaN", "remove"],
    ),
    "infinite particle": (
        set_value("particle_features", (3, 1, 0), np.inf),
        ["particle_features etarel of jet 3", "infinite", "remove"],
    ),
    "overflow of float32": (
        replace_data("jet_features", lambda v: v.astype(float) * 1e40),
        ["jet_features pt of jet 0", "infinite"],
    ),
    "negative pt": (
        set_value("jet_features", (3, 0), -5.0),
        ["jet_features pt of jet 3", "not positive", "1 of 40", "remove"],
    ),
    "negative mass": (set_value("jet_features", (3, 2), -5.0), ["jet_features mass of jet 3"]),
    "negative ptrel": (
        set_value("particle_features", (3, 1, 2), -0.1),
        ["particle_features ptrel of jet 3", "negative", "remove"],
    ),
    "mask of a half": (
        set_value("particle_features", (3, 1, 3), 0.5),
        ["particle_features mask of jet 3", "neither 0 nor 1"],
    ),
    "masked particle not zero": (
        set_value("particle_features", (3, 1, 3), 0.0),
        ["particle_features mask of jet 3", "padding", "zero"],
    ),
    "padding marked real": (
        set_value("particle_features", (*PADDED, 3), 1.0),
        ["particle_features mask of jet 3", "padding", "zero ptrel"],
    ),
    "padding filled": (
        set_value("particle_features", (*PADDED, 0), 0.2),
        ["particle_features mask of jet 3", "padding"],
    ),
    "empty jet": (set_value("particle_features", 3, 0.0), ["mask of jet 3", "no real particle"]),
    "multiplicity": (
        set_value("jet_features", (3, 3), 2.0),
        ["jet_features num_particles of jet 3", "mask", "number of particles"],
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_named(tmp_path, make_jets, case):
    edit, words = BAD_FILES[case]
    jets = make_jets(40, types=("g",), particles=20, seed=2)
    wide = Jets(
        np.pad(jets.particles, ((0, 0), (0, 10), (0, 0))),
        np.pad(jets.mask, ((0, 0), (0, 10))),
        jets.features,
        jets.labels,
    )
    path = raw_file(tmp_path / "g.hdf5", wide)
    jetnet.read(path)
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(InputError) as caught:
        jetnet.read(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in [str(path), *words]:
        assert word in message


@pytest.mark.parametrize("kept", [0, 4, 100, 0.3, 0.6, 0.95, 0.999])
def test_truncated_file(tmp_path, make_jets, kept):
    path = tmp_path / "g.hdf5"
    jetnet.write(path, make_jets(3000, types=("g",)))
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(InputError, match=rf"{path}.*HDF5.*again"):
        jetnet.read(path)


@pytest.mark.parametrize("offset", [0, 16, 24])
def test_damaged_structure(tmp_path, make_jets, offset):
    """The header of a data set is overwritten: h5py raises this or that, the user sees one line."""
    path = tmp_path / "g.hdf5"
    jetnet.write(path, make_jets(4, types=("g",)))
    with h5py.File(path) as file:
        header = h5py.h5o.get_info(file["particle_features"].id).addr
    with path.open("r+b") as raw:
        raw.seek(header + offset)
        raw.write(b"\xff" * 8)
    with pytest.raises(InputError, match=rf"{path}.*damaged HDF5.*again"):
        jetnet.read(path)


def test_missing_file_other_file_and_directory(tmp_path):
    with pytest.raises(InputError, match=r"absent\.hdf5: no such file"):
        jetnet.read(tmp_path / "absent.hdf5")
    (tmp_path / "g.hdf5").write_text("etarel,phirel\n0,0\n" * 100)
    with pytest.raises(InputError, match=r"g\.hdf5: not an HDF5 file"):
        jetnet.read(tmp_path / "g.hdf5")
    with pytest.raises(InputError, match="is a directory"):
        jetnet.read(tmp_path)


@pytest.mark.parametrize("name", ["b.hdf5", "jets.hdf5", "tt.hdf5", "t150x.hdf5"])
def test_unknown_class(tmp_path, make_jets, name):
    path = raw_file(tmp_path / name, make_jets(3, types=("t",)))
    with pytest.raises(InputError, match=r"class unknown.*g\.hdf5"):
        jetnet.read(path)
    assert jetnet.read(path, jet_type="t").present == ("t",)
    with pytest.raises(InputError, match="unknown class 'b'.*g, q, t, w, z"):
        jetnet.read(path, jet_type="b")
    with pytest.raises(InputError, match="unknown class 'b'"):
        jetnet.read_directory(tmp_path, ["b"])


def test_too_few_jets_or_particles(tmp_path, make_jets):
    path = raw_file(tmp_path / "g.hdf5", make_jets(3, types=("g",)))
    with pytest.raises(InputError, match="holds 3 jets, 4 are asked for"):
        jetnet.read(path, count=4)
    with pytest.raises(InputError, match="keeps 30 particles, 31"):
        jetnet.read(path, particles=31)


def test_bad_provenance(tmp_path, make_jets):
    path = raw_file(tmp_path / "g.hdf5", make_jets(3, types=("g",)))
    with h5py.File(path, "r+") as file:
        file.attrs["provenance"] = "{"
    with pytest.raises(InputError, match=r"g\.hdf5: attribute provenance"):
        jetnet.read(path)


def test_write_refuses_existing_path_unless_forced(tmp_path, make_jets):
    first, second = (make_jets(3, types=("g",), seed=s) for s in (1, 2))
    path = tmp_path / "g.hdf5"
    jetnet.write(path, first)
    with pytest.raises(InputError, match=r"g\.hdf5: exists.*--force"):
        jetnet.write(path, second)
    assert same(jetnet.read(path), first)
    jetnet.write(path, second, force=True)
    assert same(jetnet.read(path), second)


def test_write_leaves_nothing_of_bad_jets(tmp_path, make_jets):
    jets = make_jets(3, types=("g", "q"))
    jets.features[5, 0] = np.nan
    with pytest.raises(InputError, match=r"q\.hdf5: jet_features pt of jet 2"):
        jetnet.write_directory(tmp_path / "deep" / "new", jets)
    assert list(tmp_path.iterdir()) == []


def test_write_refuses_several_classes(tmp_path, toy_jets):
    with pytest.raises(InputError, match="one class.*directory"):
        jetnet.write(tmp_path / "g.hdf5", toy_jets)


def test_columns_are_documented_in_the_file(tmp_path, make_jets):
    jetnet.write(tmp_path / "g.hdf5", make_jets(3, types=("g",), attributes={"seed": 1}))
    with h5py.File(tmp_path / "g.hdf5") as file:
        assert list(file["particle_features"].attrs["columns"]) == [
            "etarel",
            "phirel",
            "ptrel",
            "mask",
        ]
        assert json.loads(file.attrs["provenance"]) == {"seed": 1}
