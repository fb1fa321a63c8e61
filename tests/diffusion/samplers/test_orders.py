"""Fixed steps: orders of convergence, and the rows of the table against the methods as written."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, gaussian
from driftline.diffusion.grids import Karras, UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    DDIM,
    DEIS,
    IPNDM,
    RK4,
    DPMSolver,
    Euler,
    Heun,
    Midpoint,
    Sampler,
    UniPC,
    parse,
)
from driftline.diffusion.samplers.adams import ADAMS_BASHFORTH
from driftline.diffusion.samplers.plan import Level, Model, levels
from driftline.diffusion.samplers.polynomials import polynomial_weights
from driftline.diffusion.schedules import VP
from linear_law import linear_law
from oracles import MEAN, MIXTURE, NORMAL, STD, normal_flow, run, slope

FLAT = UniformLogSNR(1e-5)
# On a Gaussian the leading error of several methods is odd about s = std in lambda, and cancels
# over a grid of equal steps: Karras' grid does not have that symmetry.
BENT = Karras(noise_end=1e-5)

Family = Callable[[int], Sampler]
# Family, order, order on a Gaussian, steps. The midpoint method's error of third order in the step
# vanishes on the flow of a Gaussian. iPNDM takes the steps in s for equal, which costs the orders
# above 2.
ORDERS: list[tuple[Family, int, int, tuple[int, ...]]] = [
    (lambda n, grid=FLAT: Euler(n, grid), 1, 1, (40, 80, 160)),
    (lambda n, grid=FLAT: DPMSolver(n, 1, grid), 1, 1, (40, 80, 160)),
    (lambda n, grid=FLAT: Heun(n, grid), 2, 2, (80, 160)),
    (lambda n, grid=FLAT: Midpoint(n, grid), 2, 3, (80, 160, 320)),
    (lambda n, grid=FLAT: RK4(n, grid), 4, 4, (40, 80)),
    (lambda n, grid=FLAT: DPMSolver(n, 2, grid), 2, 2, (80, 160)),
    (lambda n, grid=FLAT: DPMSolver(n, 3, grid), 3, 3, (80, 160, 320)),
    (lambda n, grid=FLAT: UniPC(n, 1, grid), 2, 2, (80, 160)),
    (lambda n, grid=FLAT: UniPC(n, 2, grid), 3, 3, (80, 160, 320)),
    (lambda n, grid=FLAT: UniPC(n, 3, grid), 4, 4, (160, 320, 640)),
    (lambda n, grid=FLAT: UniPC(n, 3, grid, True), 4, 4, (160, 320, 640)),
    (lambda n, grid=FLAT: DEIS(n, 2, grid), 2, 2, (80, 160)),
    (lambda n, grid=FLAT: DEIS(n, 3, grid), 3, 3, (160, 320, 640)),
    # On Karras' grid its leading error nearly cancels.
    (lambda n, grid=FLAT: DEIS(n, 4, FLAT), 4, 4, (320, 640)),
    (lambda n, grid=FLAT: IPNDM(n, 2, grid), 2, 2, (80, 160)),
    (lambda n, grid=FLAT: IPNDM(n, 4, grid), 2, 2, (80, 160)),
]
families = pytest.mark.parametrize(
    ("family", "order", "normal_order", "steps"), ORDERS, ids=[f(9).label for f, *_ in ORDERS]
)


def rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


@families
def test_order_on_a_gaussian(
    family: Any, order: int, normal_order: int, steps: tuple[int, ...]
) -> None:
    (start,) = levels(VP(), torch.ones(1, dtype=torch.float64))
    x_hat = start.s * Noise(5).normal(torch.arange(20), (1,), dtype=torch.float64)
    exact = normal_flow(x_hat, start.s, 0.0)
    errors = [rms(run(family(n, BENT), 20, denoiser=NORMAL).x - exact) for n in steps]
    assert slope(steps, errors) == pytest.approx(normal_order, abs=0.25)


@pytest.fixture(scope="module")
def fine() -> Tensor:
    return run(RK4(700, FLAT), 20).x


@families
def test_order_on_a_mixture(
    family: Any, order: int, normal_order: int, steps: tuple[int, ...], fine: Tensor
) -> None:
    errors = [float((run(family(n), 20).x - fine).abs().mean()) for n in steps]
    assert slope(steps, errors) == pytest.approx(order, abs=0.25)


def path(sampler: Sampler, denoiser: AnalyticDenoiser = MIXTURE) -> list[tuple[Level, Tensor]]:
    """Levels and states x_hat of four events."""
    seen: list[tuple[Level, Tensor]] = []
    record = lambda level, x: seen.append((level, x / level.alpha))  # noqa: E731
    run(sampler, 4, denoiser=denoiser, record=record)
    return seen


@pytest.mark.parametrize("sampler", [family(6) for family, *_ in ORDERS], ids=lambda s: s.label)
def test_exact_for_a_single_event_in_any_steps(sampler: Sampler) -> None:
    """If the data are one point, the flow scales the noise, and no method may miss that."""
    point = AnalyticDenoiser(gaussian(0.4, 0.0), VP())
    seen = path(sampler, point)
    first, start = seen[0]
    for level, x_hat in seen[1:]:
        expected = 0.4 + (start - 0.4) * level.s / first.s
        torch.testing.assert_close(x_hat, expected, rtol=1e-9, atol=1e-12)


def test_euler_ddim_and_dpm_solver_1_are_one_method() -> None:
    x = run(Euler(8, BENT)).x
    for sampler in (DDIM(8, grid=BENT), DPMSolver(8, 1, BENT), DEIS(8, 1, BENT), IPNDM(8, 1, BENT)):
        torch.testing.assert_close(run(sampler).x, x)


@pytest.mark.parametrize("family", [Heun, Midpoint, RK4])
def test_rows_of_runge_kutta_are_the_method_as_written(family: Any) -> None:
    sampler = family(7, BENT)
    seen, model = path(sampler), Model(MIXTURE)
    points = levels(VP(), BENT.times(7, VP()))

    def slope_at(x: Tensor, s: float) -> Tensor:
        t = VP().time(-torch.tensor(s, dtype=torch.float64).log())
        return (x - model(x, Level(float(t), float(VP().alpha(t)), s))) / s

    x = seen[0][1]
    # Written out for each method, to be independent of the tableau.
    for here, there in pairwise(points):
        h, middle = there.s - here.s, (here.s + there.s) / 2
        k1 = slope_at(x, here.s)
        if family is Heun:
            k2 = slope_at(x + h * k1, there.s)
            x = x + h * (k1 + k2) / 2
        elif family is Midpoint:
            x = x + h * slope_at(x + h / 2 * k1, middle)
        else:
            k2 = slope_at(x + h / 2 * k1, middle)
            k3 = slope_at(x + h / 2 * k2, middle)
            k4 = slope_at(x + h * k3, there.s)
            x = x + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
    torch.testing.assert_close(model(x, points[-1]), seen[-1][1])


@pytest.mark.parametrize("order", [1, 2, 3])
def test_unipc_is_a_predictor_and_a_corrector(order: int) -> None:
    """Against the method with the two states kept apart, and integrals by brute force."""
    points, model = levels(VP(), BENT.times(8, VP())), Model(MIXTURE)
    lambdas = [-math.log(p.s) for p in points]

    def move(x: Tensor, k: int, nodes: list[int], estimates: dict[int, Tensor]) -> Tensor:
        """Step k to k + 1 with the polynomial through the estimates at the nodes."""
        h, u = lambdas[k + 1] - lambdas[k], np.linspace(0, 1, 20001)
        kernel = h * np.exp(-h * (1 - u))
        x = math.exp(-h) * x
        for j in nodes:
            others = [i for i in nodes if i != j]
            basis = np.ones_like(u)
            for i in others:
                basis *= (lambdas[k] + h * u - lambdas[i]) / (lambdas[j] - lambdas[i])
            if len(nodes) == 2:  # B_2: the polynomial at the middle of the step
                basis[:] = basis[10000]
            x = x + float(np.trapezoid(kernel * basis, u)) * estimates[j]
        return x

    predicted, estimates, corrected = path(UniPC(8, order, BENT))[0][1], {}, None
    for k, level in enumerate(points):
        estimates[k] = model(predicted, level)
        used = list(range(k - 1, max(k - 1 - order, -1), -1))
        # One estimate of old and one of new: half each, the middle again.
        corrected = (
            predicted if corrected is None else move(corrected, k - 1, [k, *used], estimates)
        )
        if k + 1 < len(points):
            nodes = list(range(k, max(k - order, -1), -1))
            predicted = move(corrected, k, nodes, estimates)
    result = run(UniPC(8, order, BENT), 4).x
    torch.testing.assert_close(result, estimates[7], rtol=1e-6, atol=1e-7)


def test_a_lower_last_order_changes_the_last_prediction_alone() -> None:
    plain, lower = (list(UniPC(8, 3, BENT, flag).plan(VP())) for flag in (False, True))
    assert [one == other for one, other in zip(plain, lower)] == [True] * 6 + [False, True]
    for order in (1, 2):
        assert UniPC(8, order, BENT, True).plan(VP()) == UniPC(8, order, BENT).plan(VP())


def test_equal_steps_give_the_coefficients_of_adams_and_bashforth() -> None:
    for order, published in enumerate(ADAMS_BASHFORTH, start=1):
        weights = polynomial_weights([-float(j) for j in range(order)], 1.0, np.ones_like)
        assert weights == pytest.approx(published, abs=1e-12)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_noise_of_the_sde_forms_keeps_the_level(order: int, eta: float) -> None:
    """r^2 s^2 + c^2 = s'^2: what is noise before a step is as much noise after it."""
    plans = [DPMSolver(9, order, eta=eta).plan(VP()), DDIM(9, eta=eta).plan(VP())]
    for plan in plans:
        steps: Any = list(plan)
        for here, there in pairwise(steps):
            left = here.a**2 * here.level.s**2 + here.c**2
            assert left == pytest.approx(there.level.s**2, rel=1e-12)
            assert here.a + sum(here.b) == pytest.approx(1, abs=1e-12)
            assert (here.c > 0) == (eta > 0)


def test_full_noise_is_ancestral_sampling() -> None:
    for sampler in (DDIM(9, eta=1.0), DPMSolver(9, 1, eta=1.0)):
        steps: Any = list(sampler.plan(VP()))
        for here, there in pairwise(steps):
            ratio = (there.level.s / here.level.s) ** 2
            assert here.a == pytest.approx(ratio)
            assert here.c == pytest.approx(there.level.s * math.sqrt(1 - ratio))


@pytest.mark.parametrize(
    ("sampler", "order"),
    [
        (lambda n: DDIM(n, 1.0, FLAT), 1),
        (lambda n: DPMSolver(n, 1, FLAT, 1.0), 1),
        (lambda n: DPMSolver(n, 2, FLAT, 1.0), 2),
    ],
    ids=["DDIM(1)", "DPM-1-SDE", "DPM-2M-SDE"],
)
def test_weak_order_of_the_sde_forms(sampler: Family, order: int) -> None:
    """The law of a plan's result for Gaussian data, without sampling noise."""
    steps = (80, 160, 320)
    errors = [abs(linear_law(sampler(n), MEAN, STD)[1] - STD) for n in steps]
    assert slope(steps, errors) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize(
    ("sampler", "evaluations"),
    [
        (Euler(9), 9), (Heun(9), 17), (Midpoint(9), 17), (RK4(9), 33), (DDIM(9), 9),
        (DPMSolver(9, 3), 9), (UniPC(9), 9), (DEIS(9), 9), (IPNDM(9), 9),
        (Heun(1), 1), (UniPC(1), 1),
    ],
)  # fmt: skip
def test_evaluations_equal_the_formula(sampler: Sampler, evaluations: int) -> None:
    result = run(sampler, 6, batch=4)
    assert result.calls == 2 * evaluations
    assert result.evaluations == result.evaluations_max == evaluations


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ddim:eta=1.5", "eta"), ("ddim:steps=0", "at least 1"), ("dpm:eta=-1", "eta"),
        ("unipc:order=4", "order"), ("unipc:steps=0", "at least 1"), ("deis:order=5", "order"),
        ("deis:steps=0", "at least 1"), ("ipndm:order=0", "order"), ("ipndm:steps=0", "at least 1"),
        ("heun:steps=0", "at least 1"),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)
