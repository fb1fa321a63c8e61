"""What metrics compare: numbers of events, each computed at most once for a sample."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray


class Sample:
    """Events of one class and their observables; a base for the kinds of events.

    A kind of event names its arrays in ``columns``, sets them as attributes, and declares its
    observables as methods under ``observable``.

    Attributes:
        columns: names of the arrays with a row for every event.
    """

    columns: ClassVar[tuple[str, ...]]

    def __init__(self, **arrays: NDArray[Any]) -> None:
        for name in self.columns:
            setattr(self, name, arrays[name])
        self._known: dict[str, NDArray[Any]] = {}
        self._whole: Self | None = None
        self._index: NDArray[np.int64] | slice = slice(None)

    def __len__(self) -> int:
        return len(getattr(self, self.columns[0]))

    def __getitem__(self, index: NDArray[np.int64] | slice) -> Self:
        """A part of the sample, which shares its observables."""
        part = object.__new__(type(self))
        for name in self.columns:
            setattr(part, name, getattr(self, name)[index])
        part._known, part._whole, part._index = {}, self, index
        return part

    def observed(self, name: str, compute: Callable[[Any], NDArray[Any]]) -> NDArray[Any]:
        """An observable, computed once, or cut from what the sample was selected from."""
        if name not in self._known:
            if self._whole is None:
                self._known[name] = compute(self)
            else:
                self._known[name] = self._whole.observed(name, compute)[self._index]
        return self._known[name]


def observable(compute: Callable[[Any], NDArray[Any]]) -> property:
    """A property of a sample: an array with a row for every event, computed at most once."""
    name = compute.__name__
    return property(lambda sample: sample.observed(name, compute), doc=compute.__doc__)
