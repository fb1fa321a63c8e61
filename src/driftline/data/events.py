"""What every kind of event has in common: classes, and selection."""

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


class LabelledEvents(Protocol):
    """A sample of events of several classes, such as ``Jets`` and ``Images``."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) index into ``types``."""

    @property
    def types(self) -> tuple[str, ...]:
        """Names of the classes."""

    @property
    def attributes(self) -> dict[str, Any]:
        """Provenance, JSON-able."""

    @property
    def present(self) -> tuple[str, ...]:
        """The classes of which there is at least one event, in the order of ``types``."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | ArrayLike) -> Self: ...

    def of_type(self, name: str) -> Self:
        """The events of one class."""
