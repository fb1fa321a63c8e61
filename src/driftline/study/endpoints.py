"""The error of a solver: how far its events are from a reference solver's at equal noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from driftline.data.events import LabelledEvents
from driftline.metrics.kinds import kind_of
from driftline.study.results import Endpoint

Array = NDArray[np.float64]


def endpoint(
    sampler: str,
    event_type: str,
    events: Sequence[LabelledEvents],
    reference: Sequence[LabelledEvents],
) -> Endpoint:
    """RMS and median over the events of all seeds."""
    distances = kind_of(events[0]).distances
    apart = np.concatenate([distances(*pair) for pair in zip(events, reference, strict=True)])
    return Endpoint(
        sampler=sampler,
        event_type=event_type,
        rms=float(np.sqrt(np.mean(apart**2))),
        median=float(np.median(apart)),
    )
