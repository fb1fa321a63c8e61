"""The demonstration: the shipped model samples, is judged, its samplers are compared, all is drawn.

It runs on what comes with the package, in a few minutes on two cores.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from driftline.data.clouds import Jets, concatenate
from driftline.data.formats import jetnet
from driftline.data.shipped import shipped_references
from driftline.errors import InputError
from driftline.generator import Generator, load
from driftline.metrics.evaluation import choose, evaluate
from driftline.metrics.kinds import JETS
from driftline.metrics.scores import Evaluation, Score, unit_factor
from driftline.output import write_text
from driftline.report.figures import evaluation_figures, study_figures
from driftline.report.overview import overview_figure
from driftline.report.style import CLASS_NAMES, save
from driftline.study.results import Study
from driftline.study.run import run_study
from driftline.study.tables import column_name, markdown, rows

MODEL = REFERENCE = "jets30"

METRICS = ("w1m", "w1p", "w1efp", "w1_mass", "w1_pt")

SAMPLERS = (
    "rk45:tolerance=1e-5",
    "rk45:tolerance=1e-3",
    "em:steps=300",
    "pc:steps=125",
    "dpm:steps=10",
    "dpm:steps=20",
    "dpm:steps=30",
)
"""The first is the baseline. All together cost about 1,200 evaluations a jet."""

STUDIED = "t"
"""The class with the richest substructure; the others would cost as much time again each."""

Progress = Callable[[str, float, float], None]
"""Told what is being done, how much is done and of how much."""


@dataclass(frozen=True)
class Demo:
    """What the demonstration found and wrote.

    Attributes:
        evaluation: of jets of all classes.
        study: of the samplers, on one class and few jets.
        files: the picture first.
    """

    evaluation: Evaluation
    study: Study
    files: list[Path]

    def scores(self) -> Iterator[list[str]]:
        """A row a class, for ``SCORES_HEAD``: metrics with errors, and floors in brackets."""
        for event_type in dict.fromkeys(score.event_type for score in self.evaluation.scores):
            found = [self.evaluation.score(event_type, key) for key in METRICS]
            yield [CLASS_NAMES.get(event_type, event_type), *map(_with_floor, found)]

    def comparison(self) -> Iterator[list[str]]:
        """A row a sampler, for ``driftline.study.tables.head``."""
        return rows(self.study, self.study.types[0])


SCORES_HEAD = (
    "class",
    *map(column_name, JETS.headline_metrics),
    "W1 jet mass [GeV]",
    "W1 jet pT [GeV]",
)
"""Columns of ``Demo.scores``."""


def _with_floor(score: Score) -> str:
    """Value ± error (floor), in the unit of the column."""
    unit = unit_factor(score.unit)
    value, error, floor = (x / unit for x in (score.value, score.error, score.floor))
    return f"{value:.2f} ± {error:.2f} ({floor:.2f})"


def shipped_reference() -> Jets:
    """The reference jets that come with the package."""
    return jetnet.read_directory(shipped_references().get(REFERENCE, Path(REFERENCE)))


def run_demo(
    out: Path,
    *,
    seed: int = 1,
    count: int = 1000,
    compared: int = 400,
    force: bool = False,
    progress: Progress = lambda what, done, total: None,
    model: Generator | None = None,
    reference: Jets | None = None,
) -> Demo:
    """Sample, judge, compare and draw.

    Args:
        out: directory; jets go to ``out/jets``, the comparison of samplers to ``out/samplers``.
        seed: of the noise and of all resampling.
        count: jets of each class that are judged.
        compared: jets that each sampler makes.
        force: replace what an earlier demonstration left in ``out``.
        progress: told how far it is.
        model: by default the shipped one.
        reference: true jets, by default the shipped ones.

    Raises:
        InputError: ``out`` exists and ``force`` is false, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not force:
        raise InputError(f"{out}: exists already; choose another --out or replace it with --force")
    generator = load(MODEL) if model is None else model
    true = shipped_reference() if reference is None else reference
    made = _generate(generator, count, seed, _part(progress, 0.0, 0.2))
    files = jetnet.write_directory(out / "jets", made, force=True)
    evaluation = evaluate(
        made, true, seed=seed, metrics=choose(JETS, METRICS), progress=_part(progress, 0.2, 0.3)
    )
    write_text(out / "evaluation.json", evaluation.model_dump_json(indent=1) + "\n", force=True)

    folder = out / "samplers"
    # Wall times are to be this machine's, now.
    shutil.rmtree(folder / "cells", ignore_errors=True)
    study = run_study(
        generator,
        true,
        folder,
        samplers=SAMPLERS,
        count=compared,
        types=[STUDIED],
        seeds=[seed],
        draws=300,
        force=True,
        progress=_part(progress, 0.3, 0.9),
    )
    write_text(folder / "study.md", markdown(study), force=True)
    progress("figures", 0.9, 1.0)
    picture = save(overview_figure(made, true, study), out / "overview")
    files += evaluation_figures(made, true, out / "figures")
    files += study_figures(study, folder)
    return Demo(
        evaluation,
        study,
        [*picture, *files, out / "evaluation.json", folder / "study.json", folder / "study.md"],
    )


def _part(progress: Progress, start: float, end: float) -> Progress:
    """What a part of the work, from ``start`` to ``end`` of the whole, is told to report to."""
    return lambda what, done, total: progress(what, start + (end - start) * done / total, 1.0)


def _generate(generator: Generator, count: int, seed: int, progress: Progress) -> Jets:
    """``count`` jets of every class."""
    parts = []
    for k, event_type in enumerate(generator.types):
        progress(f"{event_type}: {count:,} jets", k, len(generator.types))
        parts.append(generator.generate(count, event_type, seed=seed).jets)
    return concatenate(parts)
