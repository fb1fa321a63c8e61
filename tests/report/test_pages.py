"""The HTML page: what it says first, that it needs nothing else, that text stays text."""

import re
from base64 import b64decode
from html.parser import HTMLParser

import pytest

from driftline.metrics.kinds import JETS
from driftline.report import study_page as module
from driftline.report.evaluation_page import Judgement, evaluation_page
from driftline.report.page import Cell, Page, Picture, Table, flatten, render
from driftline.report.study_page import study_page
from driftline.report.style import new_figure
from driftline.study.tables import markdown, recommendation, standings
from made_study import SAMPLERS, made_study
from made_study import made_score as score


class Reader(HTMLParser):
    """Collects tags, attributes and text; fails on tags that are not closed in order."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.ids, self.words = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        found = dict(attrs)
        self.links += [found[name] for name in ("src", "href", "srcset", "action") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data.strip())

    @property
    def text(self):
        return " ".join(filter(None, self.words))


@pytest.fixture
def no_pictures(monkeypatch):
    """Pictures are slow, and have their own tests."""
    monkeypatch.setattr(module, "draw_study", lambda study: {})


def self_contained(text):
    page = Reader(text)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    for link in page.links:
        assert link.startswith("data:") or link.removeprefix("#") in page.ids
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    return page


def test_every_figure_has_a_title_and_most_a_caption(monkeypatch):
    names = ["pareto", "differences", "endpoints", "evaluations_rk45", "time"]
    names += [f"quality{time}_{m}" for m in JETS.headline for time in ("", "_time")]
    monkeypatch.setattr(module, "draw_study", lambda _: {n: new_figure(1, 1) for n in names})
    study = made_study(("t",), SAMPLERS[:2])
    pictures = study_page(study).pictures
    assert len({picture.title for picture in pictures}) == len(names)
    page = self_contained(render(study_page(study)))
    assert page.tags.count("img") == len(names)
    for words in ("Numbered and joined", "W1EFP against wall time", "W1M against evaluations"):
        assert words in page.text
    content = b64decode(pictures[0].source.partition(",")[2])
    assert content.startswith(b"<?xml")
    assert b"<svg" in content


def test_verdict_of_a_study_comes_first(no_pictures):
    study = made_study()
    page = self_contained(render(study_page(study)))
    verdict = recommendation(study)
    # 386 + 386 in class t, 386 + 424.6 in class g: 791.3 on average
    assert verdict.startswith(
        "Use DPM-Solver++(2M), 20: 40 evaluations per jet, 19.8 times fewer than the 791 of "
        "RK45(1e-5) on this model, and non-inferior to it in all 6 tests of class and metric."
    )
    assert page.text.index(verdict) < page.text.index("Who passed")
    for words in (
        "Worse: DPM-Solver++(2M), 10; PC (SNR 0.165), 125 steps; EM, 300.",
        "driftline study made reference --out study",
        "numpy 2.4.6",
        "0.50 ± 0.10",  # floor of W1M
    ):
        assert words in page.text


def test_no_recommendation_without_proof(no_pictures):
    baseline, dpm = SAMPLERS[0], SAMPLERS[4]
    failed = made_study(samplers=(baseline, dpm))
    assert recommendation(failed).startswith("Stay with RK45(1e-5), which takes 791 evaluations")
    assert "no other sampler" in recommendation(failed)
    assert standings(failed)["worse"] == [dpm[0]]
    alone = made_study(samplers=(baseline,))
    assert recommendation(alone).startswith("Nothing was compared with RK45(1e-5)")
    dearer = ("em:steps=900,grid=time", "EM, 900", 900.0, 1.3)
    costly = made_study(samplers=(baseline, dearer))
    assert recommendation(costly).endswith("non-inferior to it, EM, 900, takes 1,800.")
    assert costly.recommendation.sampler == dearer[0]
    assert costly.recommendation.cheaper is failed.recommendation.cheaper is None
    assert made_study().recommendation.cheaper == made_study().recommendation.sampler
    noisy = made_study(samplers=(baseline, SAMPLERS[5]), noise=3.0)
    assert standings(noisy)["undecided"] == [SAMPLERS[5][0]]
    for study in (failed, alone, costly, noisy):
        assert recommendation(study) in self_contained(render(study_page(study))).text


def test_study_in_markdown_begins_with_the_recommendation():
    study = made_study()
    text = markdown(study)
    assert text.splitlines()[2] == f"**{recommendation(study)}**"
    assert "- worse (evaluations): DPM-Solver++(2M), 10 (20); " in text
    table = text[text.index("## Errors of the solvers") :].splitlines()
    (row,) = [line for line in table if line.startswith("| DPM-Solver++(2M), 20 |")]
    assert row == "| DPM-Solver++(2M), 20 | 0.32 (0.033) | 0.32 (0.033) |"


def test_text_stays_text(no_pictures):
    hostile = "<script>alert('x')</script> & \"quoted\""
    study = made_study(model=hostile)
    text = render(study_page(study, card={"name": hostile, "nested": {"list": [1, hostile]}}))
    page = self_contained(text)
    assert "<script" not in text
    assert f"Samplers on {hostile}" in page.text
    assert "nested.list" in page.text
    assert "Model card" in page.text


def test_colour_is_a_second_cue_only():
    table = Table("t", ["a", "b"], [[Cell("x"), Cell("W1M", "bad")], [Cell("y"), Cell("", "good")]])
    page = Reader(render(Page("k", "t", "v", [], table, [], [], [])))
    assert "\N{BALLOT X} W1M" in page.text
    assert "\N{CHECK MARK}" in page.text


def judgement(**update):
    scores = [
        score("w1m", 1.5, event_type="t", label="W1M"),
        score("fpd", 70.0, event_type="t", label="FPD", note="sizes reduced"),
        score("w1m", 1.0, event_type="g", label="W1M"),
        score("w1p", 2.1, event_type="g", label="W1P"),
    ]
    sources = {"generated": {"model": "jets30", "sampler": "dpm:steps=30"}}
    content = {
        "kind": "jets",
        "seed": 7,
        "scores": scores,
        "sources": sources,
        "command": "driftline evaluate a b",
    }
    return Judgement(**(content | update))


def test_verdict_of_an_evaluation_comes_first():
    page = self_contained(render(evaluation_page(judgement())))
    verdict = (
        "1 of 3 metrics are within 2 times the floor in every class. Beyond it, worst first: FPD "
        "(70 floors, top quark); W1P (2.1 floors, gluon)."
    )
    assert page.text.index(verdict) < page.text.index("Distance from the truth, worst first")
    for words in (
        "Jets of jets30 against simulation",
        "\N{BALLOT X} 70.00 ± 0.10",
        "? 2.10 ± 0.10",
        "\N{CHECK MARK} 1.50 ± 0.10",
        "sizes reduced",
        "generated.sampler dpm:steps=30",
    ):
        assert words in page.text
    assert page.tags.count("img") == 1


def test_all_or_nothing_within_the_floor():
    good = [score("w1m", 1.5), score("w1p", 1.0)]
    bad = [score("w1m", 3.5), score("w1p", 2.5)]
    assert evaluation_page(judgement(scores=good)).verdict == (
        "All 2 metrics are within 2 times the floor, in every class."
    )
    assert evaluation_page(judgement(scores=bad)).verdict.startswith("No metric is within 2 times")


def test_figures_beside_the_scores_are_shown(tmp_path):
    figure = new_figure(1, 1)
    figure.savefig(tmp_path / "spectra_t.png")
    (tmp_path / "holiday.png").write_bytes(b"not of an evaluation")
    _, shown = evaluation_page(judgement(), tmp_path).pictures
    assert shown == Picture.png("Spectra: top quark", "", (tmp_path / "spectra_t.png").read_bytes())


def test_flatten():
    nested = {"a": {"b": [1, 2], "c": {}}, "d": None}
    assert flatten(nested) == [("a.b", "1, 2"), ("a.c", "{}"), ("d", "None")]
    assert re.match("data:image/png;base64,", Picture.png("", "", b"x").source)
