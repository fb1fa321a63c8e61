"""What a student misses of a group of events on average, rather than of each."""

from dataclasses import dataclass

from torch import Tensor

from driftline.diffusion.observables import Group


@dataclass(frozen=True)
class GroupMeans:
    r"""Square of the mean difference in each group of events, from pairs of events.

    A student that cannot have every number of every event right trades them: a few faint pixels
    fewer in each for the charge of all. The squared distance of events counts a shift that all of
    them share no more than the same amount of scatter; but distributions are told apart by the
    shift. For differences d of two independent events i, j of a group

    .. math:: E\left[d_i \cdot d_j\right] = \left|E\left[d\right]\right|^2,

    so that the mean over pairs of a batch has no bias, however few these are (a U-statistic;
    Hoeffding, Ann. Math. Stat. 19, 293). An event's loss is half of the mean over its partners, per
    number; it may be negative. As half of a square is what a distance begins as, the mean counts
    1 + weight times as much as it would beside a distance alone.

    Attributes:
        group: of the events.
        weight: of the term.

    Raises:
        ValueError: the weight is negative.
    """

    group: Group
    weight: float

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError(f"weight of means must not be negative, got {self.weight}")

    def __call__(self, difference: Tensor, condition: Tensor | None) -> Tensor:
        """Loss (B,) of differences (B, K); zero of an event that is the only one of its group.

        Args:
            difference: of K numbers of each event.
            condition: (B, C) or None, as ``group`` takes it.
        """
        groups = self.group(condition)
        partners = (groups[:, None] == groups).fill_diagonal_(False).to(difference)
        others = partners @ difference / partners.sum(1, keepdim=True).clamp(min=1)
        return self.weight / 2 * (difference * others).mean(1)
