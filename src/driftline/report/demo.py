"""The demonstration: the shipped model samples, is judged, its samplers are compared, all is drawn.

It runs on what comes with the package, in a few minutes on two cores.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from driftline.data.events import LabelledEvents
from driftline.data.formats import image_file, jetnet
from driftline.data.images import Images
from driftline.data.shipped import read_reference
from driftline.errors import InputError
from driftline.generation import EventGenerator
from driftline.metrics.evaluation import choose, evaluate
from driftline.metrics.kinds import kind_named, kind_of
from driftline.metrics.scores import Evaluation, Score, unit_factor
from driftline.models import load
from driftline.output import write_text
from driftline.report.figures import evaluation_figures, study_figures
from driftline.report.image_overview import image_overview_figure
from driftline.report.overview import overview_figure
from driftline.report.style import class_name, save
from driftline.study.results import Study
from driftline.study.run import run_study
from driftline.study.tables import column_name, markdown, rows

Progress = Callable[[str, float, float], None]
"""Told what is being done, how much is done and of how much."""


@dataclass(frozen=True)
class Show:
    """What is shown of one kind of event.

    Attributes:
        model: name of the shipped model, and of the shipped reference.
        metrics: names of those in the table.
        samplers: compared with the model's own; the first is the baseline.
        studied: the class that they are compared on: the others would cost as much time again each.
        count: events of each class that are judged, unless told otherwise.
        compared: events that each sampler makes.
        overview: the one picture, from generated and true events and the study.
        write: writes the generated events into a directory.
    """

    model: str
    metrics: tuple[str, ...]
    samplers: tuple[str, ...]
    studied: str
    count: int
    compared: int
    overview: Callable[[Any, Any, Study], Figure]
    write: Callable[[Path, Any], list[Path]]


def _write_images(path: Path, images: Images) -> Path:
    image_file.write(path, images, force=True)
    return path


JETS = Show(
    model="jets30",
    metrics=("w1m", "w1p", "w1efp", "w1_mass", "w1_pt"),
    samplers=(
        "rk45:tolerance=1e-5",
        "rk45:tolerance=1e-3",
        "em:steps=300",
        "pc:steps=125",
        "dpm:steps=10",
        "dpm:steps=20",
        "dpm:steps=30",
    ),
    studied="t",
    count=1000,
    compared=400,
    overview=overview_figure,
    write=lambda folder, jets: jetnet.write_directory(folder, jets, force=True),
)
"""Top jets have the richest substructure; the samplers cost about 1,200 evaluations a jet."""

LARTPC = Show(
    model="lartpc64",
    metrics=("w1_length", "w1_width", "w1_charge", "w1_pixel", "w1_occupancy", "track_share"),
    samplers=("em:steps=100", "dpm:steps=10", "dpm:steps=20", "dpm:steps=30"),
    studied="mu-",
    count=100,
    compared=60,
    overview=image_overview_figure,
    write=lambda folder, images: [_write_images(folder / "images.hdf5", images)],
)

SHOWS = {"jets": JETS, "lartpc": LARTPC}
"""By the name that the command knows them by."""


@dataclass(frozen=True)
class Demo:
    """What the demonstration found and wrote.

    Attributes:
        evaluation: of events of all classes.
        study: of the samplers, on one class and few events.
        files: the picture first.
    """

    evaluation: Evaluation
    study: Study
    files: list[Path]

    @property
    def head(self) -> list[str]:
        """Columns of ``scores``."""
        return ["class", *(column_name(score) for score in self._scores(self.study.types[0]))]

    def scores(self) -> Iterator[list[str]]:
        """A row a class: metrics with errors, and floors in brackets."""
        for event_type in dict.fromkeys(score.event_type for score in self.evaluation.scores):
            name = class_name(event_type)
            yield [name, *map(_with_floor, self._scores(event_type))]

    def comparison(self) -> Iterator[list[str]]:
        """A row a sampler, for ``driftline.study.tables.head``."""
        return rows(self.study, self.study.types[0])

    def _scores(self, event_type: str) -> list[Score]:
        """Of the metrics themselves, without components and other conventions."""
        names = {metric.name for metric in kind_named(self.evaluation.kind).metrics}
        found = self.evaluation.scores
        return [s for s in found if s.event_type == event_type and s.key in names]


def _with_floor(score: Score) -> str:
    """Value ± error (floor), in the unit of the column."""
    unit = unit_factor(score.unit)
    value, error, floor = (x / unit for x in (score.value, score.error, score.floor))
    return f"{value:.2f} ± {error:.2f} ({floor:.2f})"


def run_demo(
    show: Show,
    out: Path,
    *,
    seed: int = 1,
    count: int | None = None,
    force: bool = False,
    progress: Progress = lambda what, done, total: None,
    model: EventGenerator | None = None,
    reference: LabelledEvents | None = None,
) -> Demo:
    """Sample, judge, compare and draw.

    Args:
        show: what is shown.
        out: directory; events go to ``out/KIND``, the comparison of samplers to ``out/samplers``.
        seed: of the noise and of all resampling.
        count: events of each class that are judged, by default as many as the show says.
        force: replace what an earlier demonstration left in ``out``.
        progress: told how far it is.
        model: by default the shipped one.
        reference: true events, by default the shipped ones.

    Raises:
        InputError: ``out`` exists and ``force`` is false, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not force:
        raise InputError(f"{out}: exists already; choose another --out or replace it with --force")
    generator = load(show.model) if model is None else model
    true = read_reference(Path(show.model)) if reference is None else reference
    kind = kind_of(true)
    number = show.count if count is None else count
    made = kind.concatenate(_generate(generator, number, seed, _part(progress, 0.0, 0.2)))
    files = show.write(out / kind.name, made)
    evaluation = evaluate(
        made,
        true,
        seed=seed,
        metrics=choose(kind, show.metrics),
        progress=_part(progress, 0.2, 0.3),
    )
    write_text(out / "evaluation.json", evaluation.model_dump_json(indent=1) + "\n", force=True)

    folder = out / "samplers"
    # Wall times are to be this machine's, now.
    shutil.rmtree(folder / "cells", ignore_errors=True)
    study = run_study(
        generator,
        true,
        folder,
        samplers=[*show.samplers, str(generator.default_sampler)],
        count=show.compared,
        types=[show.studied],
        seeds=[seed],
        draws=300,
        force=True,
        progress=_part(progress, 0.3, 0.9),
    )
    write_text(folder / "study.md", markdown(study), force=True)
    progress("figures", 0.9, 1.0)
    picture = save(show.overview(made, true, study), out / "overview")
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


def _generate(
    generator: EventGenerator, count: int, seed: int, progress: Progress
) -> list[LabelledEvents]:
    """``count`` events of every class."""
    parts = []
    for k, event_type in enumerate(generator.types):
        progress(f"{event_type}: {count:,} {generator.kind}", k, len(generator.types))
        parts.append(generator.generate(count, event_type, seed=seed).events)
    return parts
