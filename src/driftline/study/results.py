"""What a study of samplers found, as a file: ``study.json``."""

import sys
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from driftline.errors import InputError
from driftline.metrics.kinds import EventKind, kind_named
from driftline.metrics.scores import Measurement
from driftline.output import replacing
from driftline.study.economy import Economy
from driftline.study.frozen import Frozen

FORMAT = 3
"""Version of ``study.json``; a reader refuses any other."""

Outcome = Literal["non-inferior", "worse", "undecided"]


class Score(Frozen):
    """A distance to the reference and its standard error."""

    value: float
    error: float


class Floor(Frozen):
    """What two truth samples of a class give: mean and standard deviation of one such comparison.

    Attributes:
        event_type: the class.
        sizes: numbers of jets on the two sides that the floor holds for.
        splits: numbers of truth jets that were compared; where these are smaller than ``sizes``,
            the distances are scaled by the square root law of the sample sizes.
        scores: value: mean; error: standard deviation over random splits.
        reported: of the numbers that are not judged by, between two truth samples of ``splits``.
    """

    event_type: str
    sizes: tuple[int, int]
    splits: tuple[int, int]
    scores: dict[str, Score]
    reported: dict[str, Score] = Field(default_factory=dict)

    def ratio(self, metric: str, score: Score) -> tuple[float, float]:
        """A score over this floor, and its error, that of the score alone.

        Where truth against truth gave zero, its spread is the unit.
        """
        floor = self.scores[metric]
        unit = max(floor.value or floor.error, sys.float_info.min)
        return score.value / unit, score.error / unit


class Settings(Frozen):
    """What makes a cell the cell it is: with other settings it is computed again.

    Attributes:
        model: fingerprint of the generator.
        reference: fingerprint of the reference jets of the class.
        count: jets.
        batch: jets in one network call; RK45 has one step size for all of them.
        draws: bootstrap draws.
    """

    model: str
    reference: str
    count: int
    batch: int
    draws: int


class Cell(Frozen):
    """One sampler, one class, one seed.

    Attributes:
        sampler: as text, with all its settings.
        label: of the sampler in figures.
        event_type: the class.
        seed: of the noise; the same for all samplers, so that they can be compared in pairs.
        settings: see ``Settings``.
        evaluations: per event, by network.
        calls: batched calls, by network.
        seconds: wall time of the sampling.
        repaired: see ``Generated``; cells made before there was one lack ``unmet``.
        scores: distances to the reference, with bootstrap errors.
        reported: numbers that are not judged by.
    """

    sampler: str
    label: str
    event_type: str
    seed: int
    settings: Settings
    evaluations: dict[str, float]
    calls: dict[str, int]
    seconds: float
    repaired: dict[str, int]
    scores: dict[str, Score]
    reported: list[Measurement] = Field(default_factory=list)


class Row(Frozen):
    """A sampler and a class: the mean over its seeds.

    Attributes:
        sampler: as text.
        label: of the sampler in figures.
        event_type: the class.
        seeds: how many noise seeds.
        by_network: evaluations per event, by network.
        seconds_per_1000: wall time for 1,000 events.
        fewer_evaluations: by what factor the evaluations of all networks are fewer than the
            baseline's.
        scores: mean distances; errors by the bootstrap over events of all seeds and the reference.
        reported: mean numbers that are not judged by; errors of one seed, as the reference is one.
    """

    sampler: str
    label: str
    event_type: str
    seeds: int
    by_network: dict[str, float]
    seconds_per_1000: float
    fewer_evaluations: float
    scores: dict[str, Score]
    reported: list[Measurement] = Field(default_factory=list)

    @property
    def evaluations(self) -> float:
        """Evaluations per event of all networks."""
        return sum(self.by_network.values())


class Verdict(Frozen):
    """Is a sampler's distance, at most a margin larger than the baseline's?

    Attributes:
        sampler: as text.
        event_type: the class.
        metric: a key of the scores.
        difference: W1(sampler) - W1(baseline).
        error: its standard error, both samplers resampled with the same jets.
        lower: one-sided 95% bound from below.
        upper: one-sided 95% bound from above.
        margin: the larger of 10% of W1(baseline) and one standard deviation of the floor.
        detectable: the difference that would be seen with 80% probability.
        p_non_inferior: p-value of the test that the difference is below the margin, corrected by
            Holm for all classes and metrics of the sampler.
        p_worse: likewise, that it is above.
        outcome: non-inferior or worse if that p-value is at most 5%; else undecided.
    """

    sampler: str
    event_type: str
    metric: str
    difference: float
    error: float
    lower: float
    upper: float
    margin: float
    detectable: float
    p_non_inferior: float
    p_worse: float
    outcome: Outcome


class Endpoint(Frozen):
    """How far a sampler's jets are from the baseline's at equal noise; deterministic samplers only.

    It has no floor: it is the solver's error alone, not the model's. A few jets that end in another
    mode dominate the RMS and leave the median alone.

    Attributes:
        sampler: as text.
        event_type: the class.
        rms: root mean square over jets of the distance, see ``study.endpoints``.
        median: its median over jets.
    """

    sampler: str
    event_type: str
    rms: float
    median: float


class Recommendation(Frozen):
    """The cheapest sampler that is non-inferior in every class and metric.

    Attributes:
        sampler: as text; None if none passed.
        label: of the sampler.
        evaluations: of both networks per jet, mean over classes.
        baseline_evaluations: likewise, of the baseline.
        detectable: the largest loss, in units of the margin, that the recommended sampler could
            have had in some class and metric with at most a 20% chance of not being seen.
    """

    sampler: str | None
    label: str
    evaluations: float
    baseline_evaluations: float
    detectable: float

    @property
    def cheaper(self) -> str | None:
        """The sampler, as text, if one passed and takes fewer evaluations than the baseline."""
        return self.sampler if self.evaluations < self.baseline_evaluations else None


class Best(Frozen):
    """The poster's table: the sampler with the smallest mean of W1M, W1P and W1EFP in a class.

    The mean is the poster's; it adds numbers of different units, and W1EFP hardly counts.

    Attributes:
        event_type: the class.
        sampler: as text.
        average: its mean of the three, with error.
        indistinguishable: the samplers whose mean is not significantly larger (paired, one-sided
            95%).
    """

    event_type: str
    sampler: str
    average: Score
    indistinguishable: list[str]


class Machine(Frozen):
    """Where wall times were measured."""

    processor: str
    cores: int
    threads: int
    device: str


class Study(Frozen):
    """A comparison of samplers on one model.

    Attributes:
        format: version of this layout.
        versions: of Python and the libraries.
        command: the command line, or empty.
        machine: of the last run; cells of an earlier run may come from another.
        model: name of the model.
        kind: of its events, see ``metrics.kinds``.
        baseline: the sampler that the others are judged against.
        cells: every sampler, class and seed.
        floors: one a class.
        rows: cells of all seeds together.
        verdicts: every sampler but the baseline, class and headline metric.
        best: one a class, of several samplers and of kinds of events whose averages are published.
        endpoints: of every deterministic sampler and class, if the baseline is deterministic.
        recommendation: the cheapest sampler that passed.
        economy: what generation costs beside simulation, if that was asked for.
    """

    format: int = FORMAT
    versions: dict[str, str]
    command: str
    machine: Machine
    model: str
    kind: str
    baseline: str
    cells: list[Cell]
    floors: list[Floor]
    rows: list[Row]
    verdicts: list[Verdict]
    best: list[Best]
    endpoints: list[Endpoint]
    recommendation: Recommendation
    economy: Economy | None = None

    @property
    def events(self) -> EventKind:
        """The kind of its events."""
        return kind_named(self.kind)

    @property
    def networks(self) -> list[str]:
        """Names of the model's networks."""
        return list(self.rows[0].by_network)

    @property
    def types(self) -> list[str]:
        """The classes."""
        return [floor.event_type for floor in self.floors]

    @property
    def labels(self) -> dict[str, str]:
        """Label of each sampler, in the order of the study."""
        return {row.sampler: row.label for row in self.rows}

    def floor(self, event_type: str) -> Floor:
        """The floor of a class."""
        return next(f for f in self.floors if f.event_type == event_type)

    def outcome(self, sampler: str, event_type: str | None = None) -> Outcome:
        """The verdict over all headline metrics, in one class or in all.

        Worse if it is worse in one of them, non-inferior if it is so in every one.
        """
        found = {
            v.outcome
            for v in self.verdicts
            if v.sampler == sampler and event_type in (None, v.event_type)
        }
        if "worse" in found:
            return "worse"
        return "undecided" if "undecided" in found else "non-inferior"

    def write(self, path: Path) -> None:
        """Write ``study.json``, whole or not at all."""
        with replacing(path, force=True) as temporary:
            temporary.write_text(self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Study":
        """Read ``study.json``.

        Raises:
            InputError: the file is missing, damaged or of another format.
        """
        try:
            study = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read ({error.strerror}); check the path"
            ) from error
        except ValidationError as error:
            raise InputError(f"{path}: {first_problem(error)}; run the study again") from error
        if study.format != FORMAT:
            raise InputError(
                f"{path}: field format is {study.format}, this version of driftline reads "
                f"{FORMAT}; run the study again"
            )
        return study


def first_problem(error: ValidationError) -> str:
    """The first complaint about a file, in one line."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"])) or "the whole file"
    return f"field {field}: {first['msg']}"
