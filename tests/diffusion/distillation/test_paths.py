"""Path distillation: students in closed form, and what the loss does and does not see."""

import pytest
import torch
from torch import Tensor, nn

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.distillation import ObservedEnd, PathMatching, PseudoHuber, SquaredDistance
from driftline.diffusion.distillation.paths import advanced, segments, stride
from driftline.diffusion.grids import TunedGrid, UniformAngle
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import DDIM, EulerMaruyama, Heun, UniPC, sample
from driftline.diffusion.samplers.plan import LinearStep, Model, Plan, State
from driftline.diffusion.schedules import VP
from oracles import MEAN, MIXTURE, NORMAL, STD

FINE = DDIM(8, grid=UniformAngle())


def every(stride: int) -> Plan:
    """The plan of DDIM on every so many-th level of the fine one's."""
    times = FINE.grid.times(8, VP())[::stride]
    return DDIM(8 // stride, grid=TunedGrid(tuple(VP().log_snr(times[1:]).tolist()))).plan(VP())


def start(count: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, dtype=torch.float64, generator=generator)


def loss(objective: PathMatching, student: object, noise: Tensor, *context: Tensor) -> Tensor:
    unused = torch.full_like(noise, torch.nan)
    return objective(student, unused, unused[:, 0], noise, *context)  # type: ignore[arg-type]


@pytest.mark.parametrize("sampler", [FINE, UniPC(8)], ids=lambda s: s.label)
def test_the_teacher_follows_its_own_path(sampler: DDIM | UniPC) -> None:
    course = sampler.plan(VP())
    objective = PathMatching(MIXTURE, course, course)
    assert float(loss(objective, MIXTURE, start(50)).max()) == 0


def test_segments_make_up_the_whole_course() -> None:
    """Of a method with memory, whose estimates go with the state from one to the next."""
    sampler, noise = UniPC(8, grid=UniformAngle()), Noise(5)
    course = sampler.plan(VP())
    begun = course.start.s * noise.normal(torch.arange(20), (1,), 0, torch.float64)
    goal, model, parts = State(begun), Model(MIXTURE), segments(course, every(4))
    for part in parts:
        goal = advanced(part, goal, model)
    made = sample(MIXTURE, sampler, noise=noise, events=20, shape=(1,), dtype=torch.float64)
    assert [len(part) for part in parts] == [4, 4]
    torch.testing.assert_close(goal.x_hat, made.x)


class Gains(nn.Module):
    """F of a denoiser D = mean + g (x_hat - mean), one free gain g for each of the levels."""

    def __init__(self, plan: Plan, gains: list[float]) -> None:
        super().__init__()
        t = [step.level.t for step in plan]
        self.times = torch.tensor(t, dtype=torch.float64)
        self.gains = nn.Parameter(torch.tensor(gains, dtype=torch.float64))

    def forward(self, x: Tensor, c_noise: Tensor, condition: object, mask: object) -> Tensor:
        t = VP().time(4 * c_noise)
        gain = self.gains[(t[:, None] - self.times).abs().argmin(1)][:, None]
        alpha, sigma = VP().alpha(t)[:, None], VP().sigma(t)[:, None]  # c_in = 1
        return (MEAN + gain * (x / alpha - MEAN) - alpha * x) / sigma


def exact_gains(plan: Plan, stride: int) -> list[float]:
    """Of a Gaussian: DDIM's steps shrink x_hat - mean, and one of the student's as its several."""
    s = [step.level.s for step in every(1)] + [0.0]
    shrunk = 1.0
    gains = []
    for k in range(8):
        ratio = s[k + 1] / s[k]
        shrunk *= ratio + (1 - ratio) * STD**2 / (STD**2 + s[k] ** 2)
        if (k + 1) % stride == 0:
            whole = s[k + 1] / s[k + 1 - stride]
            gains.append((shrunk - whole) / (1 - whole))
            shrunk = 1.0
    return gains


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_of_a_gaussian_the_exact_student_has_no_loss(stride: int) -> None:
    plan = every(stride)
    objective = PathMatching(NORMAL, every(1), plan, SquaredDistance())
    gains = exact_gains(plan, stride)
    exact = Denoiser(Gains(plan, gains), VP())
    assert float(loss(objective, exact, start(200)).detach().max()) < 1e-16


def test_training_ends_at_the_exact_student() -> None:
    plan = every(4)
    objective = PathMatching(NORMAL, every(1), plan, SquaredDistance())
    gains = exact_gains(plan, 4)
    wrong = Denoiser(Gains(plan, [0.9 * gain for gain in gains]), VP())
    # No optimiser with a line search: what is followed is the gradient of no one function.
    optimizer = torch.optim.Adam(wrong.parameters(), lr=0.01)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
    for _ in range(800):
        optimizer.zero_grad()
        loss(objective, wrong, start(50)).mean().backward()
        optimizer.step()
        decay.step()
    found = wrong.network.gains.detach().tolist()
    assert found == pytest.approx(gains, rel=1e-3)


def test_a_step_learns_to_mend_the_one_before() -> None:
    """An error of the first step is in the state that the second one begins with."""
    plan = every(4)
    objective = PathMatching(NORMAL, every(1), plan, SquaredDistance())
    first, second = exact_gains(plan, 4)
    student = Denoiser(Gains(plan, [first + 0.01, second]), VP())
    loss(objective, student, start(200)).mean().backward()
    _, slope = student.network.gains.grad
    assert float(slope) > 0  # too large a state asks for a smaller gain

    # of the second step's gain only the second step's miss is a function
    h = 1e-6
    values = [
        loss(objective, Denoiser(Gains(plan, [first + 0.01, g]), VP()), start(200)).mean().item()
        for g in (second + h, second - h)
    ]
    assert (values[0] - values[1]) / (2 * h) == pytest.approx(float(slope), rel=1e-5)


def test_a_teacher_that_begins_where_the_student_is_mends_nothing() -> None:
    """The second gain is right whatever the first has done; each is moved by its own miss alone."""
    plan = every(4)
    objective = PathMatching(NORMAL, every(1), plan, SquaredDistance(), own_goals=2)
    first, second = exact_gains(plan, 4)
    student = Denoiser(Gains(plan, [first + 0.01, second]), VP())
    loss(objective, student, start(200)).mean().backward()
    slopes = student.network.gains.grad.tolist()
    assert slopes[0] > 1e-6 and abs(slopes[1]) < 1e-12 * slopes[0]


def test_a_teacher_that_begins_where_the_student_is_leaves_no_doubt() -> None:
    """Of a mixture: from one state the teacher's steps lead to one end, whatever was before."""
    parts = segments(every(1), every(4))

    class Steps:
        """Does what several of the teacher's steps do, by one estimate."""

        schedule = VP()

        def __call__(self, x: Tensor, t: Tensor, *context: Tensor | None) -> Tensor:
            first, last = (part[0].level for part in parts)
            late = abs(float(t[0]) - last.t) < abs(float(t[0]) - first.t)
            here, there = (last, 0.0) if late else (first, last.s)
            x_hat = x / here.alpha
            end = advanced(parts[late], State(x_hat), Model(MIXTURE)).x_hat
            shrink = there / here.s
            moved = 0.05 * (not late)  # the first step misses
            return (end + moved - shrink * x_hat) / (1 - shrink)

    objective = PathMatching(MIXTURE, every(1), every(4), SquaredDistance(), own_goals=2)
    followed = PathMatching(MIXTURE, every(1), every(4), SquaredDistance())
    last = PathMatching(MIXTURE, every(1), every(4), SquaredDistance(), own_goals=1)
    missed = 0.05**2
    found = loss(objective, Steps(), start(100))
    torch.testing.assert_close(found, torch.full_like(found, missed), rtol=1e-6, atol=0)
    torch.testing.assert_close(loss(last, Steps(), start(100)), found)
    assert float((loss(followed, Steps(), start(100)) - missed).max()) > 1e-5  # of the second step


def test_no_gradient_goes_through_earlier_steps() -> None:
    """Of a multistep student, whose second step uses its first estimate again."""
    begin, end = every(4)
    plan = Plan(begin.level, (begin, LinearStep(end.level, 0.1, (1.1, -0.2))))
    gains = exact_gains(every(4), 4)
    student = Denoiser(Gains(plan, [gains[0] + 0.05, gains[1]]), VP())
    objective = PathMatching(NORMAL, every(1), plan, SquaredDistance())
    loss(objective, student, start(100)).mean().backward()
    whole = student.network.gains.grad.clone()

    student.network.gains.grad = None
    first = plan.steps[0]
    begun = plan.start.s * start(100)
    arrived = first(State(begun), Model(student), lambda: begun).x_hat
    goal = advanced(segments(every(1), plan)[0], State(begun), Model(NORMAL)).x_hat
    (arrived - goal).square().mean().backward()
    assert float(whole[0]) == pytest.approx(float(student.network.gains.grad[0]))
    assert float(whole[1]) != 0


def test_padding_changes_nothing() -> None:
    """Of clouds: the loss of the real particles is that of a smaller cloud."""

    class Each:
        schedule = VP()

        def __call__(self, x: Tensor, t: Tensor, *context: Tensor | None) -> Tensor:
            return NORMAL(x.flatten(0, 1), t.repeat_interleave(x.shape[1])).view_as(x)

    objective = PathMatching(Each(), every(1), every(4))
    student = Denoiser(Gains(every(4), [0.3, 0.8]), VP())

    class Wide:
        schedule = VP()

        def __call__(self, x: Tensor, t: Tensor, *context: Tensor | None) -> Tensor:
            return student(x.flatten(0, 1), t.repeat_interleave(x.shape[1])).view_as(x)

    noise = start(20).view(4, 5, 1)
    mask = torch.tensor([True, True, True, False, False]).expand(4, 5)
    padded = objective(Wide(), noise, noise[:, 0, 0], noise, None, mask)  # type: ignore[arg-type]
    small = noise[:, :3]
    alone = objective(Wide(), small, small[:, 0, 0], small)  # type: ignore[arg-type]
    torch.testing.assert_close(padded, alone)


def sums(x: Tensor, condition: object, mask: object) -> Tensor:
    return x.exp().sum(1, keepdim=True)


@pytest.mark.parametrize("own", [0, 1, 2])
def test_what_is_observed_of_the_end_is_asked_of_the_last_step(own: int) -> None:
    """Against the path from the noise, wherever the goals begin."""
    plan = every(4)
    student = Denoiser(Gains(plan, exact_gains(plan, 4)), VP())
    square = SquaredDistance()
    bare = PathMatching(NORMAL, every(1), plan, square, own_goals=own)
    seen = PathMatching(NORMAL, every(1), plan, square, ObservedEnd(sums, weight=2.0), own)
    assert float(loss(seen, student, start(20)).detach().max()) < 1e-16  # as the teacher's
    with torch.no_grad():
        student.network.gains += torch.tensor([0.05, 0.1])
    extra = loss(seen, student, start(20)) - loss(bare, student, start(20))

    begun = State(plan.start.s * start(20))
    reached, goal = (
        advanced(p, begun, Model(d)).x_hat for p, d in ((plan, student), (every(1), NORMAL))
    )
    missed = reached.exp() - goal.exp()
    torch.testing.assert_close(extra, 2 * PseudoHuber(1.0)(missed, None))
    extra.sum().backward()
    first, last = student.network.gains.grad.tolist()
    assert first == 0 and last > 0


def test_an_observed_end_is_least_at_the_mean_of_the_observable() -> None:
    """Of goals that cannot be foreseen: their median is not it, nor is their mean."""
    goals = start(2001)
    wanted = goals.exp().mean().log()
    x = torch.full_like(goals, float(wanted), requires_grad=True)
    wide = ObservedEnd(sums, distance=PseudoHuber(1e3))
    wide(x, goals, None, None).sum().backward()
    assert float(x.grad.sum().abs()) < 1e-3 * float(x.grad.abs().sum())
    assert float(wanted - goals.median()) > 0.3


def test_what_cannot_be_matched_is_refused() -> None:
    for wrong in (EulerMaruyama(8), Heun(4)):
        with pytest.raises(ValueError, match="of one evaluation a step"):
            PathMatching(MIXTURE, wrong.plan(VP()), every(4))
    with pytest.raises(ValueError, match="at levels of the teacher's"):
        PathMatching(MIXTURE, every(1), DDIM(3).plan(VP()))
    with pytest.raises(ValueError, match="knows no estimates of steps before"):
        memory = UniPC(8, grid=UniformAngle()).plan(VP())
        PathMatching(MIXTURE, memory, every(4), own_goals=2)
    with pytest.raises(ValueError, match="own_goals must be from 0 to 2, got 3"):
        PathMatching(MIXTURE, every(1), every(4), own_goals=3)
    with pytest.raises(ValueError, match="3 steps do not divide the 8"):
        stride(every(1), 3)
    with pytest.raises(ValueError, match="at levels of the teacher's, the first at its first"):
        late = every(4).steps[1:]
        assert isinstance(late[0], LinearStep)
        PathMatching(MIXTURE, every(1), Plan(late[0].level, late))
    with pytest.raises(ValueError, match="weight must not be negative"):
        ObservedEnd(sums, weight=-1.0)
