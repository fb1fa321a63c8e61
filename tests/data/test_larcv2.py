"""LArCV2's ROOT files.

uproot cannot write the nested vectors of LArCV2's trees. It can write them as RNTuples with fields
of the same names, which the reader treats alike: so these tests cover everything but how uproot
unpacks a TTree's split vector of objects, which is uproot's part.
"""

import awkward as ak
import numpy as np
import pytest
import uproot

from driftline.data.formats import image_file, larcv2
from driftline.data.formats.detector_images import read_images
from driftline.errors import InputError

MUON, PROTON, ELECTRON = 13, 2212, 11


def event(rng, rows=12, columns=10, planes=3):
    """Counts of one event as LArCV stores them: column after column."""
    counts = np.round(rng.exponential(50, (planes, rows, columns)), 2).astype(np.float32)
    counts *= rng.random(counts.shape) < 0.2
    return counts


def image_record(counts):
    return {
        "_image_v": [
            {
                "_img": plane.flatten(order="F"),
                "_meta": {"_row_count": plane.shape[0], "_col_count": plane.shape[1]},
            }
            for plane in counts
        ]
    }


def particle_record(*particles):
    """(PDG code, total energy [GeV], momentum in whatever unit, start [cm])."""
    return {
        "_part_v": [
            {
                "_pdg": pdg,
                "_energy_init": energy,
                **{f"_p{axis}": float(p) for axis, p in zip("xyz", momentum)},
                "_vtx": {f"_{axis}": float(x) for axis, x in zip("xyz", start)},
            }
            for pdg, energy, momentum, start in particles
        ]
    }


def write(path, images, particles=None, names=(larcv2.IMAGE_TREE, larcv2.PARTICLE_TREE)):
    with uproot.recreate(path) as file:
        file.mkrntuple(names[0], ak.Array([image_record(counts) for counts in images]))
        if particles is not None:
            file.mkrntuple(names[1], ak.Array([particle_record(*p) for p in particles]))
    return path


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    return [event(rng) for _ in range(3)]


def truth_of(pdg, mass, momentum, unit=1.0):
    energy = np.hypot(np.linalg.norm(momentum), mass) / 1000
    return (pdg, energy, np.array(momentum) * unit, (1.0, 2.0, 3.0))


def test_images_and_particles(tmp_path, counts):
    momenta = [(30.0, 40.0, -120.0), (0.0, 0.0, 500.0), (100.0, -200.0, 0.0)]
    particles = [
        [truth_of(MUON, 105.6583755, momenta[0], unit=1e-3)],
        [truth_of(PROTON, 938.27208816, momenta[1])],
        [truth_of(ELECTRON, 0.51099895, momenta[2], unit=1e-3)],
    ]
    images = read_images(write(tmp_path / "train.root", counts, particles))
    expected = np.where(np.stack(counts) >= 5, np.stack(counts), 0) / 100
    np.testing.assert_allclose(images.pixels, expected, rtol=1e-6)
    assert images.pixels.shape == (3, 3, 12, 10)
    assert (images.unit, images.threshold, images.pitch) == ("MeV", 0.05, 0.5)
    assert images.pixels[images.pixels > 0].min() >= 0.05
    assert images.planes.tolist() == [[0, 1, 2]] * 3
    assert images.event.tolist() == [0, 1, 2]
    assert [images.types[k] for k in images.labels] == ["mu-", "p", "e-"]
    np.testing.assert_allclose(images.momentum, momenta, rtol=1e-5, atol=1e-3)
    assert images.start is None  # in coordinates that are not the images'


def test_columns_come_first():
    """Pixel (row, column) of a 2 x 3 plane is number row + 2 column of its vector."""
    made = larcv2.dense([np.arange(6, dtype=np.float32)], np.array([[2]]), np.array([[3]]))
    assert made[0, 0].tolist() == [[0, 2, 4], [1, 3, 5]]


def test_events_of_several_particles_have_no_class(tmp_path, counts):
    muon = truth_of(MUON, 105.6583755, (100.0, 0, 0))
    images = read_images(
        write(
            tmp_path / "train.root",
            counts,
            [[muon], [muon, muon], [(321, 0.6, (0, 0, 1), (0, 0, 0))]],
        )
    )
    assert [images.types[k] for k in images.labels] == ["mu-", "unknown", "unknown"]
    nothing = 3 * [np.nan]
    np.testing.assert_allclose(images.momentum, [[100, 0, 0], nothing, nothing], rtol=1e-5)
    assert images.start is None
    empty = read_images(write(tmp_path / "empty.root", counts, [[muon], [muon], []]))
    assert empty.types[empty.labels[2]] == "unknown"
    assert np.isnan(empty.momentum).all(axis=1).tolist() == [False, False, True]
    several = read_images(write(tmp_path / "several.root", counts, 3 * [[muon, muon]]))
    assert several.momentum is None


def test_momenta_known_in_part_are_written(tmp_path, counts):
    """What files of images do not take is left out, so that they can hold the rest."""
    muon = truth_of(MUON, 105.6583755, (30.0, 40.0, -120.0))
    images = read_images(write(tmp_path / "a.root", counts, [[muon, muon], [muon], []]))
    image_file.write(tmp_path / "a.hdf5", images)
    momentum = image_file.read(tmp_path / "a.hdf5").momentum
    np.testing.assert_allclose(momentum[1], [30, 40, -120], rtol=1e-5)
    assert np.isnan(momentum[[0, 2]]).all()


def test_files_without_particles(tmp_path, counts):
    images = read_images(write(tmp_path / "test.root", counts))
    assert images.present == ("unknown",)
    assert images.momentum is None


def test_blocks_are_parts_of_the_whole(tmp_path, counts):
    particles = [[truth_of(MUON, 105.7, (k + 1.0, 0, 0))] for k in range(3)]
    path = write(tmp_path / "train.root", counts, particles)
    whole, parts = read_images(path), list(larcv2.blocks(path, 2))
    assert [len(part) for part in parts] == [2, 1]
    for name, column in whole.columns.items():
        assert np.array_equal(np.concatenate([p.columns[name] for p in parts]), column)


def test_files_without_the_trees_are_refused(tmp_path, counts):
    path = write(tmp_path / "a.root", counts, names=("image2d_other_tree", "-"))
    with pytest.raises(InputError, match=r"image2d_data_tree is missing \(there is image2d_other"):
        read_images(path)
    with uproot.recreate(path) as file:
        file[larcv2.IMAGE_TREE] = {"x": np.arange(3)}
    with pytest.raises(InputError, match="no branch _image_v._meta._row_count"):
        read_images(path)


def test_unlike_events_are_refused(tmp_path, counts):
    rng = np.random.default_rng(1)
    path = write(tmp_path / "a.root", [*counts, event(rng, rows=8)])
    with pytest.raises(InputError, match="images of different sizes"):
        read_images(path)
    path = write(tmp_path / "a.root", [*counts, event(rng, planes=2)])
    with pytest.raises(InputError, match="from 2 to 3 planes an event"):
        read_images(path)
    muon = truth_of(MUON, 105.7, (1.0, 0, 0))
    path = write(tmp_path / "a.root", counts, [[muon], [muon]])
    with pytest.raises(InputError, match="particle_mctruth_tree has 2 entries, .* 3"):
        read_images(path)


def test_vectors_of_another_length_are_refused():
    with pytest.raises(ValueError, match="another length"):
        larcv2.dense([np.zeros(5, np.float32)], np.array([[2]]), np.array([[3]]))


def test_damaged_files_are_refused(tmp_path, counts):
    path = write(tmp_path / "a.root", counts)
    whole = path.read_bytes()
    for keep in (50, 300, len(whole) // 2):
        path.write_bytes(whole[:keep])
        with pytest.raises(InputError, match="damaged ROOT file"):
            read_images(path)
