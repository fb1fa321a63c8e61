"""Generated against reference events: all metrics, each with its error and its floor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from driftline.data.events import LabelledEvents
from driftline.errors import InputError
from driftline.metrics.calibration import calibrate
from driftline.metrics.kinds import EventKind, kind_of
from driftline.metrics.metric import Metric, Truth
from driftline.metrics.sample import Sample
from driftline.metrics.scores import Evaluation, Score, Skipped

Progress = Callable[[str, int, int], None]
"""Called with what comes next, steps done and steps in all."""


def choose(kind: EventKind, names: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics of these names.

    Raises:
        InputError: a name is unknown.
    """
    known = {metric.name: metric for metric in kind.metrics}
    for name in names:
        if name not in known:
            raise InputError(f"metric {name!r} is unknown; choose from {', '.join(known)}")
    return tuple(known[name] for name in names)


def evaluate(
    generated: LabelledEvents,
    reference: LabelledEvents,
    *,
    floor: LabelledEvents | None = None,
    training: LabelledEvents | None = None,
    seed: int = 0,
    metrics: Sequence[Metric] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge generated events by reference events of the same kind, class by class.

    Args:
        generated: the events to judge.
        reference: true events of at least the same classes.
        floor: more true events, independent of ``reference``, which then stand for the generated
            ones. Without them the reference is split at random: into as many events as were
            generated, but at most half, and the rest. Each score tells the sizes compared.
        training: events that the generator was trained on: adds the search for copies of them.
        seed: of all resampling.
        metrics: which to compute, see ``choose``; all by default.
        progress: told before each metric of each class.

    Returns:
        One score for each number of each metric and class; metrics that are not defined for a
        class, such as FPND for other than 30 particles, are listed with the reason. Beside them
        what was asked of the events against what they show, where they tell.

    Raises:
        InputError: samples of two kinds or forms, too few events for a metric, a class without
            reference, or a value that is not finite.
    """
    kind = kind_of(generated)
    samples = {
        "generated": generated,
        "reference": reference,
        "floor": floor,
        "training": training,
    }
    for role, sample in samples.items():
        if sample is not None:
            _check(kind, sample, role)
            if difference := kind.unlike(generated, sample):
                raise InputError(f"generated and {role} {kind.name} differ: {difference}")
    cases = [_Case.arrange(kind, t, generated, reference, floor, seed) for t in generated.present]
    chosen = [*(kind.metrics if metrics is None else metrics)]
    if training is not None:
        if kind.memorisation is None:
            raise InputError(f"training: no test finds copies of {kind.name}; leave it out")
        chosen.append(kind.memorisation(training))
    tasks = [(case, metric) for case in cases for metric in chosen]
    for case, metric in tasks:
        case.check(metric)
    scores: list[Score] = []
    skipped: list[Skipped] = []
    for done, (case, metric) in enumerate(tasks):
        if progress is not None:
            progress(f"{case.event_type}: {metric.name}", done, len(tasks))
        reason = case.undefined(metric)
        if reason is None:
            scores += case.scores(metric, seed)
        else:
            skipped.append(Skipped(event_type=case.event_type, metric=metric.name, reason=reason))
    calibration = [
        found
        for quantity in kind.calibrated
        for t in generated.present
        if (found := calibrate(quantity, generated.of_type(t), reference.of_type(t), t, seed))
    ]
    return Evaluation(
        kind=kind.name, seed=seed, scores=scores, skipped=skipped, calibration=calibration
    )


@dataclass(frozen=True)
class _Case:
    """The samples of one class."""

    kind: EventKind
    event_type: str
    generated: Sample
    reference: Sample
    truth: Truth

    @classmethod
    def arrange(
        cls,
        kind: EventKind,
        event_type: str,
        generated: LabelledEvents,
        reference: LabelledEvents,
        floor: LabelledEvents | None,
        seed: int,
    ) -> "_Case":
        """Take the events of one class, and truth of the same number for the floor."""
        made = kind.sample(generated.of_type(event_type))
        true = _select(kind, reference, event_type, "reference")
        if floor is None:
            pool = real = kind.sample(true)
            order = np.random.default_rng([seed, 0]).permutation(len(pool))
            first = min(len(made), len(pool) // 2)
            truth = Truth(pool, pool[order[:first]], pool[order[first:]])
        else:
            others = _select(kind, floor, event_type, "floor")[: len(made)]
            pool = kind.sample(kind.concatenate([others, true]))
            real = pool[len(others) :]
            truth = Truth(pool, pool[: len(others)], real)
        return cls(kind, event_type, made, real, truth)

    def undefined(self, metric: Metric) -> str | None:
        """Why the metric has no meaning for the events of one side, or None."""
        sides = (self.generated, self.reference, self.truth.first)
        reasons = (metric.undefined(side, self.event_type) for side in sides if len(side))
        return next((reason for reason in reasons if reason is not None), None)

    def check(self, metric: Metric) -> None:
        """Refuse to compute a metric from too few events."""
        if self.undefined(metric) is not None:
            return
        sides = {
            "the generated sample": self.generated,
            "the reference": self.reference,
            "the truth for the floor": self.truth.first,
        }
        for side, sample in sides.items():
            if len(sample) < metric.minimum:
                raise InputError(
                    f"class {self.event_type}: {metric.name} needs at least {metric.minimum:,} "
                    f"{self.kind.name} on each side and {side} has {len(sample):,}; give more "
                    f"{self.kind.name} or leave {metric.name} out"
                )

    def scores(self, metric: Metric, seed: int) -> list[Score]:
        """The metric's numbers beside their floors."""
        numbers = metric.measure(self.generated, self.reference, self.event_type, seed)
        floors = metric.floor(self.truth, self.event_type, seed)
        return [
            Score(
                **number.model_dump(),
                event_type=self.event_type,
                floor=floor,
                floor_error=floor_error,
                generated=len(self.generated),
                reference=len(self.reference),
                floor_sizes=(len(self.truth.first), len(self.truth.second)),
            )
            for number, (floor, floor_error) in zip(numbers, floors, strict=True)
        ]


def _select(kind: EventKind, events: LabelledEvents, event_type: str, role: str) -> LabelledEvents:
    if event_type not in events.present:
        raise InputError(
            f"{role} {kind.name}: none of class {event_type}, which was generated; "
            f"add {event_type} {kind.name} or leave the class out"
        )
    return events.of_type(event_type)


def _check(kind: EventKind, events: LabelledEvents, role: str) -> None:
    if not isinstance(events, kind.events):
        raise InputError(
            f"{role} events: are {kind_of(events).name}, the generated ones {kind.name}; "
            "compare events of one kind"
        )
    if len(events) == 0:
        raise InputError(
            f"{role} {kind.name}: there are none; give at least one class of {kind.name}"
        )
    for field in kind.numbers:
        values = getattr(events, field).reshape(len(events), -1)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{role} {kind.name}: {np.sum(~finite)} {kind.name} have {field} that are NaN or "
                f"infinite, the first is {kind.one} {np.argmin(finite)}; remove or repair them"
            )
