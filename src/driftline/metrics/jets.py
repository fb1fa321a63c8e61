"""Generated jets against reference jets: all metrics, each with its error and its floor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from driftline.data.clouds import Jets, concatenate
from driftline.errors import InputError
from driftline.metrics.jet_metrics import METRICS, Metric, Truth
from driftline.metrics.observables import Sample
from driftline.metrics.scores import Evaluation, Score, Skipped

Progress = Callable[[str, int, int], None]
"""Called with what comes next, steps done and steps in all."""


def choose(names: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics of these names.

    Raises:
        InputError: a name is unknown.
    """
    known = {metric.name: metric for metric in METRICS}
    for name in names:
        if name not in known:
            raise InputError(f"metric {name!r} is unknown; choose from {', '.join(known)}")
    return tuple(known[name] for name in names)


def evaluate(
    generated: Jets,
    reference: Jets,
    *,
    floor: Jets | None = None,
    seed: int = 0,
    metrics: Sequence[Metric] = METRICS,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge generated jets by reference jets, class by class.

    Args:
        generated: the jets to judge.
        reference: true jets of at least the same classes.
        floor: more true jets, independent of ``reference``, which then stand for the generated
            ones. Without them the reference is split at random: into as many jets as were
            generated, but at most half, and the rest. Each score tells the sizes compared.
        seed: of all resampling.
        metrics: which to compute, see ``choose``; all by default.
        progress: told before each metric of each class.

    Returns:
        One score for each number of each metric and class; metrics that are not defined for a
        class, such as FPND for other than 30 particles, are listed with the reason.

    Raises:
        InputError: too few jets for a metric, a class without reference, or a value that is not
            finite.
    """
    _check(generated, "generated")
    _check(reference, "reference")
    if floor is not None:
        _check(floor, "floor")
    cases = [
        _Case.arrange(jet_type, generated, reference, floor, seed) for jet_type in generated.present
    ]
    tasks = [(case, metric) for case in cases for metric in metrics]
    for case, metric in tasks:
        case.check(metric)
    scores: list[Score] = []
    skipped: list[Skipped] = []
    for done, (case, metric) in enumerate(tasks):
        if progress is not None:
            progress(f"{case.jet_type}: {metric.name}", done, len(tasks))
        reason = metric.undefined(case.generated, case.jet_type)
        if reason is None:
            scores += case.scores(metric, seed)
        else:
            skipped.append(Skipped(jet_type=case.jet_type, metric=metric.name, reason=reason))
    return Evaluation(seed=seed, scores=scores, skipped=skipped)


@dataclass(frozen=True)
class _Case:
    """The samples of one class."""

    jet_type: str
    generated: Sample
    reference: Sample
    truth: Truth

    @classmethod
    def arrange(
        cls, jet_type: str, generated: Jets, reference: Jets, floor: Jets | None, seed: int
    ) -> "_Case":
        """Take the jets of one class, and truth of the same number for the floor."""
        made = Sample(generated.of_type(jet_type))
        true = _select(reference, jet_type, "reference")
        if floor is None:
            pool = real = Sample(true)
            order = np.random.default_rng([seed, 0]).permutation(len(pool))
            first = min(len(made), len(pool) // 2)
            truth = Truth(pool, pool[order[:first]], pool[order[first:]])
        else:
            others = _select(floor, jet_type, "floor")[: len(made)]
            pool = Sample(concatenate([others, true]))
            real = pool[len(others) :]
            truth = Truth(pool, pool[: len(others)], real)
        return cls(jet_type, made, real, truth)

    def check(self, metric: Metric) -> None:
        """Refuse to compute a metric from too few jets."""
        if metric.undefined(self.generated, self.jet_type) is not None:
            return
        sides = {
            "the generated sample": self.generated,
            "the reference": self.reference,
            "the truth for the floor": self.truth.first,
        }
        for side, sample in sides.items():
            if len(sample) < metric.minimum:
                raise InputError(
                    f"class {self.jet_type}: {metric.name} needs at least {metric.minimum:,} jets "
                    f"on each side and {side} has {len(sample):,}; give more jets or leave "
                    f"{metric.name} out"
                )

    def scores(self, metric: Metric, seed: int) -> list[Score]:
        """The metric's numbers beside their floors."""
        numbers = metric.measure(self.generated, self.reference, self.jet_type, seed)
        floors = metric.floor(self.truth, self.jet_type, seed)
        return [
            Score(
                **number.model_dump(),
                jet_type=self.jet_type,
                floor=floor,
                floor_error=floor_error,
                generated=len(self.generated),
                reference=len(self.reference),
                floor_sizes=(len(self.truth.first), len(self.truth.second)),
            )
            for number, (floor, floor_error) in zip(numbers, floors, strict=True)
        ]


def _select(jets: Jets, jet_type: str, role: str) -> Jets:
    if jet_type not in jets.types or jet_type not in jets.present:
        raise InputError(
            f"{role} jets: none of class {jet_type}, which was generated; "
            f"add {jet_type} jets or leave the class out"
        )
    return jets.of_type(jet_type)


def _check(jets: Jets, role: str) -> None:
    if len(jets) == 0:
        raise InputError(f"{role} jets: there are none; give at least one class of jets")
    for field in ("particles", "features"):
        values = getattr(jets, field).reshape(len(jets), -1)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{role} jets: {np.sum(~finite)} jets have {field} that are NaN or infinite, "
                f"the first is jet {np.argmin(finite)}; remove or repair them"
            )
