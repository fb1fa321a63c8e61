"""Euler-Maruyama along one Brownian path: strong convergence, which plain noise cannot show."""

from itertools import pairwise

import torch
from torch import Tensor

from driftline.diffusion.grids import UniformTime
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import EulerMaruyama, sample
from driftline.diffusion.schedules import VP
from oracles import MIXTURE, slope

T_MIN = 0.2


def along_one_path(steps: int, path: bool) -> Tensor:
    grid = UniformTime(T_MIN)
    clock = (1 - grid.times(steps + 1, VP())) / (1 - T_MIN)
    noise = Noise(3).along(clock.clamp(0, 1).tolist()) if path else Noise(3)
    sampler = EulerMaruyama(steps + 1, grid)
    return sample(
        MIXTURE,
        sampler,
        noise=noise,
        events=200,
        shape=(1,),
        dtype=torch.float64,
    ).x


def test_strong_order_is_one_for_additive_noise() -> None:
    """By the change when the steps are halved."""
    steps = (16, 32, 64, 128)
    ends = [along_one_path(n, path=True) for n in steps]
    changes = [float((a - b).abs().median()) for a, b in pairwise(ends)]
    assert abs(slope(steps[:-1], changes) - 1) < 0.25
    assert changes[-1] < 0.02


def test_plain_noise_is_another_path_on_every_grid() -> None:
    coarse, fine = along_one_path(64, path=False), along_one_path(128, path=False)
    assert float((coarse - fine).abs().median()) > 0.2


def test_steps_need_not_be_nested() -> None:
    one, other = along_one_path(32, path=True), along_one_path(20, path=True)
    assert float((one - other).abs().median()) < 0.05
