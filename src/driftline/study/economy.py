r"""What generation costs beside simulation, and from how many events on it has paid off.

All costs are seconds of one thread. With :math:`s` and :math:`g` the costs of a simulated and of a
generated event, :math:`A` those of simulating the training sample and :math:`T` that of training,

.. math:: A + T + N g = N s, \quad N = (A + T) / (s - g).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from driftline.study.frozen import Frozen

RESOLVED = 2.0
"""Standard errors by which simulation has to cost more than generation for a break-even."""


class Cost(Frozen):
    """What an event costs.

    Attributes:
        seconds: of processor time.
        error: its standard error.
        events: by how many it was measured.
    """

    seconds: float
    error: float
    events: int

    @classmethod
    def of_chunks(cls, events: Sequence[int], seconds: Sequence[float]) -> "Cost":
        """From events and seconds of at least two chunks: all together, and the spread of these."""
        made, took = np.array(events, dtype=float), np.array(seconds)
        mean = took.sum() / made.sum()
        spread = np.sqrt(np.sum((took - mean * made) ** 2) / (len(made) - 1))
        error = spread / np.sqrt(len(made)) / made.mean()
        return cls(seconds=mean, error=error, events=int(made.sum()))

    @classmethod
    def mean(cls, costs: Sequence["Cost"]) -> "Cost":
        """Of several classes in equal shares."""
        return cls(
            seconds=float(np.mean([cost.seconds for cost in costs])),
            error=float(np.linalg.norm([cost.error for cost in costs])) / len(costs),
            events=sum(cost.events for cost in costs),
        )

    @property
    def rate(self) -> tuple[float, float]:
        """Events a second of a thread, and the standard error."""
        return 1 / self.seconds, self.error / self.seconds**2

    def times_faster(self, other: "Cost") -> tuple[float, float]:
        """How many times the other's rate this one is, and the standard error."""
        ratio = other.seconds / self.seconds
        return ratio, ratio * float(
            np.hypot(self.error / self.seconds, other.error / other.seconds)
        )


class Training(Frozen):
    """What a model has cost before it makes its first event.

    Attributes:
        events: training events by class; they had to be simulated.
        seconds: of all networks, wall time times threads; None where it is not known.
        note: what of it is not known, or empty.
    """

    events: dict[str, int]
    seconds: float | None
    note: str = ""

    def sample(self, simulated: Mapping[str, Cost]) -> float:
        """Seconds of simulating the training events."""
        return sum(n * simulated[event_type].seconds for event_type, n in self.events.items())


class BreakEven(Frozen):
    """From how many events on generation is cheaper than simulation, training included.

    Attributes:
        events: how many, of all classes in equal shares; None if there is no such number.
        error: its standard error, from those of the rates; the training time has none.
        note: why there is none, or "at least" if not all of the training is known, or empty.
    """

    events: float | None = None
    error: float | None = None
    note: str = ""


class Economy(Frozen):
    """Generation beside simulation, on one thread each, in the same run.

    Attributes:
        simulation: what was simulated.
        batch: generated events in one network call.
        simulated: cost of an accepted event, of every class that the model was trained on.
        generated: by sampler, as text, the cost in every class of the study.
        training: what came before.
        break_even: by sampler.
    """

    simulation: str
    batch: int
    simulated: dict[str, Cost]
    generated: dict[str, dict[str, Cost]]
    training: Training
    break_even: dict[str, BreakEven]

    def simulation_cost(self) -> Cost:
        """Of the classes of the study in equal shares."""
        types = next(iter(self.generated.values()))
        return Cost.mean([self.simulated[event_type] for event_type in types])

    def generation_cost(self, sampler: str) -> Cost:
        """Of the same."""
        return Cost.mean(list(self.generated[sampler].values()))


def break_even(
    simulated: Mapping[str, Cost], generated: Mapping[str, Cost], training: Training
) -> BreakEven:
    """See the module.

    Args:
        simulated: by class, every one that was trained on among them.
        generated: by class; events are made in equal shares of these.
        training: its events are counted at the cost of simulating their class.
    """
    s, g = (Cost.mean([costs[t] for t in generated]) for costs in (simulated, generated))
    gain = s.seconds - g.seconds
    if gain <= 0:
        return BreakEven(note="never: generation is no faster")
    if gain < RESOLVED * np.hypot(s.error, g.error):
        return BreakEven(note="not known: generation is faster by less than two standard errors")
    if training.seconds is None:
        return BreakEven(note=f"not known: {training.note}")
    events = (training.sample(simulated) + training.seconds) / gain
    # the cost of a simulated event is in what training has cost and in what is gained
    variance = (events * g.error) ** 2
    for event_type, cost in simulated.items():
        share = events / len(generated) if event_type in generated else 0.0
        variance += ((training.events.get(event_type, 0) - share) * cost.error) ** 2
    return BreakEven(
        events=events,
        error=float(np.sqrt(variance)) / gain,
        note="at least" if training.note else "",
    )
