"""Fitted multistep weights: against exact flows, and on events that they have not seen."""

import pytest
import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture
from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    DDIM,
    RK4,
    Bespoke,
    Calibration,
    UniPC,
    describe,
    parse,
    tune,
)
from driftline.diffusion.samplers.bespoke import MEMORY, nearest_weights
from driftline.diffusion.samplers.plan import levels
from driftline.diffusion.schedules import VP
from oracles import NORMAL, normal_flow, run

# Three modes of unlike widths in four dimensions, of unit scale.
PLACES = torch.tensor([[-1.2, 0.4, 0.0, 0.9], [0.8, -1.0, 0.3, 0.0], [0.5, 0.9, -0.9, -1.0]])
MODES = AnalyticDenoiser(
    GaussianMixture(
        torch.tensor([0.3, 0.5, 0.2]).double(), PLACES.double(), torch.tensor([0.1, 0.4, 0.05])
    ),
    VP(),
)
DOUBLE = {"dtype": torch.float64}


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return Calibration.of(MODES, noise=Noise(1), events=200, shape=(4,), **DOUBLE)


@pytest.fixture(scope="module")
def fine() -> Tensor:
    return run(RK4(200, UniformLogSNR(1e-3)), 300, denoiser=MODES, shape=(4,), noise=Noise(99)).x


def missed(sampler: Bespoke | UniPC, fine: Tensor) -> float:
    """Mean distance to the fine solution at equal noise, over events of another seed."""
    x = run(sampler, 300, denoiser=MODES, shape=(4,), noise=Noise(99)).x
    return float((x - fine).square().mean(1).sqrt().mean())


@pytest.mark.parametrize("steps", [6, 10])
def test_fitted_weights_beat_polynomial_ones_on_unseen_events(
    steps: int, calibration: Calibration, fine: Tensor
) -> None:
    grid = UniformLogSNR(0.05)
    on_grid = Bespoke(steps).fitted(grid, calibration)
    assert missed(on_grid, fine) < 0.6 * missed(UniPC(steps, grid=grid), fine)
    tuned = tune(Bespoke(steps), calibration, sweeps=3)
    assert isinstance(tuned, Bespoke)
    assert missed(tuned, fine) < 0.6 * missed(tune(UniPC(steps), calibration, sweeps=3), fine)
    assert parse(describe(tuned)) == tuned


def test_the_flow_of_one_normal_is_followed_exactly() -> None:
    """There every state is linear in the one before and its estimate, in as few steps as wanted."""
    known = Calibration.of(NORMAL, noise=Noise(1), events=64, shape=(1,), points=128, **DOUBLE)
    sampler = Bespoke(3).fitted(UniformLogSNR(0.1), known)
    x = run(sampler, denoiser=NORMAL).x
    last = known.levels[-1]
    fine = run(UniPC(128, grid=UniformLogSNR(last.s)), denoiser=NORMAL).x
    assert float((x - fine).abs().max()) < 2e-5


@pytest.mark.parametrize("sizes", [(1, 12), (12, 1)])
def test_small_clouds_count_as_much_as_large_ones(sizes: tuple[int, int]) -> None:
    """Of clouds that want other weights the majority decides, however many particles they have."""

    def weight(sizes: tuple[int, int]) -> float:
        mask = torch.arange(12) < torch.tensor(sizes).repeat(50)[:, None]
        term = mask[..., None].double()
        wanted = torch.tensor([1.0, 2.0], dtype=torch.float64).repeat(50)
        wanted[:20] = 1.0  # 60 of 100
        (found,) = nearest_weights([term], wanted[:, None, None] * term, [1.5], mask)
        return found

    assert weight(sizes) == pytest.approx(weight((5, 5)))
    assert 1 < weight(sizes) < 1.2


def test_states_between_the_fine_levels_lie_on_the_flow() -> None:
    known = Calibration.of(NORMAL, noise=Noise(1), events=16, shape=(1,), points=128, **DOUBLE)
    first = known.levels[0]
    times = VP().time(torch.tensor([-4.0, -1.03, 0.5, 2.2], dtype=torch.float64))
    for level in levels(VP(), times):
        exact = normal_flow(known.x_hats[0], first.s, level.s)
        scale = (1 + level.s**2) ** 0.5
        assert float((known.at(level) - exact).abs().max()) < 1e-4 * scale
    for k in (0, 40, 127):
        assert torch.allclose(known.at(known.levels[k]), known.x_hats[k], rtol=1e-12)


def test_nearest_weights_by_hand() -> None:
    terms = [torch.tensor([[1.0, 0.0, 5.0]]), torch.tensor([[0.0, 2.0, 5.0]])]
    goal = torch.tensor([[3.0, 4.0, 100.0]])
    mask = torch.tensor([[True, True, False]])
    assert nearest_weights(terms, goal, [0.0], mask) == pytest.approx([3.0, 2.0], rel=1e-6)
    twice = [terms[0], terms[0]]
    aim = 3 * terms[0]
    # Any weights of sum 3 do; the nearest to the prior (2, 0) are (2.5, 0.5).
    assert nearest_weights(twice, aim, [2.0], None) == pytest.approx([2.5, 0.5], rel=1e-4)


def test_as_many_weights_as_the_steps_have(calibration: Calibration) -> None:
    fitted = Bespoke(MEMORY + 2).fitted(UniformLogSNR(), calibration)
    assert len(fitted.weights) == sum(range(2, MEMORY + 2)) + 2 * (MEMORY + 1)
    with pytest.raises(ValueError, match=r"2 steps have 5 weights, got 3.*driftline tune"):
        Bespoke(2, weights=(0.0, 1.0, 0.0))
    with pytest.raises(ValueError, match=r"not fitted.*driftline tune"):
        Bespoke(2).plan(VP())


def test_after_a_restart_no_estimate_of_before_is_known(calibration: Calibration) -> None:
    grid = UniformLogSNR(0.05)
    fitted = Bespoke(7, restarts=(3, 5)).fitted(grid, calibration)
    sizes = [len(step.b) for step in fitted.plan(VP())]  # type: ignore[attr-defined]
    assert sizes == [1, 2, 3, 1, 2, 1, 2]
    assert parse(describe(fitted)) == fitted
    assert "restarts" not in describe(Bespoke(2, weights=(0.1, 0.9, 0.2, 0.7, 0.1)))
    assert parse(describe(Bespoke(7))) == Bespoke(7)
    whole = Bespoke(7).fitted(grid, calibration)
    assert calibration.distance(fitted) > calibration.distance(whole)
    assert calibration.distance(fitted) < 0.7 * calibration.distance(DDIM(7, grid=grid))
    for wrong in ((0,), (3, 3), (7,)):
        with pytest.raises(ValueError, match="restarts must rise from 1 to 6"):
            Bespoke(7, restarts=wrong)
