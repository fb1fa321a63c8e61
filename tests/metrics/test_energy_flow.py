"""Energy-flow polynomials against the sums that define them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.metrics.energy_flow import (
    GRAPHS,
    LINE,
    TRIANGLE,
    W1EFP_GRAPHS,
    energy_flow_polynomials,
    pairwise_angles,
)


def random_jets(count, particles, seed=0):
    rng = np.random.default_rng(seed)
    angles = rng.normal(scale=0.1, size=(count, particles, 2))
    return np.concatenate([angles, rng.random((count, particles, 1))], axis=2)


def by_definition(jet, graph):
    """The sum over all assignments of particles to vertices, in one einsum without a plan."""
    vertices = max((v for edge in graph for v in edge), default=0) + 1
    letters = "abcdefgh"[:vertices]
    angles = pairwise_angles(jet[None, :, 0], jet[None, :, 1])[0]
    operands = [jet[:, 2]] * vertices + [angles] * len(graph)
    subscripts = [*letters, *("abcdefgh"[u] + "abcdefgh"[v] for u, v in graph)]
    return np.einsum(",".join(subscripts) + "->", *operands, optimize=False)


@pytest.mark.parametrize("graph", GRAPHS)
def test_polynomials_are_their_definition(graph):
    jet = random_jets(1, 3)
    value = energy_flow_polynomials(jet, (graph,))[0, 0]
    assert value == pytest.approx(by_definition(jet[0], graph), rel=1e-12)


def test_any_graph_of_tree_width_two_can_be_asked_for():
    pentagon_with_chords = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2), (0, 3), (0, 3))
    jet = random_jets(1, 4)
    value = energy_flow_polynomials(jet, (pentagon_with_chords,))[0, 0]
    assert value == pytest.approx(by_definition(jet[0], pentagon_with_chords), rel=1e-12)


def test_a_graph_beyond_that_is_refused():
    complete = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
    with pytest.raises(ValueError, match="neighbours"):
        energy_flow_polynomials(random_jets(1, 4), (complete,))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_scaling(seed, momentum, angle):
    jets = random_jets(2, 5, seed)
    scaled = jets * np.array([angle, angle, momentum])
    vertices = np.array([max((v for e in g for v in e), default=0) + 1 for g in GRAPHS])
    edges = np.array([len(g) for g in GRAPHS])
    if np.abs(scaled[..., :2]).max() < 1.5:  # no wrapping in phi
        expected = energy_flow_polynomials(jets) * momentum**vertices * angle**edges
        assert energy_flow_polynomials(scaled) == pytest.approx(expected, rel=1e-10)


def test_padding_and_order_do_not_matter():
    jets = random_jets(3, 6)
    padded = np.concatenate([np.zeros((3, 2, 3)), jets[:, ::-1]], axis=1)
    assert energy_flow_polynomials(padded) == pytest.approx(energy_flow_polynomials(jets))
    moved = padded + np.array([0.1, 0.2, 0.0])  # recentred after masking
    assert energy_flow_polynomials(moved) == pytest.approx(energy_flow_polynomials(jets))


def test_a_mask_removes_particles():
    jets = random_jets(3, 6)
    mask = np.arange(6) < np.array([[2], [4], [6]])
    cleared = jets * mask[..., None]
    expected = energy_flow_polynomials(cleared)
    assert energy_flow_polynomials(jets, mask=mask) == pytest.approx(expected)


def test_batches_do_not_matter():
    jets = random_jets(600, 30)
    parts = [energy_flow_polynomials(jets[i : i + 7]) for i in range(0, 600, 7)]
    assert energy_flow_polynomials(jets) == pytest.approx(np.concatenate(parts), rel=1e-13)


def test_two_particles_by_hand():
    jet = np.array([[[0.0, 0.0, 0.5], [0.3, 0.4, 0.2]]])
    total, line, triangle = energy_flow_polynomials(jet, ((), LINE, TRIANGLE))[0]
    assert (total, line, triangle) == pytest.approx((0.7, 2 * 0.5 * 0.2 * 0.5, 0.0))
    assert len(W1EFP_GRAPHS) == 5
