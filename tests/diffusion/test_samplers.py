"""The loop and the first samplers: marginals, counts, recorder, refusals.

What every sampler must do is in ``samplers/test_every_sampler.py``.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture, gaussian
from driftline.diffusion.grids import UniformLogSNR, UniformTime
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    DPMSolver,
    EulerMaruyama,
    PosterPredictorCorrector,
    PredictorCorrector,
    ProbabilityFlowRK45,
    Sampler,
    parse,
    sample,
)
from driftline.diffusion.samplers.plan import CLEAN, Level, Model, State, levels
from driftline.diffusion.samplers.predictor_corrector import langevin_step
from driftline.diffusion.schedules import VP

MIXTURE = GaussianMixture(
    torch.tensor([0.3, 0.7], dtype=torch.float64),
    torch.tensor([[-1.0], [0.6]], dtype=torch.float64),
    torch.tensor([0.2, 0.3], dtype=torch.float64),
)


def draw(sampler: Sampler, count: int = 4000, seed: int = 1, **options: object) -> Tensor:
    arguments: dict[str, object] = {
        "noise": Noise(seed),
        "events": count,
        "shape": (1,),
        "dtype": torch.float64,
        **options,
    }
    return sample(AnalyticDenoiser(MIXTURE, VP()), sampler, **arguments).x  # type: ignore[arg-type]


def test_rk45_error_falls_with_its_tolerance() -> None:
    exact = draw(DPMSolver(4000, grid=UniformLogSNR(noise_end=1e-4)), 200)
    errors = [
        float((draw(ProbabilityFlowRK45(tol), 200) - exact).abs().median())
        for tol in (1e-3, 1e-5, 1e-7)
    ]
    # The last is limited by the time 1e-5 at which the poster's integration ends.
    assert errors[1] < 0.1 * errors[0]
    assert errors[2] < 2e-4


@pytest.mark.parametrize(
    "sampler",
    [EulerMaruyama(400), PredictorCorrector(200), DPMSolver(60), ProbabilityFlowRK45(1e-4)],
)
def test_marginals(sampler: Sampler) -> None:
    n = 20_000
    x = draw(sampler, n, batch=n).ravel()
    truth = MIXTURE.sample(200_000, torch.Generator().manual_seed(2)).ravel()
    assert float(x.mean()) == pytest.approx(float(truth.mean()), abs=5 * 0.78 / math.sqrt(n) + 0.01)
    assert float(x.std()) == pytest.approx(float(truth.std()), rel=0.03)
    assert float((x < -0.3).double().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(x[x < -0.3].std()) == pytest.approx(0.2, rel=0.06)


def test_euler_maruyama_converges_weakly() -> None:
    """The law of EM for a Gaussian is Gaussian: its moments follow the plan's own recursion."""
    mean, std, errors = 0.0, 0.5, []
    denoiser = AnalyticDenoiser(gaussian(mean, std), VP())
    steps = (100, 200, 400)
    for n in steps:
        plan = EulerMaruyama(n, grid=UniformTime(1e-4)).plan(denoiser.schedule)
        variance = plan.start.s**2
        for step in plan:
            gain = std**2 / (std**2 + step.level.s**2)  # type: ignore[attr-defined]
            a, (b,), c = step.a, step.b, step.c  # type: ignore[attr-defined]
            variance = (a + b * gain) ** 2 * variance + c**2
        errors.append(abs(math.sqrt(variance) - std))
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(1, abs=0.25)


def test_langevin_with_the_events_own_norms_has_another_law() -> None:
    """Why the corrector's step does not use the norm of the realised score."""
    generator = torch.Generator().manual_seed(0)
    denoiser = AnalyticDenoiser(gaussian(0.0, 1.0), VP())
    (level,) = levels(VP(), torch.tensor([0.5], dtype=torch.float64))
    step, model = langevin_step(level, 0.165), Model(denoiser)
    law = math.sqrt(1 + level.s**2)  # of x_hat, whose score is -x_hat / law^2
    x = law * torch.randn(50_000, 1, generator=generator, dtype=torch.float64)
    fixed, own = State(x.clone()), x.clone()
    for _ in range(50):
        z = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        fixed = step(fixed, model, lambda z=z: z)  # type: ignore[misc]
        ratio = torch.minimum((z / own).abs(), torch.tensor(3.0)) * law**2
        sizes = 2 * (0.165 * ratio) ** 2
        own = own - sizes * own / law**2 + (2 * sizes).sqrt() * z
    assert float(fixed.x_hat.std()) == pytest.approx(law, rel=0.03)
    assert float(own.std()) > 1.3 * law


@pytest.mark.parametrize(
    ("sampler", "calls"),
    [
        (DPMSolver(1), 1),
        (DPMSolver(17), 17),
        (EulerMaruyama(1), 1),
        (EulerMaruyama(30), 30),
        (PredictorCorrector(1), 2),
        (PredictorCorrector(25), 50),
        (PosterPredictorCorrector(25), 25),
    ],
)
def test_evaluations_equal_the_formula(sampler: Sampler, calls: int) -> None:
    counted = 0
    exact = AnalyticDenoiser(MIXTURE, VP())

    class Counting:
        schedule = exact.schedule

        def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
            nonlocal counted
            counted += 1
            return exact(x, t)

    result = sample(Counting(), sampler, noise=Noise(0), events=10, shape=(1,), batch=4)
    assert result.calls == counted == 3 * calls
    assert result.evaluations == calls


def test_the_posters_corrector_depends_on_the_batch() -> None:
    """The defect it is kept for: an event alone in its batch takes far larger Langevin steps."""
    sampler = PosterPredictorCorrector(60)
    one, many = (draw(sampler, 12, batch=b).ravel() for b in (1, 12))
    assert float((one - many).abs().median()) > 0.1
    own = EulerMaruyama(60)
    assert torch.allclose(draw(own, 12, batch=1), draw(own, 12, batch=12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("none", "choose from"),
        ("dpm:stepz=3", "choose from steps"),
        ("dpm:steps=three", "type int"),
        ("dpm:grid=none", "unknown grid"),
        ("dpm:steps=0", "at least 1"),
        ("dpm:order=5", "order"),
        ("em:steps=0", "at least 1"),
        ("pc:snr=0", "positive"),
        ("pc:steps=0", "at least 1"),
        ("poster-pc:snr=-1", "positive"),
        ("poster-pc:steps=1", "at least 2"),
        ("poster-pc:t_min=0", "t_min"),
        ("rk45:tolerance=0", "tolerance"),
        ("rk45:t_min=2", "t_min"),
    ],
)
def test_bad_settings_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_events_that_are_not_finite_are_reported() -> None:
    class Broken:
        schedule = VP()

        def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
            hit = (t[:, None] < 0.9) & (torch.arange(len(x))[:, None] == 3)
            return torch.where(hit, torch.nan, x)

    with pytest.raises(FloatingPointError, match="event 3, at t = 0.000244"):
        sample(Broken(), DPMSolver(3), noise=Noise(0), events=5, shape=(1,))


def test_the_recorder_sees_every_state_and_its_level() -> None:
    """Between records lies one row of the table."""
    seen: list[tuple[Level, Tensor]] = []
    draw(DPMSolver(5, order=1), 3, record=lambda level, x: seen.append((level, x)))
    denoiser = AnalyticDenoiser(MIXTURE, VP())
    for (here, x), (there, after) in pairwise(seen):
        estimate = denoiser(x, torch.full((3,), here.t, dtype=torch.float64))
        noise = (x / here.alpha - estimate) / here.s
        torch.testing.assert_close(after, there.alpha * (estimate + there.s * noise))
    assert seen[-1][0] == CLEAN
