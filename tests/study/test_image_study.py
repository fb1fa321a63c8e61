"""The study, grids and figures on images: the same code as for jets."""

from dataclasses import replace

import numpy as np
import pytest

from driftline.data.formats import image_file
from driftline.diffusion.samplers import EulerMaruyama, ProbabilityFlowRK45
from driftline.errors import InputError
from driftline.metrics.kinds import IMAGES, KINDS
from driftline.network_samplers import NetworkSamplers
from driftline.report.figures import draw_study
from driftline.report.page import render
from driftline.report.study_page import study_page
from driftline.study import Study, run_study
from driftline.study.tables import comma_separated, markdown
from driftline.study.tune import Search, tuned_to, with_recommendation
from made_images import made_images
from tiny_models import tiny_generator, tiny_image_generator

SAMPLERS = ("dpm:steps=6", "dpm:steps=2", "em:steps=4")
SAMPLER_2 = NetworkSamplers.parse(SAMPLERS[1])


@pytest.fixture(scope="module")
def reference():
    return made_images(400, planes=1, size=16)


@pytest.fixture(scope="module")
def generator(reference):
    return tiny_image_generator(reference)


@pytest.fixture(scope="module")
def study(generator, reference, tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    found = run_study(
        generator, reference, out, samplers=SAMPLERS, types=["mu-", "p"], count=30, seeds=(1, 2)
    )
    assert Study.read(out / "study.json") == found
    (file, _) = sorted(out.glob("cells/dpm-steps=2*_p_*.hdf5"))
    direct = generator.generate(30, "p", sampler=SAMPLER_2, seed=1, batch=7).images
    np.testing.assert_allclose(image_file.read(file).pixels, direct.pixels, rtol=1e-4, atol=1e-4)
    return found


def test_samplers_are_judged_by_the_metrics_of_images(study):
    assert study.kind == "images"
    assert {v.metric for v in study.verdicts} == set(IMAGES.headline)
    assert [row.by_network for row in study.rows[:2]] == [{"image": 6.0}, {"image": 2.0}]
    assert study.best == []
    assert all(np.isfinite(s.value) for row in study.rows for s in row.scores.values())


def test_tables_and_page_speak_of_images(study):
    text = markdown(study)
    assert "30 images a class" in text
    assert "Evaluations (image)" in text
    assert "jet" not in text
    assert "image_evaluations" in comma_separated(study).splitlines()[0]
    assert "jet" not in render(study_page(study)).split("<body")[1].split("base64")[0]


def test_figures(study):
    drawn = draw_study(study)
    assert {"pareto", "quality_w1_length", "quality_time_w1_charge", "endpoints"} <= set(drawn)


def test_grids_are_tuned_and_the_recommendation_is_stored(generator, study):
    tuned = tuned_to(generator, SAMPLER_2.with_steps(3), Search(events=12, sweeps=0))
    assert "tuned" in str(tuned) and " + " not in str(tuned)
    (first, *_) = study.labels
    found = study.recommendation.model_copy(update={"sampler": first})
    stored = with_recommendation(generator, study.model_copy(update={"recommendation": found}))
    assert str(stored.default_sampler) == first
    assert generator.card.keys() == {"name"}


def test_model_and_reference_have_to_fit(generator, reference, make_jets, tmp_path):
    jets = make_jets(40, types=("t",))
    with pytest.raises(InputError, match="makes jets and the reference holds images"):
        run_study(tiny_generator(jets), reference, tmp_path / "a", samplers=SAMPLERS)
    with pytest.raises(InputError, match="does not fit the model"):
        other = replace(reference, pixels=reference.pixels[..., :8])
        run_study(generator, other, tmp_path / "b", samplers=SAMPLERS, types=["p"], count=30)
    with pytest.raises(InputError, match=r"2 samplers and the model has 1 network"):
        both = ["dpm:steps=2 + dpm:steps=3"]
        run_study(generator, reference, tmp_path / "c", samplers=both, types=["p"], count=30)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_compared_by_default_are_samplers_without_repetition(kind):
    """The baselines stand first: the poster's for jets, the paper's for images."""
    found = [NetworkSamplers.parse(text) for text in kind.compared]
    assert len(set(found)) == len(found)
    baseline = {"jets": ProbabilityFlowRK45, "images": EulerMaruyama}[kind.name]
    assert isinstance(found[0].samplers[0], baseline)
