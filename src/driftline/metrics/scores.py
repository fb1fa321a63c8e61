"""The result of an evaluation: numbers with errors and floors, as JSON and as rows of a table."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from driftline.metrics.calibration import Closure


class Measurement(BaseModel):
    """One number that a metric gives for two samples.

    Attributes:
        key: short name, unique in an evaluation, e.g. ``w1p_ptrel``.
        label: for tables and figures.
        unit: in which tables print it, e.g. ``1e-3``, or a unit such as ``GeV``, or empty.
        value: the number itself, not divided by ``unit``.
        error: standard error.
        spread: standard deviation over JetNet's draws, where JetNet quotes that.
        note: what differs from the definition, e.g. reduced sizes.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    key: str
    label: str
    unit: str = ""
    value: float
    error: float
    spread: float | None = None
    note: str = ""


class Score(Measurement):
    """A measurement of generated events of one class, beside the same of truth against truth.

    Attributes:
        event_type: the class.
        floor: what two truth samples give.
        floor_error: its standard error, or its standard deviation over random splits.
        generated: number of generated events.
        reference: number of reference events.
        floor_sizes: numbers of truth events that the floor compares.
    """

    event_type: str
    floor: float
    floor_error: float
    generated: int
    reference: int
    floor_sizes: tuple[int, int]


class Skipped(BaseModel):
    """A metric that is not defined for a class."""

    event_type: str
    metric: str
    reason: str


class Evaluation(BaseModel):
    """All scores of a generated sample against a reference.

    Attributes:
        kind: of the events, see ``metrics.kinds``.
        seed: of all resampling.
        scores: one for each number of each metric and class.
        skipped: metrics that are not defined for a class.
        calibration: of each quantity and class of which the events tell what was asked.
    """

    kind: str
    seed: int
    scores: list[Score]
    skipped: list[Skipped] = []
    calibration: list[Closure] = []

    def score(self, event_type: str, key: str) -> Score:
        """The score of a class and a key.

        Raises:
            KeyError: there is none.
        """
        for score in self.scores:
            if (score.event_type, score.key) == (event_type, key):
                return score
        raise KeyError(f"no score {key!r} for class {event_type!r}")

    def rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Class, label with unit, value, floor (each with error), note: a table's rows as text.

        The note also tells the sizes of a floor that are not those of the comparison.
        """
        for score in self.scores:
            scale = unit_factor(score.unit)
            label = f"{score.label} [{score.unit}]" if score.unit else score.label
            yield (
                score.event_type,
                label,
                _with_error(score.value / scale, score.error / scale),
                _with_error(score.floor / scale, score.floor_error / scale),
                "; ".join(filter(None, (score.note, _other_sizes(score)))),
            )


def _other_sizes(score: Score) -> str:
    if min(score.floor_sizes) >= min(score.generated, score.reference):
        return ""
    return f"floor of {score.floor_sizes[0]:,} against {score.floor_sizes[1]:,}"


def unit_factor(unit: str) -> float:
    """The factor that a unit such as ``1e-3`` stands for; 1 for GeV and for none."""
    try:
        return float(unit)
    except ValueError:
        return 1.0


def _with_error(value: float, error: float) -> str:
    """Both numbers to the second digit of the error."""
    if error <= 0.0:
        return f"{value:.4g}"
    digits = max(0, 1 - int(f"{error:e}".split("e")[1]))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
