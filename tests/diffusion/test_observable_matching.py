"""The term on observables, against minimisers in closed form.

Events are normal and seen at one noisy value x_t, so that what x_0 may be is normal too, with a
mean m and a width that are known, and quadrature over it is exact. The model is one free estimate.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import optimize
from torch import Tensor, nn

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.objectives import (
    DenoisingScoreMatching,
    LowNoiseWeighting,
    ObservableMatching,
    UnitVarianceWeighting,
)
from driftline.diffusion.objectives.pairing import Loss
from driftline.diffusion.observables import (
    Joined,
    Observable,
    root,
    standardised,
    standardised_by_group,
)
from driftline.diffusion.schedules import VP

F64 = torch.float64
MEAN, VARIANCE = torch.tensor([0.4, -0.7], dtype=F64), torch.tensor([1.2, 0.5], dtype=F64)
X_HAT = torch.tensor([1.1, -0.3], dtype=F64)
FLAT = UnitVarianceWeighting()


def linear(x: Tensor, condition: object, mask: object) -> Tensor:
    return x @ torch.tensor([[1.0, -2.0, 0.3], [0.5, 1.0, 4.0]], dtype=x.dtype)


def square(x: Tensor, condition: object, mask: object) -> Tensor:
    return x[:, :1] ** 2


def bent(x: Tensor, condition: object, mask: object) -> Tensor:
    return torch.stack([x[:, 0] ** 2 + x[:, 1] ** 2, (2 * x[:, 0]).sin() * x[:, 1].exp()], 1)


class Estimate(nn.Module):
    """D is the same free vector for all x_t, since there is only one."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(2, dtype=F64))
        self.calls = 0

    def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
        self.calls += 1
        return self.value.expand_as(x)


@dataclass
class Posterior:
    """What x_0 may be at noise s: mean and width (2,), and nodes (n, 2) with weights (n,)."""

    s: float

    def __post_init__(self) -> None:
        self.mean = MEAN + VARIANCE / (VARIANCE + self.s**2) * (X_HAT - MEAN)
        self.width = (VARIANCE * self.s**2 / (VARIANCE + self.s**2)).sqrt()
        z, w = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(30))
        self.x0 = self.mean + self.width * torch.cartesian_prod(z, z)
        self.weights = torch.outer(w, w).flatten() / w.sum() ** 2

    def shift(self, objective: Loss) -> Tensor:
        """(2,) from the true clean estimate to the one where the training stops, in widths."""
        denoiser = Denoiser(Estimate(), VP(), "x0")
        level = torch.full((len(self.x0),), -math.log(self.s), dtype=F64)
        t = VP().time(level)
        alpha, sigma = denoiser.signal_and_noise(t, self.x0)
        noise = (alpha * X_HAT - alpha * self.x0) / sigma

        def slope(value: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                denoiser.network.value.copy_(torch.from_numpy(value))
            loss = (objective(denoiser, self.x0, t, noise) * self.weights).sum()
            (found,) = torch.autograd.grad(loss, denoiser.network.parameters())
            return found.numpy() * self.s**2

        start = (self.mean + 0.1 * self.width).numpy()
        found = optimize.root(slope, start, tol=1e-12)
        assert np.abs(slope(found.x)).max() < 1e-9
        return (torch.from_numpy(found.x) - self.mean) / self.width


@pytest.mark.parametrize("s", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("h", [linear, square, bent])
def test_no_observable_moves_the_minimiser(s: float, h: Observable) -> None:
    term = ObservableMatching(h, 5.0, FLAT, DenoisingScoreMatching(FLAT))
    assert Posterior(s).shift(term).abs().max() < 1e-6


def test_the_plain_difference_would_move_it() -> None:
    """(D - m) + 4 D (D^2 - m^2 - V) = 0 for h = x_1^2 with a weight of one."""

    def plain(denoiser: Denoiser, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        loss, estimate = DenoisingScoreMatching(FLAT).with_estimate(denoiser, x0, t, noise)
        missed = square(estimate, None, None) - square(x0, None, None)
        return loss + missed.square().mean(1) * FLAT(VP(), t)

    posterior = Posterior(2.0)
    m, v = float(posterior.mean[0]), float(posterior.width[0]) ** 2
    roots = np.roots([4, 0, 1 - 4 * (m**2 + v), -m])
    exact = float(roots[np.isreal(roots)].real.max() - m) / v**0.5
    assert exact > 0.3
    assert float(posterior.shift(plain)[0]) == pytest.approx(exact, rel=1e-6)


def test_the_fading_weight_is_edms_at_low_noise_and_nothing_at_high() -> None:
    t = VP().time(-torch.tensor([0.01, 0.5, 5.0], dtype=F64).log())
    ratio = LowNoiseWeighting(0.5)(VP(), t) / FLAT(VP(), t)
    torch.testing.assert_close(
        ratio, torch.tensor([math.exp(-4e-4), math.exp(-1), 0.0], dtype=F64), rtol=1e-5, atol=1e-9
    )
    with pytest.raises(ValueError, match="level must be positive"):
        LowNoiseWeighting(0.0)
    with pytest.raises(ValueError, match="weight must not be negative"):
        ObservableMatching(square, -1.0)


def batch() -> tuple[Denoiser, Tensor, Tensor, Tensor]:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(1.3, dtype=F64))
            self.calls = 0

        def forward(self, x: Tensor, c: Tensor, condition: object, mask: object) -> Tensor:
            self.calls += 1
            return (self.scale * x).sin() + 0.4

    generator = torch.Generator().manual_seed(4)
    x0, noise = torch.randn(2, 6, 3, 2, dtype=F64, generator=generator)
    return Denoiser(Plain(), VP()), x0, torch.linspace(0.05, 0.5, 6, dtype=F64), noise


def cloud(x: Tensor, condition: object, mask: Tensor | None) -> Tensor:
    """Two bent numbers of a cloud."""
    real = torch.ones_like(x[..., :1]) if mask is None else mask[..., None]
    return (real * torch.stack([x.prod(2), x.square().sum(2)], 2).exp()).sum(1)


def test_the_term_is_the_error_through_the_derivative() -> None:
    denoiser, x0, t, noise = batch()
    found = ObservableMatching(cloud, 0.7, FLAT)(denoiser, x0, t, noise)
    loss, estimate = DenoisingScoreMatching().with_estimate(denoiser, x0, t, noise)
    rows = torch.autograd.functional.jacobian(lambda x: cloud(x, None, None), estimate.detach())
    each = torch.stack([rows[i, :, i] for i in range(6)])
    off = torch.einsum("bkpd,bpd->bk", each, estimate - x0)
    expected = loss + 0.7 * off.square().mean(1) * FLAT(VP(), t)
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad(x.sum(), denoiser.network.scale)[0] for x in (found, expected)]
    torch.testing.assert_close(*slopes)
    torch.testing.assert_close(
        loss, (estimate - x0).square().mean((1, 2)) * FLAT(VP(), t), rtol=1e-9, atol=0
    )


def test_padding_enters_nothing_and_the_network_is_called_once() -> None:
    denoiser, x0, t, noise = batch()
    objective = ObservableMatching(cloud)
    expected = objective(denoiser, x0, t, noise)
    assert denoiser.network.calls == 1

    def pad(x: Tensor, value: float) -> Tensor:
        return torch.cat([x, torch.full((6, 5, 2), value, dtype=F64)], 1)

    mask = torch.arange(8).expand(6, 8) < 3
    found = objective(denoiser, pad(x0, 0.0), t, pad(noise, 9.0), None, mask)
    torch.testing.assert_close(found, expected)


def test_standardised_observables_have_unit_spread_whatever_their_tails() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(20_000, 2, dtype=F64, generator=generator)
    units = torch.tensor([1e-4, 3e3], dtype=F64)

    def heavy(x: Tensor, condition: object, mask: object) -> Tensor:
        still = 0 * x[:, :1]
        return torch.cat([(2 * x).exp() * units, still, still + 7, 7 + x[:, 1:] / 100], 1)

    own = standardised(heavy, heavy(x, None, None))
    found = own(x, None, None)
    torch.testing.assert_close(found[:, :2].std(0), torch.ones(2, dtype=F64), rtol=1e-3, atol=0)
    assert float(found[:, :2].abs().max()) < 12
    assert (found[:, 2] == 0).all()
    # What varies little beside its mean has the least width, and does not outweigh the rest.
    torch.testing.assert_close(found[:, 3], torch.full((20_000,), 10 * math.asinh(1), dtype=F64))
    assert found[:, 4].std(0).item() == pytest.approx(10 / 700 / math.sqrt(2), rel=0.02)
    both: Callable[..., Tensor] = Joined((own, square))
    torch.testing.assert_close(both(x, None, None), torch.cat([found, square(x, None, None)], 1))


def test_the_root_of_zero_has_no_gradient() -> None:
    x = torch.tensor([0.0, 4.0], dtype=F64, requires_grad=True)
    (slope,) = torch.autograd.grad(root(x).sum(), x)
    assert slope.tolist() == [0.0, 0.25]
    assert root(x).tolist() == [0.0, 2.0]


def test_standardised_by_group_has_unit_spread_in_each() -> None:
    """Of groups whose numbers differ a thousandfold; one that no event has is as all together."""
    generator = torch.Generator().manual_seed(1)
    groups = torch.arange(4000) % 2
    x = torch.randn(4000, 1, generator=generator).abs() * (1000.0 ** groups[:, None])
    condition = groups[:, None].float()

    def itself(x: Tensor, condition: object, mask: object) -> Tensor:
        return x

    def group(condition: Tensor | None) -> Tensor:
        assert condition is not None
        return condition[:, 0].long()

    own = standardised_by_group(itself, x, groups, group, 3)
    found = own(x, condition, None)
    for g in range(2):
        assert found[groups == g].std().item() == pytest.approx(1, rel=1e-3)
    assert found[groups == 0].mean().item() == pytest.approx(
        found[groups == 1].mean().item(), rel=0.05
    )
    torch.testing.assert_close(
        own(x, condition * 0 + 2, None), standardised(itself, x)(x, None, None)
    )
