"""Log-densities along the probability flow against those known in closed form."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from driftline.diffusion.analytic import (
    AnalyticDenoiser,
    CloudMixture,
    FullMixture,
    GaussianMixture,
    full_gaussian,
    gaussian,
)
from driftline.diffusion.divergence import ExactTrace, GaussianProbes, Rademacher, Trace
from driftline.diffusion.likelihood import Likelihood, log_density
from driftline.diffusion.noise import Noise
from driftline.diffusion.schedules import EDM, SCHEDULES, VE, VP, Cosine, Schedule

# Means that balance: the prior at t = 1 does not know the mean of the data.
WEIGHTS = torch.tensor([0.4, 0.6], dtype=torch.float64)
MEANS = torch.tensor([[-0.6, 0.3], [0.4, -0.2]], dtype=torch.float64)
COVARIANCES = torch.tensor(
    [[[0.16, 0.06], [0.06, 0.1]], [[0.2, -0.05], [-0.05, 0.09]]], dtype=torch.float64
)
MIXTURE = FullMixture(WEIGHTS, MEANS, COVARIANCES)
GAUSSIAN = full_gaussian(torch.zeros(2, dtype=torch.float64), COVARIANCES[0])


def truth(distribution: FullMixture, x: Tensor) -> Tensor:
    one = torch.ones((len(x), 1), dtype=torch.float64)
    return distribution.log_density_of_events(x, one, 0 * one)


def value(
    distribution: object, x: Tensor, schedule: Schedule, likelihood: Likelihood, **options: object
) -> Tensor:
    denoiser = AnalyticDenoiser(distribution, schedule)  # type: ignore[arg-type]
    return log_density(denoiser, x, likelihood, noise=Noise(1), **options).value  # type: ignore[arg-type]


@pytest.mark.parametrize("distribution", [GAUSSIAN, MIXTURE], ids=["gaussian", "mixture"])
@pytest.mark.parametrize("schedule", [VP(), Cosine(), VE(5e-4, 300.0), EDM(5e-4, 300.0)], ids=str)
def test_exact_trace_gives_the_analytic_density(
    distribution: FullMixture, schedule: Schedule
) -> None:
    x = distribution.sample(40, torch.Generator().manual_seed(0))
    found = value(distribution, x, schedule, Likelihood(60, ExactTrace()))
    torch.testing.assert_close(found, truth(distribution, x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("schedule", [kind() for kind in SCHEDULES.values()], ids=str)
def test_every_schedule_gives_its_own_blurred_density_under_its_own_prior(
    schedule: Schedule,
) -> None:
    """Gaussian data: blurred by s(t_min), and carried from N(0, s^2) at t = 1 by a linear map."""
    std, x = 0.5, torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    t = torch.tensor([1e-5, 1.0], dtype=torch.float64)
    low, high = ((-schedule.log_snr(t)).exp() ** 2).tolist()
    # The map from noise to events scales by the ratio of the widths of data plus noise.
    width = math.sqrt(high * (std**2 + low) / (std**2 + high))
    found = value(gaussian(0.0, std), x, schedule, Likelihood(80, ExactTrace()))
    expected = -((x[:, 0] / width) ** 2) / 2 - math.log(width * math.sqrt(2 * math.pi))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_method_is_of_order_four() -> None:
    x = MIXTURE.sample(20, torch.Generator().manual_seed(1))
    fine = value(MIXTURE, x, VP(), Likelihood(160, ExactTrace()))
    steps = (40, 56, 80)
    errors = [
        float((value(MIXTURE, x, VP(), Likelihood(n, ExactTrace())) - fine).abs().max())
        for n in steps
    ]
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(4, abs=0.25)


class EverySign:
    """All 2^n vectors of signs at once: Hutchinson's expectation without its noise."""

    def probes(self, noise: Noise, events: Tensor, like: Tensor) -> Tensor:
        n = math.prod(like.shape[1:])
        signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=n)), dtype=like.dtype)
        return signs.reshape(-1, 1, *like.shape[1:]).expand(-1, *like.shape)

    def combine(self, forms: Tensor) -> tuple[Tensor, Tensor]:
        return forms.mean(0), forms.std(0)


def test_exact_trace_is_the_mean_over_all_probes() -> None:
    x = MIXTURE.sample(10, torch.Generator().manual_seed(2))
    found = [
        value(MIXTURE, x, VP(), Likelihood(20, trace)) for trace in (ExactTrace(), EverySign())
    ]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("trace", [Rademacher(6), GaussianProbes(6)], ids=str)
def test_hutchinsons_estimate_scatters_by_its_standard_error(trace: Trace) -> None:
    x = MIXTURE.sample(1, torch.Generator().manual_seed(3)).expand(1500, 2)
    result = log_density(AnalyticDenoiser(MIXTURE, VP()), x, Likelihood(12, trace), noise=Noise(4))
    exact = value(MIXTURE, x[:1], VP(), Likelihood(12, ExactTrace()))
    pull = float((result.value.mean() - exact) / result.value.std() * math.sqrt(len(x)))
    assert abs(pull) < 4
    assert float(result.value.std()) > 0.02
    assert float(result.standard_error.square().mean().sqrt()) == pytest.approx(
        float(result.value.std()), rel=0.1
    )
    assert result.evaluations == 48 and result.products == 6 * 48


def test_one_probe_has_no_standard_error() -> None:
    x = torch.zeros(2, 2, dtype=torch.float64)
    result = log_density(
        AnalyticDenoiser(MIXTURE, VP()), x, Likelihood(4, Rademacher(1)), noise=Noise(0)
    )
    assert result.standard_error.isnan().all() and result.value.isfinite().all()


def cloud() -> tuple[CloudMixture, Tensor, Tensor]:
    distribution = CloudMixture(MIXTURE)
    mask = torch.tensor([[True, True, False], [True, False, False], [True, True, True]]).repeat(
        4, 1
    )
    return distribution, distribution.sample(mask, torch.Generator().manual_seed(5)), mask


def test_masked_clouds() -> None:
    distribution, x, mask = cloud()
    likelihood = Likelihood(60, ExactTrace())
    one = torch.ones((len(x), 1), dtype=torch.float64)
    found = value(distribution, x, VP(), likelihood, mask=mask)
    torch.testing.assert_close(
        found, distribution.log_density_of_events(x, one, 0 * one, mask), rtol=0, atol=3e-4
    )


@pytest.mark.parametrize("trace", [ExactTrace(), Rademacher(3), GaussianProbes(3)], ids=str)
def test_padding_and_batches_change_nothing(trace: Trace) -> None:
    distribution, x, mask = cloud()
    likelihood = Likelihood(8, trace)
    whole = value(distribution, x, VP(), likelihood, mask=mask)
    wide = torch.cat([x, torch.zeros_like(x)], 1), torch.cat([mask, ~mask & False], 1)
    torch.testing.assert_close(value(distribution, wide[0], VP(), likelihood, mask=wide[1]), whole)
    parts = value(distribution, x, VP(), likelihood, mask=mask, batch=5)
    torch.testing.assert_close(parts, whole)
    some = torch.tensor([7, 2])
    picked = value(distribution, x[some], VP(), likelihood, mask=mask[some], events=some)
    torch.testing.assert_close(picked, whole[some])


def test_networks_in_float32_are_given_float32() -> None:
    exact = AnalyticDenoiser(MIXTURE, VP())

    class Single:
        schedule = VP()

        def __call__(
            self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
        ) -> Tensor:
            assert x.dtype == t.dtype == torch.float32
            return exact(x, t)

    x = MIXTURE.sample(10, torch.Generator().manual_seed(6))
    likelihood = Likelihood(30, ExactTrace())
    found = log_density(Single(), x, likelihood, noise=Noise(0), dtype=torch.float32).value
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, value(MIXTURE, x, VP(), likelihood), rtol=0, atol=1e-3)


def test_the_density_integrates_to_one() -> None:
    axis = torch.linspace(-3, 3, 241, dtype=torch.float64)[:, None]
    mixture = GaussianMixture(WEIGHTS, MEANS[:, :1], torch.tensor([0.3, 0.4], dtype=torch.float64))
    density = value(mixture, axis, VP(), Likelihood(40, ExactTrace())).exp()
    assert float(torch.trapezoid(density, axis[:, 0])) == pytest.approx(1, abs=1e-4)


GOOD = torch.zeros(2, 3, 2, dtype=torch.float64)
REAL = torch.ones(2, 3, dtype=torch.bool)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (GOOD, {"mask": REAL[:, :2]}, "mask must be bool of shape"),
        (GOOD, {"mask": REAL.float()}, "mask must be bool"),
        (GOOD[..., 0], {"mask": REAL}, "mask must be bool"),
        (GOOD + 1, {"mask": torch.arange(3).expand(2, 3) < 2}, "padded entries must be zero"),
        (GOOD, {"mask": ~REAL}, "real particle"),
        (GOOD + math.nan, {}, "not finite"),
        (GOOD[0, 0, 0], {}, "events must have shape"),
        (GOOD[:0], {}, "events must have shape"),
        (GOOD, {"events": torch.arange(3)}, "2 ids"),
        (GOOD, {"condition": torch.zeros(3, 1)}, "3 rows for 2 events"),
        (GOOD, {"batch": 0}, "batch"),
    ],
)
def test_events_that_do_not_fit_are_refused(
    x: Tensor, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        value(MIXTURE, x, VP(), Likelihood(2), **options)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Likelihood(0), "steps"),
        (lambda: Likelihood(t_min=0.0), "t_min"),
        (lambda: Rademacher(0), "probes"),
        (lambda: GaussianProbes(0), "probes"),
    ],
)
def test_bad_settings_are_refused(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]


def test_values_that_are_not_finite_are_reported() -> None:
    class Broken:
        schedule = VP()

        def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
            return torch.where(torch.arange(len(x))[:, None] == 3, torch.nan, 1.0) * x

    with pytest.raises(FloatingPointError, match="event 13"):
        log_density(
            Broken(),
            torch.zeros(5, 1, dtype=torch.float64),
            Likelihood(2),
            noise=Noise(0),
            events=torch.arange(10, 15),
        )
