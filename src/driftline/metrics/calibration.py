r"""What was asked of events against what they show: linearity and resolution.

Of an event with asked value :math:`a` and obtained value :math:`o` the response is :math:`r = o/a`.
In bins of :math:`a` the *linearity* is :math:`\sum o / \sum a`, which no single tiny :math:`a` can
spoil, and the *resolution* half the width of the central 68% of :math:`r`. Neither has to be 1 and
0: 30 particles hold only a part of a jet, and charge is not energy. So the same is told of the
simulation, whose events have true values in the place of the asked ones; a generator that does as
it is told has the simulation's response.

Like is compared with like: a bin is cut into parts of equally many generated events, and the
simulated events of each part are weighted to as many.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Array = NDArray[np.float64]

Told = tuple[Array, Array]
"""Asked and obtained values (n,) of those events of which both are known."""

BINS = 8
"""At most, of equally many generated events."""

A_BIN = 100
"""Generated events wanted in a bin; with fewer there are fewer bins."""

PARTS = 5
"""Of a bin, in which simulated events are weighted to as many as there are generated ones."""

FEWEST = 20
"""Events below which a bin tells nothing; of weighted ones, as many as count (Kish 1965)."""

APART = 0.02
"""Relative difference of the mean asked from which two sides of a bin are not compared."""

DRAWS = 100
"""Of the bootstrap over events."""

_CENTRAL = (0.15865525393145707, 0.8413447460685429)
"""Quantiles of a normal distribution at one standard deviation to either side."""

_NEAR = (0.95, 1.05)
"""Where events are asked for almost the same: simulated ones as near to it as this count."""


@dataclass(frozen=True)
class Quantity:
    """Something that can be asked of events and found in them.

    Attributes:
        key: short name.
        label: of the asked value.
        unit: of the asked value, or empty.
        response: what is divided by what.
        told: asked and obtained values of events of one class; None where the class has none.
    """

    key: str
    label: str
    unit: str
    response: str
    told: Callable[[Any], Told | None]


class Response(BaseModel):
    """Obtained over asked of the events of one bin.

    Attributes:
        events: how many.
        asked: mean of what they were asked; of simulated events weighted, like all that follows.
        linearity: sum of obtained over sum of asked.
        linearity_error: its standard error, by bootstrap.
        resolution: half the width of the central 68% of the response.
        resolution_error: its standard error, by bootstrap.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    events: int
    asked: float
    linearity: float
    linearity_error: float
    resolution: float
    resolution_error: float


class Bin(BaseModel):
    """A range of asked values, as far as simulated events were taken from.

    A side is None that has too few events there, or simulated ones that are not like those asked.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    low: float
    high: float
    generated: Response | None
    simulated: Response | None


class Closure(BaseModel):
    """One quantity of one class of generated events, beside the simulation.

    Attributes:
        event_type: the class.
        key, label, unit, response: as in ``Quantity``.
        bins: of the asked value, from low to high.
    """

    model_config = ConfigDict(frozen=True)

    event_type: str
    key: str
    label: str
    unit: str
    response: str
    bins: list[Bin]

    @property
    def axis(self) -> str:
        """The asked value with its unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    def compared(self, number: str) -> list[tuple[float, float, float]]:
        """Generated, simulated, and the error of their difference, where a bin has both.

        Args:
            number: ``linearity`` or ``resolution``.
        """
        pairs = [(b.generated, b.simulated) for b in self.bins if b.generated and b.simulated]
        error = f"{number}_error"
        return [
            (getattr(a, number), getattr(b, number), np.hypot(getattr(a, error), getattr(b, error)))
            for a, b in pairs
        ]

    def row(self) -> list[str]:
        """A table's row under ``HEAD``."""
        low, high = self.bins[0].low, self.bins[-1].high
        cells = [self.event_type, self.axis, f"{low:.4g} to {high:.4g}"]
        for number in ("linearity", "resolution"):
            found = self.compared(number)
            if not found:
                cells += ["–", "–", "–"]
                continue
            generated, simulated, errors = np.array(found).T
            apart = generated - simulated
            mean_error = np.sqrt((errors**2).sum()) / len(errors)
            worst = int(np.argmax(np.abs(apart)))
            cells += [
                f"{simulated.mean():.3f}",
                f"{apart.mean():+.4f} ± {mean_error:.4f}",
                f"{apart[worst]:+.4f} ± {errors[worst]:.4f}",
            ]
        return cells


HEAD = (
    *("class", "asked", "range"),
    *("linearity of simulation", "generated minus it", "in the worst bin"),
    *("resolution of simulation", "generated minus it", "in the worst bin"),
)
"""Of a table of calibrations: both numbers as means over the bins."""


def calibrate(
    quantity: Quantity, generated: Any, simulated: Any, event_type: str, seed: int = 0
) -> Closure | None:
    """Linearity and resolution of events of one class, in bins of equally many generated events.

    Args:
        quantity: what is asked and obtained.
        generated: events, with what was asked of them.
        simulated: events, with their true values.
        event_type: their class.
        seed: of the bootstrap.

    Returns:
        None where the generated events do not tell what was asked of at least ``FEWEST`` of them,
        or no bin of them has finite numbers.
    """
    made = quantity.told(generated)
    if made is None or len(made[0]) < FEWEST:
        return None
    asked, obtained = made
    nothing = np.empty(0)
    true = quantity.told(simulated) or (nothing, nothing)
    rng = np.random.default_rng(seed)
    bins = []
    for chosen in _groups(asked, int(np.clip(len(asked) // A_BIN, 1, BINS))):
        weight, low, high = _likeness(asked[chosen], true[0])
        ours = _response(asked[chosen], obtained[chosen], np.ones(len(chosen)), rng)
        there = weight > 0
        theirs = _response(true[0][there], true[1][there], weight[there], rng)
        if ours and theirs and abs(theirs.asked - ours.asked) > APART * ours.asked:
            theirs = None
        if ours:
            bins.append(Bin(low=low, high=high, generated=ours, simulated=theirs))
    if not bins:
        return None
    return Closure(
        event_type=event_type,
        key=quantity.key,
        label=quantity.label,
        unit=quantity.unit,
        response=quantity.response,
        bins=bins,
    )


def _groups(asked: Array, number: int) -> list[NDArray[np.int64]]:
    """Indices of groups of equally many events by asked value, which never split equal values.

    So there are fewer where many events were asked for the same.
    """
    lowest = np.unique(np.sort(asked)[len(asked) * np.arange(number) // number])
    index = np.searchsorted(lowest, asked, side="right") - 1
    return [np.flatnonzero(index == k) for k in range(len(lowest))]


def _likeness(asked: Array, true: Array) -> tuple[Array, float, float]:
    """Weights of simulated events with which they are asked as the generated events of a bin are.

    Args:
        asked: (n,) of the generated events of the bin.
        true: (m,) of all simulated events.

    Returns:
        (m,) weights, and the range in which they are not zero.
    """
    weight = np.zeros(len(true))
    lows, highs = [], []
    for part in _groups(asked, PARTS):
        low, high = asked[part].min(), asked[part].max()
        inside = (true >= low) & (true <= high)
        if inside.sum() * PARTS < FEWEST:
            near = (low + high) / 2 * np.array(_NEAR)
            low, high = min(low, near.min()), max(high, near.max())
            inside = (true >= low) & (true <= high)
        weight[inside] += len(part) / max(inside.sum(), 1)
        lows.append(float(low))
        highs.append(float(high))
    return weight, min(lows), max(highs)


def _response(
    asked: Array, obtained: Array, weight: Array, rng: np.random.Generator
) -> Response | None:
    """None of too few events, or where a number is not finite."""
    count = len(asked)
    if count == 0 or weight.sum() ** 2 < FEWEST * (weight**2).sum():
        return None
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        event = np.stack([asked, obtained, weight], axis=1)
        drawn = [_numbers(*event[rng.integers(count, size=count)].T) for _ in range(DRAWS)]
        linearity, resolution = _numbers(asked, obtained, weight)
        errors = np.std(drawn, axis=0, ddof=1)
    if not np.isfinite([linearity, resolution, *errors]).all():
        return None
    return Response(
        events=count,
        asked=float(np.average(asked, weights=weight)),
        linearity=linearity,
        linearity_error=float(errors[0]),
        resolution=resolution,
        resolution_error=float(errors[1]),
    )


def _numbers(asked: Array, obtained: Array, weight: Array) -> tuple[float, float]:
    """Linearity and resolution."""
    low, high = np.quantile(obtained / asked, _CENTRAL, weights=weight, method="inverted_cdf")
    return float(weight @ obtained / (weight @ asked)), float(high - low) / 2
