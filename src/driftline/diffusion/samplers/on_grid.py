"""What samplers that walk down a grid share: they differ in the step between its points."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from driftline.diffusion.grids import Grid
from driftline.diffusion.samplers.checks import require
from driftline.diffusion.samplers.plan import Level, Plan, Step, clean_estimate, levels
from driftline.diffusion.schedules import Schedule


class OnGrid(ABC):
    """From point to point of a grid, one evaluation each, then a clean estimate.

    Attributes:
        steps: evaluations, the final clean estimate among them.
        grid: where they lie.

    Raises:
        ValueError: steps < 1.
    """

    steps: int
    grid: Grid

    eventwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be at least 1, got {self.steps}")

    @abstractmethod
    def moves(self, schedule: Schedule, points: Sequence[Level]) -> Iterable[Step]:
        """The steps from each point to the next."""

    def plan(self, schedule: Schedule) -> Plan:
        """The moves over the grid's points, and the clean estimate at the last."""
        points = levels(schedule, self.grid.times(self.steps, schedule))
        return Plan(points[0], (*self.moves(schedule, points), clean_estimate(points[-1])))
