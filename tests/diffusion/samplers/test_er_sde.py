"""ER-SDE-Solver: orders on exact laws, marginals of any noise scale, limits."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.samplers import ERSDE, Ancestral
from driftline.diffusion.samplers.er_sde import PublishedScale, er_sde_step
from driftline.diffusion.samplers.plan import Level, LinearStep, Plan, clean_estimate, levels
from driftline.diffusion.schedules import VP, Schedule
from linear_law import exact_std, flow_std, linear_law
from oracles import slope

END = 1e-3
GRID = UniformLogSNR(END)


@dataclass(frozen=True)
class Power:
    """phi = s^p: the probability flow for p = 1, the reverse SDE for p = 2."""

    p: float

    def log(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.p * np.log(s)

    def log_slope(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.p / s


@dataclass(frozen=True)
class PowerSDE:
    """ER-SDE with a power as its scale."""

    steps: int
    order: int
    scale: Power
    deterministic = False
    eventwise = True
    label = "power"

    def plan(self, schedule: Schedule) -> Plan:
        points = levels(schedule, GRID.times(self.steps, schedule))
        moves = [
            er_sde_step(self.scale, points[max(k - self.order, 0) : k][::-1], points[k])
            for k in range(1, len(points))
        ]
        return Plan(points[0], (*moves, clean_estimate(points[-1])))


@pytest.mark.parametrize(
    ("order", "steps"), [(1, (40, 80, 160)), (2, (40, 80, 160)), (3, (80, 160, 320))]
)
def test_order_without_noise(order: int, steps: tuple[int, ...]) -> None:
    errors = [
        linear_law(PowerSDE(n, order, Power(1)), 0.0, 0.5)[1] - flow_std(0.5, END) for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_order_of_the_law_with_the_reverse_sdes_noise(order: int) -> None:
    steps = (80, 160, 320)
    errors = [
        linear_law(PowerSDE(n, order, Power(2)), 0.0, 0.5)[1] - exact_std(0.5, END) for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(min(order, 2), abs=0.25)


@pytest.mark.parametrize("order", [1, 2])
def test_order_of_the_law_with_the_published_noise(order: int) -> None:
    steps = (40, 80, 160)
    errors = [linear_law(ERSDE(n, order, GRID), 0.0, 0.5)[1] - exact_std(0.5, END) for n in steps]
    assert slope(steps, errors) == pytest.approx(order, abs=0.25)


def test_higher_orders_are_closer() -> None:
    errors = [
        abs(linear_law(ERSDE(40, order, GRID), 0.0, 0.5)[1] - exact_std(0.5, END))
        for order in (1, 2, 3)
    ]
    assert errors[2] < 0.5 * errors[1] < 0.25 * errors[0]


def test_first_order_with_the_square_is_ancestral() -> None:
    for mine, other in zip(PowerSDE(20, 1, Power(2)).plan(VP()), Ancestral(20, GRID).plan(VP())):
        assert isinstance(mine, LinearStep) and isinstance(other, LinearStep)
        assert (mine.a, *mine.b, mine.c) == pytest.approx((other.a, *other.b, other.c))


@given(
    s=st.floats(1e-2, 100), fall=st.floats(0.3, 0.95), order=st.integers(1, 3), p=st.floats(1, 3)
)
def test_rows_keep_points_and_noise_and_integrate_polynomials(
    s: float, fall: float, order: int, p: float
) -> None:
    """D = u^k is integrated exactly: int D phi' dphi / phi^2 against a fine trapezium rule."""
    past = [Level(0.5, 1.0, s / fall**k) for k in range(order)]
    there = Level(0.4, 1.0, s * fall)
    for scale in (Power(p), PublishedScale()):
        step = er_sde_step(scale, past, there)
        assert step.a + sum(step.b) == pytest.approx(1)
        assert (step.a * s) ** 2 + step.c**2 == pytest.approx(there.s**2)
        u = np.geomspace(there.s, s, 4001)
        left = np.exp(scale.log(np.array([there.s])) - scale.log(u))
        for k in range(order):
            values = (u / s) ** k
            integral = float(np.trapezoid(values[::-1], left[::-1]))
            got = sum(b * (level.s / s) ** k for b, level in zip(step.b, past))
            assert got == pytest.approx(integral, abs=1e-6)


def phi(s: float) -> float:
    """The paper's SDE 5."""
    return s * (math.exp(s**0.3) + 10)


def denoise(x: float, s: float) -> float:
    return math.tanh(x) / (1 + s**2)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_equals_the_taylor_expansion_as_published(order: int) -> None:
    r"""2309.06169, algorithms 1 to 3 for the data prediction, integrals by adaptive quadrature.

    .. math:: x' = r x + (1 - r) D + [s' - s + \phi' \int_{s'}^s du/\phi] D^{(1)}
        + [(s' - s)^2/2 + \phi' \int_{s'}^s (u - s)/\phi\, du] D^{(2)} + \sqrt{s'^2 - r^2 s^2} z

    with the derivatives in s of the polynomial through the last estimates at s (the paper's third
    order takes the first derivative from two of them).
    """
    points = [p.s for p in levels(VP(), GRID.times(9, VP()))]
    z = np.random.default_rng(3).normal(size=len(points))
    x, past = points[0] * z[0], []
    for k in range(len(points) - 1):
        here, there = points[k : k + 2]
        past = [(here, denoise(x, here)), *past][:order]
        s, values = map(np.array, zip(*past))
        slope, bend = 0.0, 0.0
        if len(past) == 2:
            slope = (values[0] - values[1]) / (s[0] - s[1])
        if len(past) == 3:
            bend, slope, _ = np.polyfit(s - here, values, 2) * [2, 1, 1]
        r = phi(there) / phi(here)
        one = there - here + phi(there) * moment(0, here, there)
        two = (there - here) ** 2 / 2 + phi(there) * moment(1, here, there)
        x = r * x + (1 - r) * values[0] + one * slope + two * bend
        x += math.sqrt(there**2 - (r * here) ** 2) * z[k + 1]

    state, history = points[0] * z[0], []
    for k, step in enumerate(ERSDE(9, order, GRID).plan(VP()).steps[:-1]):
        assert isinstance(step, LinearStep)
        history.insert(0, denoise(state, step.level.s))
        state = step.a * state + sum(b * d for b, d in zip(step.b, history)) + step.c * z[k + 1]
    assert state == pytest.approx(x, rel=1e-7)


def moment(power: int, here: float, there: float) -> float:
    r""":math:`\int_{s'}^s (u - s)^k/\phi(u)\, du`, in ln u, over which 1/phi is smooth."""

    def inner(v: float) -> float:
        u = math.exp(v)
        return (u - here) ** power / phi(u) * u

    return float(quad(inner, math.log(there), math.log(here), epsabs=0, epsrel=1e-12)[0])


def test_published_scale_is_the_formula_and_its_slope() -> None:
    s = np.geomspace(1e-3, 1e3, 50)
    scale = PublishedScale()
    np.testing.assert_allclose(scale.log(s), np.log(s * (np.exp(s**0.3) + 10)))
    step = 1e-6 * s
    numeric = (scale.log(s + step) - scale.log(s - step)) / (2 * step)
    np.testing.assert_allclose(scale.log_slope(s), numeric, rtol=1e-6)


def test_very_noisy_schedules_do_not_overflow() -> None:
    step = er_sde_step(PublishedScale(), [Level(1.0, 1.0, 2e4)], Level(0.9, 1.0, 1e4))
    assert torch.tensor([step.a, *step.b, step.c]).isfinite().all()


@pytest.mark.parametrize(("settings", "message"), [((0, 3), "at least 1"), ((10, 4), "order")])
def test_bad_settings_are_refused(settings: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ERSDE(*settings)
