"""How far apart two clean estimates are."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from driftline.diffusion.objectives import masked_mean


class Distance(Protocol):
    """Of two estimates, by their difference; over real entries only."""

    def __call__(self, difference: Tensor, mask: Tensor | None) -> Tensor:
        """Distances (B,) for differences (B, ...), mask (B, P) or of their shape, or None."""
        ...


@dataclass(frozen=True)
class SquaredDistance:
    """Mean square over the entries."""

    def __call__(self, difference: Tensor, mask: Tensor | None) -> Tensor:
        return masked_mean(difference.square(), mask)


@dataclass(frozen=True)
class PseudoHuber:
    r"""Pseudo-Huber, :math:`\sqrt{r^2 + c^2} - c` with the root mean square r over the entries.

    It is quadratic below c and linear above, so that the few events whose target jumps to another
    mode do not decide the gradient (Song & Dhariwal, 2310.14189, section 3.3). The paper has the
    norm and :math:`c = 0.00054 \sqrt{d}`, which in units of the root mean square is 0.00054.

    Attributes:
        c: where it turns from quadratic to linear, in units of the data's own scale.

    Raises:
        ValueError: c is not positive.
    """

    c: float = 1e-3

    def __post_init__(self) -> None:
        if not self.c > 0:
            raise ValueError(f"c must be positive, got {self.c}")

    def __call__(self, difference: Tensor, mask: Tensor | None) -> Tensor:
        return self.of_square(masked_mean(difference.square(), mask))

    def of_square(self, square: Tensor) -> Tensor:
        """Of r^2; the root's difference as a quotient, which does not cancel where r << c."""
        return square / ((square + self.c**2).sqrt() + self.c)


@dataclass(frozen=True)
class EntrywiseHuber(PseudoHuber):
    r"""Mean over the entries of :math:`\sqrt{d^2 + c^2} - c`: of each entry by itself.

    Where an entry may be one thing or another it is least at the median, which is one of them, and
    not at the mean, which is neither: a pixel that is empty or not comes out so, and not faint.

    Attributes:
        c: where it turns from quadratic to linear, in units of the data's own scale.

    Raises:
        ValueError: c is not positive.
    """

    c: float = 0.1

    def __call__(self, difference: Tensor, mask: Tensor | None) -> Tensor:
        return masked_mean(self.of_square(difference.square()), mask)
