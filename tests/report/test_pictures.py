"""Figures: what they show, and that they are written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import LogNorm

from driftline.metrics.jet_observables import JetSample
from driftline.metrics.kinds import JETS
from driftline.report.cost import tolerance_figure
from driftline.report.differences import MOST, difference_figure
from driftline.report.endpoints import endpoint_figure
from driftline.report.figures import evaluation_figures, study_figures
from driftline.report.histograms import Histogram, Spectrum
from driftline.report.jets import PIXELS, average_image, displays_figure, images_figure
from driftline.report.overview import overview_figure
from driftline.report.quality import (
    BY_TIME,
    draw_quality,
    front,
    in_floors,
    pareto_figure,
    quality_figure,
)
from driftline.report.spectra import SPECTRA, spectra_figure
from driftline.report.style import CLASS_NAMES, new_figure, save, style, svg
from made_study import SAMPLERS, made_study

EMPTY_PNG = 5000
"""Bytes that a picture of nothing takes at most."""


@pytest.fixture(scope="module")
def pair(make_jets):
    return make_jets(60, types=("t", "w"), seed=3), make_jets(80, types=("t", "w"), seed=4)


@pytest.fixture(scope="module")
def study():
    return made_study(("t", "w"))


def test_figures_of_an_evaluation(pair, tmp_path):
    files = evaluation_figures(*pair, tmp_path / "new")
    names = ["jets", "average_jets", "spectra_t", "spectra_w"]
    assert [f.name for f in files] == [f"{n}.{s}" for n in names for s in ("png", "pdf")]
    for file in files:
        assert file.stat().st_size > EMPTY_PNG


def test_figures_of_a_study(study, tmp_path):
    files = study_figures(made_study(("t",), [*SAMPLERS[:2], *SAMPLERS[2::2]]), tmp_path)
    names = {f.stem for f in files}
    assert names == {
        "quality_w1m",
        "quality_w1p",
        "quality_w1efp",
        "quality_time_w1m",
        "quality_time_w1p",
        "quality_time_w1efp",
        "pareto",
        "endpoints",
        "time",
        "evaluations_rk45",
        "differences",
    }
    assert all(f.stat().st_size > EMPTY_PNG for f in files if f.suffix == ".png")


def test_equal_figures_are_equal_files(tmp_path):
    drawings = set()
    for stem in ("a", "b"):
        figure = new_figure(2, 2)
        figure.subplots().plot([0, 1])
        drawings.add(svg(figure))
        save(figure, tmp_path / stem)
    assert len(drawings) == 1
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
    sample = JetSample(pair[1].of_type("t"))
    histogram = Histogram.of(SPECTRA[0], sample, sample)
    ratio, error, reference_error = histogram.ratio
    filled = histogram.simulated > 0
    assert ratio[filled] == pytest.approx(1.0)
    assert np.isnan(ratio[~filled]).all()
    assert error[filled] == pytest.approx(1 / np.sqrt(histogram.simulated[filled]))
    assert error[filled] == pytest.approx(reference_error[filled])
    assert histogram.chi2[0] == 0.0


def test_histogram_is_scaled_to_the_reference(pair):
    few, many = (JetSample(jets.of_type("t")) for jets in pair)
    histogram = Histogram.of(SPECTRA[1], few, many)
    assert histogram.scale == pytest.approx(80 / 60)
    assert histogram.generated.sum() == pytest.approx(80, rel=0.05)


def test_errors_know_that_particles_come_in_jets(pair):
    sample = JetSample(pair[0].of_type("t"))

    def clones(s: JetSample) -> tuple[np.ndarray, np.ndarray]:
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
    figure = quality_figure(study, W1P)
    assert [axes.get_title("left") for axes in figure.axes] == ["top quark", "W boson"]
    (axes, _) = figure.axes
    assert axes.get_xscale() == "log"
    drawn = sorted(x for line in axes.containers for x in line.lines[0].get_xdata())
    expected = sorted(r.evaluations for r in study.rows if r.event_type == "t")
    assert drawn == expected
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    floor = study.floor("t").scores["w1p"]
    assert (band.y0 + band.y1) / 2 * 1e-3 == pytest.approx(floor.value)
    assert (band.y1 - band.y0) / 2 * 1e-3 == pytest.approx(floor.error)
    assert figure.get_supylabel() == "W1P [$10^{-3}$]"


def test_quality_against_wall_time(study):
    with style():
        axes = new_figure(3, 3).subplots()
        draw_quality(axes, study, "w", W1M, BY_TIME)
    drawn = sorted(x for line in axes.containers for x in line.lines[0].get_xdata())
    assert drawn == sorted(r.seconds_per_1000 for r in study.rows if r.event_type == "w")


W1M, W1P, _ = JETS.headline_metrics

points = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(st.lists(points, min_size=1, max_size=12))
def test_front_is_what_nothing_beats(found):
    def beaten(p) -> bool:
        return any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in found)

    kept = front(found)
    assert {found[k] for k in kept} == {p for p in found if not beaten(p)}
    assert len({found[k] for k in kept}) == len(kept)
    assert [found[k] for k in kept] == sorted(found[k] for k in kept)


def test_pareto_joins_and_names_the_front(study):
    figure = pareto_figure(study)
    rows = [row for row in study.rows if row.event_type == "t"]
    losses = [in_floors(row, study.floor("t"), JETS.headline)[0] for row in rows]
    for row, loss, (_, _, _, expected) in zip(rows, losses, SAMPLERS):
        assert loss == pytest.approx(expected), row.label
    unbeaten = [rows[k] for k in front([(r.evaluations, x) for r, x in zip(rows, losses)])]
    assert [row.label for row in unbeaten] == [f"DPM-Solver++(2M), {n}" for n in (10, 20, 30)]
    axes = figure.axes[0]
    assert list(axes.lines[0].get_xdata()) == [20, 40, 60]  # both levels
    (names,) = [text.get_text() for text in axes.texts if "\n" in text.get_text()]
    assert names == "\n".join(f"{k}  {row.label}" for k, row in enumerate(unbeaten, 1))


def test_the_worst_metric_counts(study):
    row, floor = study.rows[0], study.floor("t")
    worst = row.scores["w1efp"].model_copy(update={"value": 9 * floor.scores["w1efp"].value})
    changed = row.model_copy(update={"scores": {**row.scores, "w1efp": worst}})
    assert in_floors(changed, floor, JETS.headline)[0] == pytest.approx(9)
    assert set(row.scores) == set(JETS.headline)


def test_endpoints_show_rms_and_median(study):
    figure = endpoint_figure(study)
    axes = figure.axes[1]
    drawn = {(x, y) for line in axes.lines for x, y in zip(*line.get_data())}
    evaluations = {(r.sampler, r.event_type): r.evaluations for r in study.rows}
    mine = [e for e in study.endpoints if e.event_type == "w"]
    assert len(mine) == 4
    for e in mine:
        x = evaluations[e.sampler, "w"]
        assert {(x, e.rms), (x, e.median)} <= drawn
    assert endpoint_figure(study.model_copy(update={"endpoints": []})) is None


def test_tolerance_needs_rk45(study):
    figure = tolerance_figure(study)
    assert figure is not None
    assert figure.axes[0].get_xlim()[0] > figure.axes[0].get_xlim()[1]
    without = study.model_copy(
        update={"rows": [r for r in study.rows if r.sampler.startswith("dpm")]}
    )
    assert tolerance_figure(without) is None
    one = [r for r in study.rows if not r.sampler.startswith("rk45")]
    one += [r for r in study.rows if r.sampler.startswith("rk45:tolerance=1e-05")]
    assert len(one) < len(study.rows)
    assert tolerance_figure(study.model_copy(update={"rows": one})) is None  # is no curve


def test_differences_need_another_sampler(study):
    figure = difference_figure(study)
    far = (*SAMPLERS[:2], ("new:steps=1", "new", 1.0, 500.0))
    arrows = [
        line.get_marker() for line in difference_figure(made_study(("t",), far)).axes[0].lines
    ]
    assert ">" in arrows
    assert ">" not in [line.get_marker() for line in figure.axes[0].lines]
    assert max(line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata())) < MOST
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
