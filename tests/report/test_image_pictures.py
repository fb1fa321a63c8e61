"""Pictures of images and of SSNet's scores: what is drawn is what was counted."""

import numpy as np
import pytest

from driftline.metrics.images.observables import ImageSample
from driftline.metrics.images.table import IMAGE_METRICS
from driftline.report.histograms import Histogram
from driftline.report.images import (
    EMPTY,
    displays_figure,
    image_spectra,
    image_spectra_figure,
    profiles_figure,
)
from driftline.report.ssnet import PANELS, _fractions, ssnet_figure
from driftline.report.style import save
from toy_images import toy_images


@pytest.fixture(scope="module")
def pair():
    return tuple(toy_images(30, ("e-", "p"), size=32, seed=seed) for seed in (1, 2))


def images_of(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


def test_displays_are_the_first_images_of_each_class(pair):
    generated, reference = pair
    drawn = images_of(displays_figure(generated, reference, ["e-", "p"], images=2))
    expected = [
        side.of_type(name).pixels[k, 0]
        for name in ("e-", "p")
        for side in (reference, generated)
        for k in range(2)
    ]
    assert len(drawn) == len(expected)
    for found, pixels in zip(drawn, expected, strict=True):
        seen = ~np.ma.getmaskarray(np.ma.masked_invalid(found))
        assert np.array_equal(seen, pixels > 0)
        assert np.asarray(found)[seen] == pytest.approx(pixels[pixels > 0])


def test_displays_of_fewer_images_than_places(pair):
    generated, reference = pair
    figure = displays_figure(generated[:1], reference, ["e-"], images=4)
    assert len(images_of(figure)) == 5
    assert figure.axes[0].get_facecolor()[:3] == pytest.approx(
        [int(EMPTY[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    )


def test_histograms_have_axes_with_units_and_all_images(pair):
    generated, reference = pair
    figure = image_spectra_figure(generated, reference, "p")
    labels = {axes.get_xlabel() for axes in figure.axes}
    assert {"Track length [cm]", "Track angle [degrees]", "Charge [MeV]"} <= labels
    assert "proton" in figure.get_suptitle() and "30 generated" in figure.get_suptitle()


def test_every_image_is_in_its_histograms(pair):
    samples = [ImageSample(side.of_type("p")) for side in pair]
    for spectrum in image_spectra("electrons"):
        values, owner = spectrum.values(samples[0])
        assert values.ndim == 1 and len(values) == len(owner)
        if spectrum.per == "Images":
            assert np.array_equal(owner, np.arange(30))
        histogram = Histogram.of(spectrum, *samples)
        assert histogram.simulated.sum() >= 0.9 * len(spectrum.values(samples[1])[0])
    assert {s.unit for s in image_spectra("electrons")} == {"cm", "degrees", "electrons", "%", ""}


def test_the_distance_of_angles_is_drawn_as_it_is_measured(pair):
    (metric,) = [m for m in IMAGE_METRICS if m.name == "w1_angle"]
    generated, reference = (side.of_type("p") for side in pair)
    (number,) = metric.measure(ImageSample(generated), ImageSample(reference), "p", 0)
    drawn = image_spectra_figure(generated, reference, "p").axes
    titles = [axes.get_legend().get_title().get_text() for axes in drawn if axes.get_legend()]
    assert any(title.endswith(f"$W_1$ {number.value:.2g} degrees") for title in titles)


def test_profiles_are_of_tracks_and_of_showers(pair):
    figure = profiles_figure(*pair, ["e-", "p"])
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_xlabel()]
    assert titles == ["proton, dE/dx", "electron, longitudinal", "electron, transverse"]
    points = figure.axes[0].containers[0].lines[0].get_ydata()
    expected = ImageSample(pair[0].of_type("p")).dedx[:, 0].mean(axis=0)
    assert points == pytest.approx(expected)


def test_scores_are_fractions_of_either_side(pair, tmp_path):
    samples = [ImageSample(side) for side in pair]
    for panel in PANELS:
        histogram = _fractions(Histogram.of(panel.spectrum, *samples, panel.edges))
        assert histogram.simulated.sum() == pytest.approx(1.0)
        assert histogram.generated.sum() == pytest.approx(1.0)
        counted = len(panel.spectrum.values(samples[0])[0])
        pixels = int((samples[0].pixels > 0).sum())
        assert counted == (pixels if panel.of == "all pixels" else 60)
    figure = ssnet_figure(*pair)
    shares = [np.mean(sample.majority == 1) for sample in samples]
    assert f"{shares[1]:.1%}" in figure.get_suptitle().split("generated")[0]
    labels = {axes.get_ylabel() for axes in figure.axes}
    assert labels == {"Fraction of images", "Fraction of all pixels", "Ratio"}
    assert all(path.stat().st_size > 0 for path in save(figure, tmp_path / "ssnet"))


def test_images_without_charge_can_be_drawn(pair):
    blank = toy_images(5, ("e-", "p"), size=32)
    blank.pixels[:] = 0.0
    for event_type in ("e-", "p"):
        image_spectra_figure(blank, pair[1], event_type)
    ssnet_figure(blank, pair[1])
    profiles_figure(blank, pair[1], ["e-", "p"])
