"""The adaptive SDE sampler: an unbiased path after rejections, error control, counting, limits."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, gaussian
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import AdaptiveSDE, sample
from driftline.diffusion.samplers.adaptive_sde import KnownPath
from driftline.diffusion.samplers.checks import EvaluationLimit
from driftline.diffusion.schedules import VP
from linear_law import exact_std
from oracles import MIXTURE


def walk(count: int, bridge: bool) -> Tensor:
    """W(1) when steps with large increments are rejected."""
    generator = torch.Generator().manual_seed(5)
    w, t, h = (torch.zeros(count, dtype=torch.float64) for _ in range(3))
    h += 0.5
    path = KnownPath(w)
    while len(rows := (t < 1 - 1e-12).nonzero().squeeze(1)):
        z = torch.randn(len(rows), generator=generator, dtype=torch.float64)
        wanted = torch.minimum(h[rows], 1 - t[rows])
        if bridge:
            step, dw = path.propose(rows, wanted, z)
        else:
            step, dw = wanted, wanted.sqrt() * z
        good = (dw.abs() < 0.4) | (step < 0.01)
        taken = rows[good]
        path.advance(taken)
        w[taken] += dw[good]
        t[taken] += step[good]
        h[rows] = torch.where(good, 1.7 * step, 0.37 * step)
    return w


def test_rejections_do_not_bias_the_path() -> None:
    """W(1) stays N(0, 1) though only small increments are accepted; fresh draws would shrink it."""
    assert stats.kstest(walk(4000, bridge=True).numpy(), "norm").pvalue > 1e-3
    assert stats.kstest(walk(4000, bridge=False).numpy(), "norm").pvalue < 1e-6


def test_bridges_agree_with_the_increment_that_they_split() -> None:
    path, rows = KnownPath(torch.zeros(3, 2, dtype=torch.float64)), torch.arange(3)
    ones = torch.ones(3, dtype=torch.float64)
    z = Noise(0).normal(rows, (4, 2), dtype=torch.float64)
    _, whole = path.propose(rows, ones, z[:, 0])
    first, left = path.propose(rows, 0.3 * ones, z[:, 1])
    path.advance(rows)
    second, right = path.propose(rows, 5 * ones, z[:, 2])  # cut to the known end
    torch.testing.assert_close(left + right, whole)
    torch.testing.assert_close(first + second, ones)
    path.advance(rows)
    third, _ = path.propose(rows, 5 * ones, z[:, 3])
    torch.testing.assert_close(third, 5 * ones)


def test_law_on_a_gaussian_improves_with_the_tolerance() -> None:
    """One seed for all tolerances; the events' own errors, and what they cost."""
    count = 4000
    end = float((-VP().log_snr(torch.tensor(1e-3, dtype=torch.float64))).exp())
    evaluations = []
    for tolerance in (0.2, 0.05):
        result = sample(
            AnalyticDenoiser(gaussian(0.4, 0.5), VP()),
            AdaptiveSDE(tolerance, tolerance),
            noise=Noise(1),
            events=count,
            shape=(1,),
            dtype=torch.float64,
        )
        assert float(result.x.mean()) == pytest.approx(0.4, abs=5 * 0.5 / math.sqrt(count))
        error = abs(float(result.x.std()) - exact_std(0.5, end))
        assert error < tolerance / 10 + 4 * 0.5 / math.sqrt(2 * count)
        assert result.evaluations < result.evaluations_max <= result.calls
        evaluations.append(result.evaluations)
    assert evaluations[1] > 1.5 * evaluations[0]


def test_evaluations_are_charged_to_the_events_that_take_them() -> None:
    """Two an attempt, one after a rejection, one for the clean estimate."""
    exact = MIXTURE
    rows = 0

    class Counting:
        schedule = exact.schedule

        def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
            nonlocal rows
            rows += len(x)
            return exact(x, t)

    result = sample(
        Counting(), AdaptiveSDE(0.1, 0.1), noise=Noise(0), events=12, shape=(2, 1), batch=5
    )
    assert result.evaluations == pytest.approx(rows / 12)
    assert result.evaluations_max > result.evaluations


def test_events_are_those_of_their_own_run() -> None:
    """Step, rejections and path belong to the event, whatever its batch."""

    def run(batch: int, events: Tensor) -> Tensor:
        return sample(
            MIXTURE,
            AdaptiveSDE(0.1, 0.1),
            noise=Noise(3),
            events=events,
            shape=(3, 1),
            dtype=torch.float64,
            batch=batch,
        ).x

    whole = run(10, torch.arange(10))
    torch.testing.assert_close(run(3, torch.arange(10)), whole)
    torch.testing.assert_close(run(4, torch.arange(6, 10)), whole[6:])


def test_padding_is_left_out_of_the_error() -> None:
    def run(particles: int, mask: Tensor | None) -> Tensor:
        return sample(
            MIXTURE,
            AdaptiveSDE(0.1, 0.1),
            noise=Noise(3),
            events=6,
            shape=(particles, 1),
            mask=mask,
            dtype=torch.float64,
        ).x

    padded = run(7, torch.arange(7).expand(6, 7) < 4)
    torch.testing.assert_close(padded[:, :4], run(4, None))
    assert not padded[:, 4:].any()


def test_too_many_evaluations_stop_the_run() -> None:
    sampler = AdaptiveSDE(1e-3, 1e-3, max_evaluations=50)
    with pytest.raises(EvaluationLimit, match=r"event \d+ has reached t = .* raise"):
        sample(MIXTURE, sampler, noise=Noise(0), events=3, shape=(1,))


def test_states_that_are_not_finite_are_reported() -> None:
    class Broken:
        schedule = VP()

        def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
            return torch.where(t[:, None] < 0.7, torch.nan, 0 * x)

    with pytest.raises(FloatingPointError, match=r"event \d, at t = 0\.[67]"):
        sample(Broken(), AdaptiveSDE(), noise=Noise(0), events=2, shape=(1,))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"absolute": 0.0}, "absolute"),
        ({"relative": 1.0}, "relative"),
        ({"t_min": 0.0}, "t_min"),
        ({"max_evaluations": 2}, "max_evaluations"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaptiveSDE(**settings)  # type: ignore[arg-type]
