"""The theory's pictures: each shows what it claims, and all of them can be drawn."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, kstest
from torch import Tensor

from driftline.data.clouds import Jets
from driftline.data.shipped import read_reference
from driftline.diffusion.analytic import AnalyticDenoiser, GaussianMixture, gaussian
from driftline.diffusion.noise import Noise
from driftline.diffusion.schedules import VE, VP
from driftline.errors import InputError
from driftline.metrics.jet_observables import relative_mass
from driftline.models import load
from driftline.report.theory import learned_score as learned_score_module
from driftline.report.theory import pictures
from driftline.report.theory.diffusion import diffusion_figure, there_and_back
from driftline.report.theory.jets import jet_strip, jets_figure
from driftline.report.theory.langevin import LANGEVIN, langevin_figure, noise_or_none
from driftline.report.theory.learned_score import (
    DECADES,
    NOISE,
    learned_score,
    learned_score_figure,
)
from driftline.report.theory.mode_weights import mode_weights, mode_weights_figure
from driftline.report.theory.plane import SCHEDULE, Plane, apart, joined, time_of
from driftline.report.theory.record import diffuse
from driftline.report.theory.score_field import NOISE as LEVELS
from driftline.report.theory.score_field import score_field_figure, score_fields
from driftline.report.theory.trajectories import trajectories, trajectories_figure
from tiny_models import tiny_generator

SEED = 1


def distribution_function(mixture, x, noise=0.0):
    """Of the first coordinate of an isotropic mixture with noise added."""
    width = (mixture.stds**2 + noise**2).sqrt().numpy()
    z = (np.asarray(x)[:, None] - mixture.means[:, 0].numpy()) / width
    return torch.special.ndtr(torch.from_numpy(z)).numpy() @ mixture.weights.numpy()


# The score


@pytest.fixture(scope="module")
def fields():
    return score_fields()


def test_score_is_the_slope_of_the_log_density(fields):
    for field in fields:
        step = field.plane.axis[1] - field.plane.axis[0]
        y, x = np.gradient(np.log(field.density), step)
        inside = np.s_[2:-2, 2:-2]
        error = np.abs(field.score - np.stack([x, y], axis=-1))[inside]
        # Central differences err by step^2/6 times a third derivative, which noise smooths.
        assert np.quantile(error, 0.95) < 0.02
    assert [field.noise for field in fields] == list(LEVELS)


def test_score_points_home_at_high_noise_only(fields):
    """The number of attracting points: two modes at low noise, one at high noise."""

    def sinks(field):
        d = field.density
        shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
        neighbours = [np.roll(d, shift, (0, 1)) for shift in shifts]
        return int((d > np.max(neighbours, axis=0))[1:-1, 1:-1].sum())

    assert [sinks(field) for field in fields] == [2, 2, 1]


# Langevin dynamics


@pytest.fixture(scope="module")
def led():
    return noise_or_none(SEED)


def test_without_noise_events_end_at_the_modes(led):
    ends = led.ascent[-1]
    score = led.denoiser.score(ends, torch.full((len(ends),), led.t, dtype=torch.float64))
    at_rest = score.norm(dim=1) < 1e-2
    assert at_rest.double().mean() > 0.99
    modes = ends[at_rest].round(decimals=2).unique(dim=0)
    distance = torch.cdist(modes, joined().means).min(1).values
    assert distance.max() < 0.1
    assert torch.cdist(ends[at_rest], joined().means).argmin(1).unique().numel() == 2
    assert ends[at_rest].unique(dim=0).std(0).max() > 0.5  # not one mode alone


def test_with_noise_events_are_samples(led):
    """Mean, covariance and the whole marginal of p at this noise, from another's starts."""
    mixture, ends = joined(), led.langevin[-1]
    mean = mixture.weights @ mixture.means
    centred = mixture.means - mean
    covariance = (
        torch.einsum("k,kij->ij", mixture.weights, mixture.covariances)
        + torch.einsum("k,ki,kj->ij", mixture.weights, centred, centred)
        + LANGEVIN.noise**2 * torch.eye(2, dtype=torch.float64)
    )
    n = len(ends)
    error = (covariance.diagonal() / n).sqrt()
    assert ((ends.mean(0) - mean).abs() < 4 * error).all()
    assert torch.allclose(ends.T.cov(), covariance, atol=5 * float(covariance.max()) / n**0.5)
    marginal = led.marginal
    width = marginal.covariances[:, 0, 0].sqrt().numpy()

    def cdf(x):
        z = (np.asarray(x)[:, None] - marginal.means[:, 0].numpy()) / width
        return torch.special.ndtr(torch.from_numpy(z)).numpy() @ marginal.weights.numpy()

    assert kstest(ends[:, 0].numpy(), cdf).pvalue > 0.01
    assert kstest(led.ascent[-1][:, 0].numpy(), cdf).pvalue < 1e-30
    assert torch.equal(led.ascent[0], led.langevin[0])


# The learned score


@pytest.fixture(scope="module")
def learned():
    return learned_score(SEED)


def test_learned_score_is_wrong_where_data_are_rare(learned):
    by_density = learned.error_by_density()
    assert len(by_density) == len(DECADES) - 1
    assert by_density[-1] < 0.1  # of a unit of noise, where the data are
    assert by_density[0] > 10 * by_density[-1]
    assert all(low > high for low, high in pairwise(by_density))
    np.testing.assert_allclose(
        learned.error, NOISE * np.hypot(*np.moveaxis(learned.learned - learned.true, 2, 0))
    )


def test_training_does_not_touch_global_random_numbers(monkeypatch):
    monkeypatch.setattr(learned_score_module, "STEPS", 1)
    before = torch.random.get_rng_state()
    learned_score_module.train(torch.zeros(4, 2), time_of(NOISE), SEED)
    assert torch.equal(before, torch.random.get_rng_state())


# Weights of modes


@pytest.fixture(scope="module")
def weighed():
    return mode_weights(SEED)


def test_plain_langevin_gets_the_weights_wrong_and_annealed_right(weighed):
    data, plain, annealed = weighed
    true = float(apart().weights[0])
    assert abs(data.weights[0] - true) < 3 * data.error
    assert abs(annealed.weights[0] - true) < 3 * annealed.error
    assert abs(plain.weights[0] - true) > 10 * plain.error
    assert abs(plain.weights[0] - 0.5) < 4 * plain.error  # those of the start
    assert plain.error == pytest.approx(math.sqrt(0.25 / len(plain.x)), rel=0.01)


def test_plain_langevin_is_right_within_a_mode(weighed):
    """Its fault is the weights alone: each mode has its place and width."""
    mixture = apart()
    for one in weighed:
        for k, here in enumerate((one.x[:, 0] < 0, one.x[:, 0] >= 0)):
            x = one.x[here]
            assert torch.allclose(x.mean(0), mixture.means[k], atol=0.1)
            assert torch.allclose(x.std(0), mixture.stds[k].expand(2), rtol=0.12)


# Diffusion and its reverse


@pytest.fixture(scope="module")
def both():
    return there_and_back(SEED)


def test_forward_ends_in_noise(both):
    for one in both:
        for column in one.forward[-1].T:
            assert kstest(column.numpy(), "norm").pvalue > 0.01
        assert abs(float(one.forward[-1].T.corrcoef()[0, 1])) < 4 / len(one.forward[-1]) ** 0.5


def test_reverse_has_the_marginals_of_forward_at_every_time(both):
    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7], [0.7, -0.7]]).double()
    for one in both:
        p = [
            ks_2samp((there @ d).numpy(), (back @ d).numpy()).pvalue
            for there, back in zip(one.forward, one.reverse)
            for d in directions
        ]
        assert min(p) > 0.01 / len(p)


def test_reverse_ends_as_data(both):
    for one in both:
        clean = one.reverse[0]
        exact = lambda x, m=one.mixture: distribution_function(m, x)  # noqa: E731
        assert kstest(clean[:, 0].numpy(), exact).pvalue > 0.01
        later = one.halves(clean).double().mean()
        weights = one.mixture.weights
        expected = weights[len(weights) // 2 :].sum()
        assert abs(later - expected) < 4 * (0.25 / len(clean)) ** 0.5
        assert one.times[0] == 0
        assert list(one.times) == sorted(one.times)


def test_halves_know_where_events_come_from(both):
    modes, _ = both
    means = modes.mixture.means
    assert modes.halves(means).tolist() == [False, True]


@pytest.mark.parametrize("schedule", [VP(), VE(0.01, 5.0)])
def test_diffuse_has_the_marginals_of_the_schedule(schedule):
    """Step by step as at once: alpha x_0 + sigma eps, and correlated between times."""
    x0 = torch.full((4000, 1), 1.5, dtype=torch.float64)
    times = (0.1, 0.3, 0.6)
    states = diffuse(schedule, x0, times, Noise(SEED))[..., 0]
    t = torch.tensor(times, dtype=torch.float64)
    start = torch.zeros((), dtype=torch.float64)
    variance = schedule.sigma(t) ** 2 - (schedule.alpha(t) * schedule.sigma(start)) ** 2
    for x, alpha, v in zip(states, schedule.alpha(t), variance):
        law = ((x - 1.5 * alpha) / v.sqrt()).numpy()
        assert kstest(law, "norm").pvalue > 0.01
    between = states.cov()[0, 1]
    expected = schedule.alpha(t[1]) / schedule.alpha(t[0]) * variance[0]
    assert between == pytest.approx(float(expected), abs=5 * float(variance.max()) / 4000**0.5)


# Trajectories


@pytest.fixture(scope="module")
def courses():
    return trajectories(SEED)


def test_both_ways_end_with_the_right_marginal(courses):
    mixture = courses.denoiser.distribution
    for paths in (courses.sde, courses.flow):
        exact = lambda x: distribution_function(mixture, x)  # noqa: E731
        assert kstest(paths[-1].numpy(), exact).pvalue > 0.01
        assert kstest(paths[0].numpy(), "norm").pvalue > 0.01


def test_marginals_agree_on_the_way(courses):
    for k in (100, 300, 450):
        t = courses.times[k]
        alpha, sigma = (float(f(t)) for f in (VP().alpha, VP().sigma))
        m = courses.denoiser.distribution
        scaled = GaussianMixture(m.weights, alpha * m.means, alpha * m.stds)
        exact = lambda x, m=scaled, s=sigma: distribution_function(m, x, s)  # noqa: E731
        assert kstest(courses.sde[k].numpy(), exact).pvalue > 0.003
        assert kstest(courses.flow[k].numpy(), exact).pvalue > 0.003


def test_flow_lines_are_smooth_and_never_cross(courses):
    assert torch.equal(courses.sde[0], courses.flow[0])
    order = courses.flow[0].argsort()
    assert (courses.flow[:, order].diff(dim=1) >= 0).all()
    assert not (courses.sde[:, order].diff(dim=1) >= 0).all()
    lengths = [paths.diff(dim=0).abs().sum(0).median() for paths in (courses.sde, courses.flow)]
    assert lengths[0] > 20 * lengths[1]


def test_density_is_normalised(courses):
    x = torch.linspace(-6, 6, 1201, dtype=torch.float64)
    t = torch.tensor([1.0, 0.3, 0.0], dtype=torch.float64)
    mass = torch.trapezoid(courses.density(x, t), x, dim=0)
    assert torch.allclose(mass, torch.ones(3, dtype=torch.float64), atol=1e-6)


# Jets


@pytest.fixture(scope="module")
def strip(make_jets):
    jets = make_jets(200, types=("t",))
    return jet_strip(tiny_generator(jets), jets, SEED, count=100)


def test_jets_forward_ends_in_noise(strip):
    end = strip.encoded[-1][strip.mask]
    for column in end.T:
        assert kstest(column, "norm").pvalue > 0.01
    assert (strip.encoded[:, ~strip.mask] == 0).all()
    assert list(strip.times) == sorted(strip.times)


def test_jets_strip_begins_with_the_simulated_jets(strip, make_jets):
    jets = make_jets(200, types=("t",))[:100]
    np.testing.assert_allclose(strip.forward[0], jets.particles, rtol=1e-3, atol=1e-5)


def test_jets_keep_their_padding(strip):
    for particles, mask in ((strip.forward, strip.mask), (strip.reverse, strip.drawn_mask)):
        assert (particles[:, ~mask] == 0).all()
        assert (particles[:, mask][..., 2] > 0).all()
        assert np.isfinite(particles).all()


def test_shipped_model_makes_jets_out_of_noise():
    """Particles of noise do not know of each other: their sum of pT varies; that of jets does not.

    The generated jets end as heavy as the simulated ones.
    """
    reference = read_reference(Path(pictures.SHIPPED), ["t"])
    found = jet_strip(load(pictures.SHIPPED), reference, SEED, count=60)
    spreads, masses = [], []
    for jets in (found.forward, found.reverse):
        low, high = np.quantile(jets[..., 2].sum(2), [0.16, 0.84], axis=1)
        spreads.append(high - low)
        masses.append(np.median(relative_mass(jets[0])))
    for spread in spreads:
        assert spread[-1] > 1.8 * spread[0]
    assert spreads[1][0] == pytest.approx(spreads[0][0], rel=0.5)
    assert masses[1] == pytest.approx(masses[0], rel=0.2)


def test_jets_of_another_class_are_refused(make_jets):
    jets: Jets = make_jets(20, types=("t",))
    with pytest.raises(InputError, match="unknown jet type 'g'"):
        jet_strip(tiny_generator(jets), jets, SEED, count=2, jet_type="g")


# Drawing


def test_every_picture_can_be_drawn(fields, led, learned, weighed, both, courses, strip):
    figures = [
        score_field_figure(fields),
        langevin_figure(led),
        learned_score_figure(learned),
        mode_weights_figure(weighed),
        diffusion_figure(both),
        trajectories_figure(courses),
        jets_figure(strip),
    ]
    assert len(figures) == len(pictures.PICTURES)
    for figure in figures:
        titles = [axes.get_title(side) for axes in figure.axes for side in ("left", "center")]
        assert any(titles)


def test_plane_runs_along_x_first():
    plane = Plane(1.0, 3)
    assert plane.points[:4].tolist() == [[-1, -1], [0, -1], [1, -1], [-1, 0]]
    density = plane.density(AnalyticDenoiser(gaussian(0.0, 1.0, 2), SCHEDULE), 0.0)
    assert density.argmax() == 4


def test_time_of_a_noise():
    for schedule in (SCHEDULE, VP()):
        t: Tensor = torch.tensor(time_of(0.3, schedule), dtype=torch.float64)
        assert float(schedule.sigma(t) / schedule.alpha(t)) == pytest.approx(0.3)


def test_illustrate_writes_what_is_asked_for(tmp_path):
    told = []
    paths = pictures.illustrate(
        tmp_path, only=["score_field"], progress=lambda what, done, total: told.append(what)
    )
    assert [path.name for path in paths] == ["score_field.png", "score_field.pdf"]
    assert told == ["score_field"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert paths[0].stat().st_size < 150_000
    assert paths[1].read_bytes().startswith(b"%PDF")
    with pytest.raises(InputError, match=r"exists already.*--force"):
        pictures.illustrate(tmp_path, only=["score_field"])


def test_illustrate_refuses_before_it_works(tmp_path):
    with pytest.raises(InputError, match="unknown picture 'sunset': choose from score_field"):
        pictures.illustrate(tmp_path, only=["score_field", "sunset"])
    (tmp_path / "jets.pdf").touch()
    with pytest.raises(InputError, match="exists already"):
        pictures.illustrate(tmp_path, only=["score_field", "jets"])
    assert [path.name for path in tmp_path.iterdir()] == ["jets.pdf"]


def test_help_names_every_picture():
    from driftline.cli import illustrate

    help_text = illustrate.illustrate.__annotations__["only"].__metadata__[0].help
    names = help_text.partition(":")[2].strip(" .").split(", ")
    assert names == list(pictures.PICTURES)
