"""Agreement with the jetnet package 0.2.5 on arrays made by a recipe (``fixtures/``)."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from driftline.metrics import wasserstein as w1
from driftline.metrics.coverage import coverage_and_mmd, energy_movers_distance
from driftline.metrics.energy_flow import W1EFP_GRAPHS, energy_flow_polynomials
from driftline.metrics.frechet import frechet_distance, frechet_physics_distance, moments
from driftline.metrics.jet_observables import real_particles, relative_mass
from driftline.metrics.mmd import kernel_physics_distance

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="module")
def jetnet():
    return json.loads((FIXTURES / "jetnet.json").read_text())


@pytest.fixture(scope="module")
def recipe():
    path = FIXTURES / "make_jetnet_fixture.py"
    spec = importlib.util.spec_from_file_location("make_jetnet_fixture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def arrays(recipe):
    return recipe.recipe()


def close(expected, relative=1e-11):
    return pytest.approx(np.array(expected), rel=relative, abs=0.0)


def test_masses(jetnet, arrays):
    assert relative_mass(arrays[0][:20]) == close(jetnet["masses"])


def test_polynomials(jetnet, arrays):
    jets = arrays[0][:20]
    assert energy_flow_polynomials(jets) == close(jetnet["polynomials"])
    five = energy_flow_polynomials(jets, W1EFP_GRAPHS)
    assert five == close(jetnet["w1efp_polynomials"])


def jetnet_draws(real, generated, seed, values=lambda jets: (jets, np.arange(len(jets)))):
    """Mean and standard deviation over JetNet's draws of each column of ``values``."""
    counts = w1.jetnet_draws(len(generated), len(real), np.random.default_rng(seed))
    (made, made_owner), (true, true_owner) = values(generated), values(real)
    owner = np.concatenate([made_owner, true_owner + len(generated)])
    columns = np.concatenate([made, true]).T
    distances = np.array([w1.Pool(c, owner, counts.shape[1]).distances(counts) for c in columns])
    return distances.mean(axis=1), distances.std(axis=1)


def test_w1m(jetnet, arrays):
    masses = [relative_mass(jets)[:, None] for jets in arrays[:2]]
    mean, spread = jetnet_draws(*masses, jetnet["seed"])
    assert (mean[0], spread[0]) == close(jetnet["w1m"])


def test_w1p(jetnet, arrays):
    def values(jets):
        return real_particles(jets, np.ones(jets.shape[:2], bool))

    found = jetnet_draws(*arrays[:2], jetnet["seed"], values)
    assert np.array(found) == close(jetnet["w1p"])


def test_w1efp(jetnet, arrays):
    polynomials = [energy_flow_polynomials(jets, W1EFP_GRAPHS) for jets in arrays[:2]]
    assert np.array(jetnet_draws(*polynomials, jetnet["seed"])) == close(jetnet["w1efp"])


def test_energy_movers_distances(jetnet, arrays):
    real, generated = (jets[: len(jetnet["emds"])] for jets in arrays[:2])
    found = [[energy_movers_distance(a, b) for b in real] for a in generated]
    assert np.array(found) == close(jetnet["emds"])


def test_coverage_and_mmd(jetnet, recipe, arrays):
    rng = np.random.default_rng(jetnet["seed"])
    batches = {"jets": "num_eval_samples", "batches": "num_batches"}
    options = {ours: recipe.COVERAGE[theirs] for ours, theirs in batches.items()}
    found = coverage_and_mmd(*arrays[:2], rng, **options)
    assert (found.coverage, found.mmd) == close(jetnet["cov_mmd"])


def test_frechet_distance(jetnet, arrays):
    found = frechet_distance(*moments(arrays[2]), *moments(arrays[3]))
    assert found == close(jetnet["frechet"], 1e-9)


def test_fpd(jetnet, arrays):
    found = frechet_physics_distance(*arrays[2:])
    assert (found.value, found.error) == close(jetnet["fpd"], 1e-7)


def test_kpd(jetnet, arrays):
    found = kernel_physics_distance(*arrays[2:])
    # sums of order one cancel to 1e-5
    assert (found.value, found.error) == pytest.approx(jetnet["kpd"], rel=0.0, abs=1e-11)
