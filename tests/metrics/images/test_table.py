"""Every metric on images: on its floor for equal distributions, off it for others."""

import numpy as np
import pytest

from driftline.metrics.evaluation import evaluate
from driftline.metrics.images.memorisation import Memorisation
from driftline.metrics.images.observable_metrics import angles, pixel_scores, pixel_values
from driftline.metrics.images.observables import ImageSample
from driftline.metrics.images.table import IMAGE_HEADLINE, IMAGE_METRICS, image_metrics
from driftline.metrics.metric import Truth, Wasserstein
from toy_images import toy_images

COUNT = 400


def sample(seed, particle="p", **options):
    return ImageSample(toy_images(COUNT, (particle,), size=32, seed=seed, **options))


def lenient(metric):
    """The metric itself; those that ask for 1,000 images would take too long."""
    return metric.name not in ("ssnet_fid", "classifier")


CHEAP = [metric for metric in IMAGE_METRICS if lenient(metric)]


@pytest.fixture(scope="module")
def tracks():
    pool = ImageSample(toy_images(2 * COUNT, ("p",), size=32, seed=5))
    truth = Truth(pool, pool[:COUNT], pool[COUNT:])
    return {"same": sample(1), "long": sample(2, stretch=1.5), "truth": truth}


@pytest.mark.parametrize("metric", CHEAP, ids=lambda m: m.name)
def test_equal_distributions_are_at_the_floor(tracks, metric):
    truth = tracks["truth"]
    event_type = "e-" if metric.undefined(tracks["same"], "p") else "p"
    assert metric.undefined(tracks["same"], event_type) is None
    numbers = metric.measure(tracks["same"], truth.second, event_type, 0)
    floors = metric.floor(truth, event_type, 0)
    assert len({n.key for n in numbers}) == len(numbers) == len(floors)
    for number, (floor, error) in zip(numbers, floors, strict=True):
        spread = np.hypot(number.error, error)
        assert abs(number.value - floor) <= 5 * spread + 1e-12, number.key


@pytest.mark.parametrize(
    "key",
    [
        *("w1_length", "w1_charge", "w1_occupancy", "w1_dedx", "w1_bands", "w1_segments"),
        *("mmd", "sinkhorn", "w1_images", "ks_length", "chi2_charge"),
    ],
)
def test_longer_tracks_are_off_the_floor(tracks, key):
    name = key.partition("_")[0] if key.startswith(("ks", "chi2")) else key
    metric = next(m for m in IMAGE_METRICS if m.name == name)
    truth = tracks["truth"]
    numbers = metric.measure(tracks["long"], truth.second, "p", 0)
    floors = metric.floor(truth, "p", 0)
    value, (floor, error) = next(
        (n, f) for n, f in zip(numbers, floors, strict=True) if n.key == key
    )
    assert value.value - floor > 5 * error


def test_units_are_those_of_the_images(tracks):
    metrics = image_metrics("electrons")
    units = {m.name: m.unit for m in metrics if isinstance(m, Wasserstein)}
    assert units["w1_charge"] == units["w1_pixel"] == "electrons"
    assert units["w1_dedx"] == "electrons/cm"
    assert units["w1_length"] == "cm"
    reasons = {m.name: m.undefined(tracks["same"], "unknown") for m in metrics}
    without = {name for name, reason in reasons.items() if reason}
    assert without == {"w1_scores", "w1_segments", "track_share", "ssnet_fid"}
    assert reasons["ssnet_fid"] == "SSNet takes charge in MeV, not in electrons"


def test_a_stretched_track_is_off_by_its_stretch(tracks):
    metric = next(m for m in IMAGE_METRICS if m.name == "w1_length")
    short = tracks["truth"].second
    (number,) = metric.measure(tracks["long"], short, "p", 0)
    expected = tracks["long"].length.mean() - short.length.mean()
    assert number.value == pytest.approx(expected, rel=0.05)


class Axes(list):
    """Images of which the angles [degrees] are known."""

    @property
    def angle(self):
        return np.array(self)[:, None] % 180.0


def test_tracks_turned_a_little_are_a_little_off_on_either_side_of_the_rows():
    (metric,) = [m for m in IMAGE_METRICS if m.name == "w1_angle"]
    angles = np.random.default_rng(0).normal(0.0, 3.0, 400)
    (number,) = metric.measure(Axes(angles), Axes(angles + 2.0), "p", 0)
    assert number.value == pytest.approx(2.0, abs=1e-9)


def test_metrics_that_make_no_sense_for_a_class(tracks):
    undefined = {
        particle: {m.name for m in IMAGE_METRICS if m.undefined(tracks["same"], particle)}
        for particle in ("p", "gamma", "unknown")
    }
    assert undefined == {
        "p": {"w1_longitudinal", "w1_transverse"},
        "gamma": {"w1_dedx"},
        "unknown": set(),
    }
    assert "showers" in IMAGE_METRICS[7].undefined(tracks["same"], "e-")


def test_names_and_keys_are_unique_and_the_headline_is_of_w1():
    names = [m.name for m in IMAGE_METRICS]
    assert len(set(names)) == len(names)
    by_name = {m.name: m for m in IMAGE_METRICS}
    assert all(isinstance(by_name[name], Wasserstein) for name in IMAGE_HEADLINE)


def test_empty_images_count_and_break_nothing():
    images = toy_images(COUNT, ("p",), size=32)
    blank = toy_images(COUNT, ("p",), size=32)
    blank.pixels[:] = 0.0
    empty, real = ImageSample(blank), ImageSample(images)
    assert pixel_values(empty)[0].tolist() == [[0.0]] * COUNT
    assert pixel_scores(empty)[0].shape == (COUNT, 2)
    assert angles(empty)[0].shape == (0, 1)
    for metric in CHEAP:
        if metric.undefined(empty, "p") is None:
            assert all(np.isfinite(n.value) for n in metric.measure(empty, real, "p", 0))
    (angle,) = [m for m in IMAGE_METRICS if m.name == "w1_angle"]
    assert "half" in angle.undefined(empty, "p")
    chosen = [m for m in IMAGE_METRICS if m.name in ("w1_angle", "w1_charge")]
    for generated, reference in ((blank, images), (images, blank)):
        found = evaluate(generated, reference, metrics=chosen)
        assert [s.metric for s in found.skipped] == ["w1_angle"]
        assert {s.key for s in found.scores} == {"w1_charge"}


def test_pixels_belong_to_their_images():
    images = toy_images(5, ("p",), size=32, planes=2)
    images.pixels[3] = 0.0
    values, owner = pixel_values(ImageSample(images))
    for n in range(5):
        expected = images.pixels[n][images.pixels[n] > 0] if n != 3 else [0.0]
        assert sorted(values[owner == n, 0]) == pytest.approx(sorted(expected))


def test_the_classifier_and_the_frechet_distance_find_other_tracks():
    real, other = (
        ImageSample(toy_images(1000, ("p",), size=32, seed=seed, stretch=stretch))
        for seed, stretch in ((1, 1.0), (2, 1.3))
    )
    by_name = {m.name: m for m in IMAGE_METRICS}
    half = real[:500], real[500:]
    auc = by_name["classifier"]
    assert auc.measure(other, real, "p", 0)[0].value > 0.6
    (fid,) = by_name["ssnet_fid"].measure(other, real, "p", 0)
    (floor,) = by_name["ssnet_fid"].measure(*half, "p", 0)
    assert abs(floor.value) < 3 * floor.error
    assert fid.value > 5 * fid.error


def test_memorisation_needs_images_of_the_class_and_has_a_floor(tracks):
    training = toy_images(COUNT, ("p",), size=32, seed=9)
    metric = Memorisation(training)
    assert metric.undefined(tracks["same"], "p") is None
    assert "no training images of class e-" in metric.undefined(tracks["same"], "e-")
    truth = tracks["truth"]
    share, ratio = metric.measure(tracks["same"], truth.second, "p", 0)
    floors = metric.floor(truth, "p", 0)
    assert abs(share.value - floors[0][0]) < 4 * np.hypot(share.error, floors[0][1])
    copied = ImageSample(training)
    share, ratio = metric.measure(copied, truth.second, "p", 0)
    assert (share.value, ratio.value) == (1.0, 0.0)


def test_a_share_of_none_has_an_error(tracks):
    (metric,) = [m for m in IMAGE_METRICS if m.name == "track_share"]
    images = toy_images(COUNT, ("p",), size=32)
    images.pixels[:] = 0.0
    empty = ImageSample(images)
    (number,) = metric.measure(empty, empty, "p", 0)
    assert number.value == 0.0
    assert number.error == pytest.approx(np.sqrt(2 * (1 / 402) * (401 / 402) / 400))
    (found,) = metric.measure(tracks["same"], empty, "p", 0)
    assert found.value == np.mean(tracks["same"].majority == 1) > 0.9
