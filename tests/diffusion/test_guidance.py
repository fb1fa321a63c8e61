"""Guided models against conditional distributions in closed form, and their bookkeeping."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from conditionals import F64, correlated, given
from driftline.diffusion.analytic import (
    AnalyticDenoiser,
    CloudMixture,
    FullMixture,
    gaussian,
)
from driftline.diffusion.guidance import (
    Bounded,
    ClassifierFree,
    Inpainting,
    Reconstruction,
    conjugate_gradients,
)
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import parse, sample
from driftline.diffusion.schedules import EDM, VP, Schedule

STEP = "dpm:steps=20"


DATA = correlated()
KNOWN = torch.tensor([[1, 0, 0, 1], [1, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]], dtype=torch.bool)
VALUES = torch.tensor([0.3, -0.4, 0.2, 0.1], dtype=F64).expand(4, 4)
NOISE = torch.tensor([0.05, 0.1, 0.02, 0.2], dtype=F64).expand(4, 4)


@pytest.mark.parametrize("schedule", [VP(), EDM()], ids=str)
@pytest.mark.parametrize("time", [0.02, 0.3, 0.9])
def test_inpainting_a_gaussian_is_the_denoiser_of_its_conditional(
    schedule: Schedule, time: float
) -> None:
    x, t = DATA.sample(4, torch.Generator().manual_seed(0)), torch.full((4,), time, dtype=F64)
    guided = Inpainting(AnalyticDenoiser(DATA, schedule), KNOWN, VALUES, NOISE, iterations=4)
    found = guided(x, t)
    for row, known in enumerate(KNOWN):
        a = torch.eye(4, dtype=F64)[known]
        conditional = given(DATA, a, VALUES[row, known], NOISE[row, known])
        exact = AnalyticDenoiser(conditional, schedule)(x[row : row + 1], t[:1])
        torch.testing.assert_close(found[row : row + 1], exact, rtol=0, atol=1e-6)
    assert not found.requires_grad


A = torch.tensor([[1.0, 1, 1, 1], [0, 2, -1, 0]], dtype=F64)


def linear(x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
    return x @ A.T.to(x)


@pytest.mark.parametrize("time", [0.02, 0.3, 0.9])
def test_reconstruction_of_linear_observables_is_exact_for_a_gaussian(time: float) -> None:
    x, t = DATA.sample(5, torch.Generator().manual_seed(1)), torch.full((5,), time, dtype=F64)
    y, noise = torch.tensor([0.7, -0.3], dtype=F64), torch.tensor([0.05, 0.2], dtype=F64)
    guided = Reconstruction(
        AnalyticDenoiser(DATA, VP()), linear, y.expand(5, 2), noise.expand(5, 2)
    )
    with torch.no_grad():
        found = guided(x, t)
    exact = AnalyticDenoiser(given(DATA, A, y, noise), VP())(x, t)
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-7)


def test_samples_of_a_gaussian_have_the_conditional_mean_and_covariance() -> None:
    count = 2000
    y, noise = torch.tensor([0.7, -0.3], dtype=F64), torch.tensor([0.05, 0.2], dtype=F64)
    guided = Reconstruction(
        AnalyticDenoiser(DATA, VP()), linear, y.expand(count, 2), noise.expand(count, 2)
    )
    x = sample(guided, parse("dpm:steps=30"), noise=Noise(1), events=count, shape=(4,), dtype=F64).x
    exact = given(DATA, A, y, noise)
    mean, covariance = exact.means[0], exact.covariances[0]
    deviation = covariance.diag().sqrt()
    assert (((x.mean(0) - mean) / deviation).abs() < 4 / math.sqrt(count)).all()
    # Of a sample covariance: var C_ij = (C_ii C_jj + C_ij^2) / N.
    error = ((torch.outer(deviation, deviation) ** 2 + covariance**2) / count).sqrt()
    assert ((x.T.cov() - covariance).abs() < 4 * error).all()
    unguided = DATA.means[0] - mean
    assert ((unguided / deviation).abs() > 8 / math.sqrt(count)).any()


TWO_MODES = FullMixture(
    torch.tensor([0.4, 0.6], dtype=F64),
    torch.tensor([[-0.1, -1.0], [0.1, 0.8]], dtype=F64),
    torch.tensor([[[0.3, 0.05], [0.05, 0.05]], [[0.3, -0.05], [-0.05, 0.08]]], dtype=F64),
)


def test_inpainting_a_mixture_draws_both_modes_with_their_weights_and_widths() -> None:
    """Known is what tells the modes apart only weakly: there the method has no visible bias."""
    count, value, noise = 2000, 0.2, 0.02
    known = torch.tensor([True, False]).expand(count, 2)
    values = torch.tensor([value, math.nan], dtype=F64).expand(count, 2)
    guided = Inpainting(
        AnalyticDenoiser(TWO_MODES, VP()),
        known,
        values,
        torch.full((count, 2), noise, dtype=F64),
        iterations=2,
    )
    x = sample(guided, parse("dpm:steps=30"), noise=Noise(3), events=count, shape=(2,), dtype=F64).x
    a = torch.tensor([[1.0, 0.0]], dtype=F64)
    exact = given(TWO_MODES, a, torch.tensor([value], dtype=F64), torch.tensor([noise], dtype=F64))
    assert float(x[:, 0].mean()) == pytest.approx(value, abs=4 * noise / math.sqrt(count))
    lower = x[:, 1] < 0  # the modes lie 4 of their widths and more on either side
    weight = float(exact.weights[0])
    error = math.sqrt(weight * (1 - weight) / count)
    assert float(lower.double().mean()) == pytest.approx(weight, abs=4 * error)
    for mode, mine in enumerate((x[lower, 1], x[~lower, 1])):
        width = math.sqrt(float(exact.covariances[mode, 1, 1]))
        error = width / math.sqrt(len(mine))
        assert float(mine.mean()) == pytest.approx(float(exact.means[mode, 1]), abs=5 * error)
        assert float(mine.std()) == pytest.approx(width, rel=5 / math.sqrt(2 * len(mine)))


@pytest.mark.parametrize("radius", [1.0, 2.5])
def test_a_measured_norm_is_nearly_met_in_every_direction(radius: float) -> None:
    """The norm bends, so that the method is not exact: two errors off at most, here."""
    count, noise = 500, 0.1
    guided = Reconstruction(
        AnalyticDenoiser(gaussian(0.0, 1.0, 3), VP()),
        lambda x, condition, mask: x.norm(dim=1, keepdim=True),
        torch.full((count, 1), radius, dtype=F64),
        torch.full((count, 1), noise, dtype=F64),
    )
    x = sample(guided, parse(STEP), noise=Noise(4), events=count, shape=(3,), dtype=F64).x
    r = torch.linspace(0, 6, 6001, dtype=F64)
    density = r**2 * (-(r**2) / 2 - ((r - radius) / noise) ** 2 / 2).exp()
    mean = float((density * r).sum() / density.sum())
    assert float(x.norm(dim=1).mean()) == pytest.approx(mean, abs=2 * noise)
    assert float(x.norm(dim=1).std()) < 2 * noise
    assert (x.mean(0).abs() < 4 * radius / math.sqrt(3 * count)).all()


@dataclass(frozen=True)
class Told:
    """A normal of zero mean, whose deviation depends on whether it is told a one."""

    told: float = 0.5
    null: float = 0.9
    schedule: ClassVar[Schedule] = VP()

    def __call__(
        self, x: Tensor, t: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        assert condition is not None
        deviation = torch.where(condition[:, :1] > 0, self.told, self.null).to(x)
        alpha, sigma = self.schedule.alpha(t)[:, None], self.schedule.sigma(t)[:, None]
        return alpha * deviation**2 / (alpha**2 * deviation**2 + sigma**2) * x


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
@pytest.mark.parametrize(("low", "high"), [(0.0, math.inf), (0.1, 1.0)])
def test_classifier_free_guidance_of_normals_has_its_closed_form(
    scale: float, low: float, high: float
) -> None:
    r"""d ln x / d ln s = s^2 [(1 - w)/(v_0 + s^2) + w/(v_1 + s^2)], with w = 1 outside."""
    model = Told()
    guided = ClassifierFree(model, torch.zeros(1, 1), scale, low, high)
    starts: list[float] = []
    result = sample(
        guided,
        parse("heun:steps=150"),
        noise=Noise(0),
        events=1,
        shape=(1,),
        condition=torch.ones(1, 1),
        dtype=F64,
        record=lambda level, x: starts.append(float(x[0, 0]) / level.alpha),
    )
    first = float((-VP().log_snr(torch.ones((), dtype=F64))).exp())

    def grows(width: float, begin: float, end: float) -> float:
        return math.log((width**2 + end**2) / (width**2 + begin**2)) / 2

    edge = min(high, first)
    inside = scale * grows(0.5, low, edge) + (1 - scale) * grows(0.9, low, edge)
    outside = grows(0.5, 0.0, low) + grows(0.5, edge, first)
    expected = starts[0] * math.exp(-inside - outside)
    assert float(result.x) == pytest.approx(expected, rel=0.02 if low else 5e-3)
    assert result.evaluations == result.calls
    if scale == 1:
        assert result.calls == 299
    elif high == math.inf:
        assert result.calls == 2 * 299
    else:
        assert 299 < result.calls < 2 * 299


@pytest.mark.parametrize("spec", ["dpm:steps=4", "dopri5:tolerance=1e-2"])
def test_an_event_does_not_depend_on_its_batch_and_all_evaluations_count(spec: str) -> None:
    """Also where events leave the batch one by one."""
    generator, count = torch.Generator().manual_seed(5), 7
    known = torch.rand(count, 4, generator=generator) < 0.5
    values = torch.randn(count, 4, generator=generator, dtype=F64) / 3
    guided = Inpainting(
        AnalyticDenoiser(DATA, VP()), known, values, torch.full((count, 4), 0.1, dtype=F64), 2
    )
    options = {"noise": Noise(6), "shape": (4,), "dtype": F64}
    whole = sample(guided, parse(spec), events=count, **options)  # type: ignore[arg-type]
    parts = sample(guided, parse(spec), events=count, batch=3, **options)  # type: ignore[arg-type]
    torch.testing.assert_close(whole.x, parts.x, rtol=1e-9, atol=1e-9)
    assert whole.evaluations == pytest.approx(parts.evaluations)
    assert whole.evaluations % 4 == pytest.approx(0) or spec.startswith("dopri5")
    if spec.startswith("dpm"):
        assert whole.evaluations == whole.calls == 16
    last = sample(
        guided.of(slice(4, 7)),
        parse(spec),
        events=torch.arange(4, 7),
        **options,  # type: ignore[arg-type]
    )
    torch.testing.assert_close(last.x, whole.x[4:], rtol=1e-9, atol=1e-9)
    assert last.evaluations_max % 4 == 0


def test_guidance_by_a_gradient_goes_around_classifier_free_guidance() -> None:
    inner = ClassifierFree(Told(), torch.zeros(3, 1), 2.0, high=1.0)
    outer = Reconstruction(
        inner, lambda x, c, m: x, torch.full((3, 1), 0.4), torch.full((3, 1), 0.1)
    )
    t = torch.tensor([0.01, 0.2, 1.0])
    assert outer.evaluations(t).tolist() == [4, 4, 2]
    some = torch.tensor([False, True, True])
    x, told = torch.tensor([[0.1], [0.2], [0.3]]), torch.ones(3, 1)
    torch.testing.assert_close(
        outer.of(some)(x[some], t[some], told[some]), outer(x, t, told)[some]
    )
    with pytest.raises(ValueError, match="no gradient"):
        Reconstruction(outer, outer.observable, outer.values, outer.noise)(x, t, told)


def test_a_bound_changes_what_exceeds_it_alone() -> None:
    inner = Reconstruction(
        Told(), lambda x, c, m: x, torch.full((3, 1), 0.4), torch.full((3, 1), 0.1)
    )
    t, told = torch.tensor([0.01, 0.2, 1.0]), torch.ones(3, 1)
    x = torch.tensor([[0.1], [3.0], [-30.0]])
    free = inner(x, t, told)
    b = free.abs()[:, 0] * torch.tensor([2.0, 1.0, 0.5])
    held = Bounded(inner, b)
    torch.testing.assert_close(held(x, t, told), free * torch.tensor([[1.0], [1.0], [0.5]]))
    torch.testing.assert_close(held.evaluations(t), inner.evaluations(t))
    some = torch.tensor([False, True, True])
    torch.testing.assert_close(held.of(some)(x[some], t[some], told[some]), held(x, t, told)[some])


def test_padding_stays_empty_and_float32_stays() -> None:
    cloud = AnalyticDenoiser(CloudMixture(TWO_MODES), VP())
    mask = torch.tensor([[True, True, False], [True, True, True]])
    known = torch.zeros(2, 3, 2, dtype=torch.bool)
    known[:, [0, 2]] = True  # also of the first's padding
    values = torch.full((2, 3, 2), 0.7)
    guided = Inpainting(cloud, known, values, torch.full((2, 3, 2), 0.01), iterations=4)
    made = sample(guided, parse(STEP), noise=Noise(7), events=2, shape=(3, 2), mask=mask)
    assert made.x.dtype == torch.float32
    assert (made.x[0, 2] == 0).all()
    assert (made.x - 0.7)[known & mask[..., None]].abs().max() < 0.05
    # Which mode an event is of follows from one particle.
    assert (made.x[:, 1, 1] > 0).all()


def test_conjugate_gradients_solve_and_stop() -> None:
    generator = torch.Generator().manual_seed(8)
    root = torch.randn(3, 5, 5, dtype=F64, generator=generator)
    matrix = root @ root.mT + torch.eye(5)
    b = torch.randn(3, 5, dtype=F64, generator=generator)
    b[2] = 0

    def product(v: Tensor) -> Tensor:
        return torch.einsum("bij,bj->bi", matrix, v)

    exact = torch.linalg.solve(matrix, b)
    torch.testing.assert_close(conjugate_gradients(product, b, 5), exact, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(conjugate_gradients(product, b, 12), exact, rtol=1e-6, atol=1e-8)
    assert (conjugate_gradients(lambda v: -v, b, 3) == 0).all()


ONES = torch.ones(2, 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ClassifierFree(Told(), ONES, -1.0), "scale must be"),
        (lambda: ClassifierFree(Told(), ONES, math.nan), "scale must be"),
        (lambda: ClassifierFree(Told(), ONES, 2.0, 1.0, 0.5), "low must be"),
        (lambda: ClassifierFree(Told(), ONES[0], 2.0), "null must have"),
        (lambda: Bounded(Told(), torch.tensor([1.0, 0.0])), "bound must be"),
        (lambda: Bounded(Told(), ONES), "bound must be"),
        (lambda: Inpainting(Told(), ONES > 0, ONES[:, :2], ONES), "one shape"),
        (lambda: Inpainting(Told(), ONES, ONES, ONES), "one shape"),
        (lambda: Inpainting(Told(), ONES > 0, ONES * math.nan, ONES), "values must be finite"),
        (lambda: Inpainting(Told(), ONES > 0, ONES, -ONES), "not negative"),
        (lambda: Inpainting(Told(), ONES > 0, ONES, ONES, 0), "iterations"),
        (lambda: Reconstruction(Told(), linear, ONES, ONES[:1]), "one shape"),
        (lambda: Reconstruction(Told(), linear, ONES * math.inf, ONES), "values must be finite"),
        (lambda: Reconstruction(Told(), linear, ONES, 0 * ONES), "positive"),
    ],
)
def test_bad_settings_are_refused(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("guided", "message"),
    [
        (ClassifierFree(Told(), ONES, 2.0), "condition must be like null"),
        (ClassifierFree(Told(), ONES[:1], 2.0), "1 rows for 2 events"),
        (Bounded(Told(), ONES[0]), "3 rows for 2 events"),
        (Inpainting(Told(), ONES > 0, ONES, ONES), "mark every entry"),
        (Inpainting(Told(), ONES[:1] > 0, ONES[:1], ONES[:1]), "1 rows for 2"),
        (Reconstruction(Told(), lambda x, c, m: x, ONES, ONES), "let it give"),
        (Reconstruction(Told(), lambda x, c, m: x, ONES[:1], ONES[:1]), "1 rows for 2"),
    ],
)
def test_what_does_not_fit_the_events_is_refused(guided: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        guided(torch.ones(2, 1), torch.full((2,), 0.5), torch.ones(2, 1))  # type: ignore[operator]
