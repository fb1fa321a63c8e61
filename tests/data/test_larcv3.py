"""LArCV3's HDF5, written here with the compound types of its serialisers."""

import h5py
import numpy as np
import pytest

from driftline.data.formats import larcv3
from driftline.data.formats.detector_images import read_images
from driftline.errors import InputError

EXTENTS = np.dtype([("first", "u4"), ("N", "u4")])
ID_EXTENTS = np.dtype([("first", "u4"), ("ID", "u4"), ("N", "u4")])
META = np.dtype(
    [
        ("valid", "?"),
        ("projection_id", "u8"),
        ("image_sizes", "f8", (2,)),
        ("number_of_voxels", "u8", (2,)),
        ("origin", "f8", (2,)),
    ]
)
VOXEL = np.dtype([("id", "u8"), ("value", "f4")])
VERTEX = np.dtype([(axis, "f8") for axis in "xyzt"])
PARTICLE = np.dtype(
    [
        *[("id", "u2"), ("pdg", "i4")],
        *[("px", "f8"), ("py", "f8"), ("pz", "f8")],
        *[("vtx", VERTEX), ("energy_init", "f8")],
    ]
)
ROWS, COLUMNS = 6, 9


def compound(dtype, *columns):
    table = np.zeros(len(columns[0]), dtype=dtype)
    for name, column in zip(dtype.names, columns):
        table[name] = column
    return table


def follow(numbers):
    """Where each of consecutive pieces begins."""
    return np.cumsum(numbers) - numbers


def write(path, pixels, kind="sparse2d", producer="data", particles=None):
    """``pixels`` (N, C, H, W) as one product; ``particles`` a list of lists an event."""
    n, c, height, width = pixels.shape
    flat = pixels.reshape(n * c, height * width)
    meta = np.zeros(n * c, dtype=META)
    meta["number_of_voxels"], meta["image_sizes"] = (height, width), (0.3 * height, 0.3 * width)
    meta["projection_id"] = np.tile(np.arange(c), n)
    if kind == "sparse2d":
        where = [np.flatnonzero(image) for image in flat]
        number = np.array([len(index) for index in where])
        index = np.concatenate(where)
        tables = {
            "voxel_extents": compound(ID_EXTENTS, follow(number), meta["projection_id"], number),
            "voxels": compound(VOXEL, index, flat[flat != 0]),
        }
    else:
        number = np.full(n * c, height * width)
        tables = {
            "image_extents": compound(ID_EXTENTS, follow(number), meta["projection_id"], number),
            "images": flat.ravel(),
        }
    with h5py.File(path, "a") as file:
        if "Events" not in file:
            events = np.zeros(n, dtype=[("run", "i8"), ("subrun", "i8"), ("event", "i8")])
            file["Events/event_id"] = events
        group = file.create_group(f"Data/{kind}_{producer}_group")
        group["extents"] = compound(EXTENTS, c * np.arange(n), np.full(n, c))
        group["image_meta"] = meta
        for name, table in tables.items():
            group[name] = table
        if particles is not None:
            many = np.array([len(p) for p in particles])
            group = file.create_group("Data/particle_mctruth_group")
            group["extents"] = compound(EXTENTS, follow(many), many)
            group["particles"] = np.array([p for event in particles for p in event], dtype=PARTICLE)
    return path


@pytest.fixture
def pixels():
    rng = np.random.default_rng(0)
    charge = rng.normal(0, 10, (5, 3, ROWS, COLUMNS)).astype(np.float32)
    return np.where(rng.random(charge.shape) < 0.2, charge, 0)


@pytest.mark.parametrize("kind", ["sparse2d", "image2d"])
def test_images(tmp_path, pixels, kind):
    path = write(tmp_path / "a.h5", pixels, kind)
    images = read_images(path)
    assert np.array_equal(images.pixels, pixels)
    assert images.planes.tolist() == [[0, 1, 2]] * 5
    assert images.event.tolist() == [0, 1, 2, 3, 4]
    assert images.present == ("unknown",)
    assert images.unit == "ADC"
    assert images.pitch == pytest.approx(0.3)
    assert read_images(path, unit="MeV").unit == "MeV"
    parts = list(larcv3.blocks(path, 2))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert np.array_equal(np.concatenate([part.pixels for part in parts]), pixels)


def test_the_second_axis_runs_fastest(tmp_path):
    pixels = np.zeros((1, 1, ROWS, COLUMNS), dtype=np.float32)
    pixels[0, 0, 2, 5] = 7
    path = write(tmp_path / "a.h5", pixels)
    with h5py.File(path) as file:
        assert file["Data/sparse2d_data_group/voxels"]["id"].tolist() == [2 * COLUMNS + 5]
    assert read_images(path).pixels[0, 0, 2, 5] == 7


def test_particles(tmp_path, pixels):
    def particle(pdg, energy, momentum):
        return (0, pdg, *momentum, (1.0, 2.0, 3.0, 4.0), energy)

    muon = particle(13, np.hypot(0.5, 0.1056583755), (0.3, 0.4, 0.0))
    gamma = particle(22, 0.2, (0.0, 0.0, -0.2))
    path = write(tmp_path / "a.h5", pixels, particles=[[muon], [gamma], [muon], [muon], [gamma]])
    images = read_images(path)
    assert [images.types[k] for k in images.labels] == ["mu-", "gamma", "mu-", "mu-", "gamma"]
    np.testing.assert_allclose(images.momentum[:2], [[300, 400, 0], [0, 0, -200]], rtol=1e-5)
    assert images.start is None  # in coordinates that are not the images'
    path = write(tmp_path / "b.h5", pixels, particles=[[muon], [], [muon, gamma], [muon], []])
    images = read_images(path)
    names = [images.types[k] for k in images.labels]
    assert names == ["mu-", "unknown", "unknown", "mu-", "unknown"]
    np.testing.assert_allclose(images.momentum[[0, 3]], 2 * [[300, 400, 0]], rtol=1e-5)
    assert np.isnan(images.momentum[[1, 2, 4]]).all()
    assert images.start is None


def test_producers(tmp_path, pixels):
    path = write(tmp_path / "a.h5", pixels, producer="wire")
    assert np.array_equal(read_images(path).pixels, pixels)
    write(path, 2 * pixels, producer="segments")
    with pytest.raises(InputError, match="sparse2d segments, sparse2d wire; .* one producer"):
        read_images(path)
    made = next(larcv3.blocks(path, producer="segments"))
    assert np.array_equal(made.pixels, 2 * pixels)
    with pytest.raises(InputError, match="producer 'other'"):
        next(larcv3.blocks(path, producer="other"))


def change(name, edit):
    def apply(file):
        table = file[name][:]
        edited = edit(table)
        del file[name]
        file[name] = table if edited is None else edited

    return apply


def put(field, index, value):
    def edit(table):
        table[field][index] = value

    return edit


GROUP = "Data/sparse2d_data_group"


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (lambda f: f["Data"].pop("sparse2d_data_group"), "expected images"),
        (lambda f: f[GROUP].pop("voxels"), "data set .*voxels is missing"),
        (change(f"{GROUP}/extents", lambda t: t[:0]), "extents has no rows"),
        (change(f"{GROUP}/extents", put("N", 4, 2)), "from 2 to 3 projections"),
        (change(f"{GROUP}/extents", put("first", 1, 7)), "do not follow"),
        (change(f"{GROUP}/voxel_extents", lambda t: t[:-1]), "voxel_extents is truncated"),
        (change(f"{GROUP}/voxel_extents", put("ID", 2, 3)), "ID is 3"),
        (change(f"{GROUP}/image_meta", put("number_of_voxels", 4, (6, 8))), "differs between"),
        (change(f"{GROUP}/voxels", put("id", 0, ROWS * COLUMNS)), "voxels disagrees"),
        (change(f"{GROUP}/voxels", lambda t: t[:-1]), "voxels disagrees"),
        (change(f"{GROUP}/voxels", lambda t: t["id"].copy()), "damaged"),
    ],
)
def test_bad_files_are_refused(tmp_path, pixels, apply, message):
    path = write(tmp_path / "a.h5", pixels)
    with h5py.File(path, "r+") as file:
        apply(file)
    with pytest.raises(InputError, match=message) as refused:
        read_images(path)
    assert "\n" not in str(refused.value)
