"""Figures: what they show, and that they are written."""

import numpy as np
import pytest
from matplotlib.colors import LogNorm

from driftline.metrics.observables import Sample
from driftline.report.figures import evaluation_figures, study_figures
from driftline.report.jets import PIXELS, average_image, displays_figure, images_figure
from driftline.report.overview import overview_figure
from driftline.report.quality import difference_figure, quality_figure, tolerance_figure
from driftline.report.spectra import SPECTRA, Histogram, Spectrum, spectra_figure
from driftline.report.style import CLASS_NAMES, new_figure, save
from driftline.study import run_study
from tiny_models import tiny_generator

EMPTY_PNG = 5000
"""Bytes that a picture of nothing takes at most."""


@pytest.fixture(scope="module")
def pair(make_jets):
    return make_jets(60, types=("t", "w"), seed=3), make_jets(80, types=("t", "w"), seed=4)


@pytest.fixture(scope="module")
def study(toy_jets, tmp_path_factory):
    samplers = ["rk45:tolerance=1e-4", "rk45:tolerance=1e-3", "dpm:steps=5", "dpm:steps=8"]
    return run_study(
        tiny_generator(toy_jets),
        toy_jets,
        tmp_path_factory.mktemp("study"),
        samplers=samplers,
        types=["t", "w"],
        count=40,
        draws=30,
    )


def test_figures_of_an_evaluation(pair, tmp_path):
    files = evaluation_figures(*pair, tmp_path / "new")
    names = ["jets", "average_jets", "spectra_t", "spectra_w"]
    assert [f.name for f in files] == [f"{n}.{s}" for n in names for s in ("png", "pdf")]
    for file in files:
        assert file.stat().st_size > EMPTY_PNG


def test_figures_of_a_study(study, tmp_path):
    files = study_figures(study, tmp_path)
    names = {f.stem for f in files}
    assert names == {
        "quality_w1m",
        "quality_w1p",
        "quality_w1efp",
        "time",
        "evaluations_rk45",
        "differences",
    }
    assert all(f.stat().st_size > EMPTY_PNG for f in files if f.suffix == ".png")


def test_equal_figures_are_equal_files(tmp_path):
    for stem in ("a", "b"):
        figure = new_figure(2, 2)
        figure.subplots().plot([0, 1])
        save(figure, tmp_path / stem)
    for suffix in ("png", "pdf"):
        first, second = ((tmp_path / f"{stem}.{suffix}").read_bytes() for stem in "ab")
        assert first == second


def test_displays_show_every_particle(pair):
    generated, reference = pair
    figure = displays_figure(generated, reference, ["t", "w"], jets=2)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 2 * 4
    first = shown[0].collections[0]
    jet = reference.of_type("t")[0:1]
    assert len(first.get_offsets()) == jet.mask.sum()
    ptrel = jet.particles[jet.mask][:, 2]
    assert np.corrcoef(first.get_sizes(), ptrel)[0, 1] == pytest.approx(1)
    assert shown[2].get_title("left") == "Generated"


def test_average_image_turns_jets_upright():
    rng = np.random.default_rng(1)
    prongs = np.zeros((50, 2, 3))
    angle = rng.uniform(0, 2 * np.pi, 50)
    for k, (radius, pt) in enumerate(((0.1, 0.6), (-0.2, 0.3))):
        prongs[:, k] = np.stack(
            [radius * np.cos(angle), radius * np.sin(angle), np.full(50, pt)], axis=1
        )
    image = average_image(prongs)
    assert image.shape == (PIXELS, PIXELS)
    assert image.sum() == pytest.approx(0.9)
    # Whatever its direction, the hard prong is 0.1 above the centre, the soft one 0.2 below it.
    centre = (PIXELS - 1) / 2
    rows = np.flatnonzero(image.sum(axis=1) > 1e-9)
    assert (rows - centre) * 0.8 / PIXELS == pytest.approx([-0.2, 0.1], abs=0.02)
    columns = image.sum(axis=0)
    assert columns[int(centre)] == pytest.approx(0.9)


def test_images_share_one_logarithmic_scale(pair):
    figure = images_figure(*pair, ["t", "w"])
    norms = [image.norm for axes in figure.axes for image in axes.images]
    assert len(norms) == 4
    assert all(isinstance(norm, LogNorm) for norm in norms)
    assert len({(norm.vmin, norm.vmax) for norm in norms}) == 1


def test_spectra_have_units_and_ratios(pair):
    figure = spectra_figure(*pair, "w")
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert "Jet mass [GeV]" in labels
    assert "Jet $p_T$ [GeV]" in labels
    assert [axes.get_ylabel() for axes in figure.axes].count("Ratio") == len(SPECTRA)
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["Simulated", "Generated"]
    assert "W_1" in legend.get_title().get_text()
    assert "60 generated, 80 simulated" in figure.get_suptitle()


def test_histogram_of_equal_samples(pair):
    sample = Sample(pair[1].of_type("t"))
    histogram = Histogram.of(SPECTRA[0], sample, sample)
    ratio, error, reference_error = histogram.ratio
    filled = histogram.simulated > 0
    assert ratio[filled] == pytest.approx(1.0)
    assert np.isnan(ratio[~filled]).all()
    assert error[filled] == pytest.approx(1 / np.sqrt(histogram.simulated[filled]))
    assert error[filled] == pytest.approx(reference_error[filled])
    assert histogram.chi2[0] == 0.0


def test_histogram_is_scaled_to_the_reference(pair):
    few, many = (Sample(jets.of_type("t")) for jets in pair)
    histogram = Histogram.of(SPECTRA[1], few, many)
    assert histogram.scale == pytest.approx(80 / 60)
    assert histogram.generated.sum() == pytest.approx(80, rel=0.05)


def test_errors_know_that_particles_come_in_jets(pair):
    sample = Sample(pair[0].of_type("t"))

    def clones(s: Sample) -> tuple[np.ndarray, np.ndarray]:
        return np.repeat(s.pt, 9), np.repeat(np.arange(len(s)), 9)

    cloned = Histogram.of(Spectrum("x", "", clones), sample, sample)
    single = Histogram.of(SPECTRA[1], sample, sample, cloned.edges)
    assert cloned.simulated == pytest.approx(9 * single.simulated)
    assert cloned.simulated_error == pytest.approx(9 * single.simulated_error)


def test_whole_numbers_are_in_the_middle_of_bins():
    edges = SPECTRA[2].edges(np.arange(3.0, 31.0))
    assert np.all(edges % 1 == 0.5)
    assert edges[0] < 3
    assert edges[-1] > 30


def test_quality_shows_every_sampler_and_the_floor(study):
    figure = quality_figure(study, "w1p")
    assert [axes.get_title("left") for axes in figure.axes] == ["top quark", "W boson"]
    (axes, _) = figure.axes
    assert axes.get_xscale() == "log"
    drawn = sorted(x for line in axes.containers for x in line.lines[0].get_xdata())
    expected = sorted(r.particle_evaluations for r in study.rows if r.jet_type == "t")
    assert drawn == expected
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    floor = study.floor("t").scores["w1p"]
    assert (band.y0 + band.y1) / 2 * 1e-3 == pytest.approx(floor.value)
    assert (band.y1 - band.y0) / 2 * 1e-3 == pytest.approx(floor.error)
    assert figure.axes[0].get_ylabel() == "W1P [$10^{-3}$]"


def test_tolerance_needs_rk45(study):
    figure = tolerance_figure(study)
    assert figure is not None
    assert figure.axes[0].get_xlim()[0] > figure.axes[0].get_xlim()[1]
    without = study.model_copy(
        update={"rows": [r for r in study.rows if r.sampler.startswith("dpm")]}
    )
    assert tolerance_figure(without) is None


def test_differences_need_another_sampler(study):
    assert difference_figure(study) is not None
    assert difference_figure(study.model_copy(update={"verdicts": []})) is None


def test_overview(pair, study, tmp_path):
    figure = overview_figure(*pair, study)
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert {"Jet mass [GeV]", "Particle $p_T$ [GeV]"} <= set(labels)
    assert any("Evaluations" in label for label in labels)
    titles = [axes.get_title() for axes in figure.axes]
    for jet_type in ("t", "w"):
        assert f"{CLASS_NAMES[jet_type]} jet" in titles
    png, pdf = save(figure, tmp_path / "overview")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
