r"""What was asked of events against what they show: linearity and resolution.

Of an event with asked value :math:`a` and obtained value :math:`o` the response is :math:`r = o/a`.
In bins of :math:`a` the *linearity* is the mean of :math:`r`, and the *resolution* half the width
of its central 68%. Neither has to be 1 and 0: 30 particles hold only a part of a jet, and charge is
not energy. So the same is told of the simulation, whose events have true values in the place of the
asked ones; a generator that does as it is told has the simulation's response.
"""

from collections.abc import Callable, Sequence
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

FEWEST = 20
"""Events below which a bin tells nothing."""

DRAWS = 100
"""Of the bootstrap over events."""

_CENTRAL = (0.15865525393145707, 0.8413447460685429)
"""Quantiles of a normal distribution at one standard deviation to either side."""

_ALONE = (0.95, 1.05)
"""Where all events are asked for the same value: simulated ones as near to it as this count."""


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
        asked: mean of what they were asked.
        linearity: mean response.
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
    """A range of asked values; a side with too few events there is None."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    low: float
    high: float
    generated: Response | None
    simulated: Response | None


class Calibration(BaseModel):
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
) -> Calibration | None:
    """Linearity and resolution of events of one class, in bins of equally many generated events.

    Args:
        quantity: what is asked and obtained.
        generated: events, with what was asked of them.
        simulated: events, with their true values.
        event_type: their class.
        seed: of the bootstrap.

    Returns:
        None where the generated events do not tell what was asked of at least ``FEWEST`` of them.
    """
    made = quantity.told(generated)
    if made is None or len(made[0]) < FEWEST:
        return None
    edges = _edges(made[0])
    rng = np.random.default_rng(seed)
    sides = [_responses(edges, told, rng) for told in (made, quantity.told(simulated))]
    return Calibration(
        event_type=event_type,
        key=quantity.key,
        label=quantity.label,
        unit=quantity.unit,
        response=quantity.response,
        bins=[
            Bin(low=low, high=high, generated=ours, simulated=theirs)
            for low, high, ours, theirs in zip(edges, edges[1:], *sides, strict=False)
        ],
    )


def _edges(asked: Array) -> Array:
    """Of bins of equally many events; fewer where many events were asked for the same."""
    bins = int(np.clip(len(asked) // A_BIN, 1, BINS))
    edges = np.unique(np.quantile(asked, np.linspace(0.0, 1.0, bins + 1)))
    return edges if len(edges) > 1 else np.sort(edges[0] * np.array(_ALONE))


def _responses(
    edges: Array, told: Told | None, rng: np.random.Generator
) -> Sequence[Response | None]:
    """One for each bin; the last bin has its upper edge in it."""
    if told is None:
        return [None] * (len(edges) - 1)
    asked, obtained = told
    inside = (asked >= edges[0]) & (asked <= edges[-1])
    index = np.minimum(np.searchsorted(edges, asked, side="right"), len(edges) - 1) - 1
    chosen = [inside & (index == k) for k in range(len(edges) - 1)]
    return [_response(asked[here], obtained[here] / asked[here], rng) for here in chosen]


def _response(asked: Array, ratio: Array, rng: np.random.Generator) -> Response | None:
    count = len(ratio)
    if count < FEWEST:
        return None
    drawn = np.array([_numbers(ratio[rng.integers(count, size=count)]) for _ in range(DRAWS)])
    linearity, resolution = _numbers(ratio)
    errors = drawn.std(axis=0, ddof=1)
    return Response(
        events=count,
        asked=float(asked.mean()),
        linearity=linearity,
        linearity_error=float(errors[0]),
        resolution=resolution,
        resolution_error=float(errors[1]),
    )


def _numbers(ratio: Array) -> tuple[float, float]:
    """Linearity and resolution."""
    low, high = np.quantile(ratio, _CENTRAL)
    return float(ratio.mean()), float(high - low) / 2
