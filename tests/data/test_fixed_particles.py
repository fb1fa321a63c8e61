"""Particles to be contained in jets, from a CSV."""

import numpy as np
import pytest

from driftline.data.formats import fixed_particles
from driftline.errors import InputError


def test_columns_stand_in_any_order(tmp_path):
    path = tmp_path / "lead.csv"
    path.write_text("ptrel, etarel, phirel\n0.5, 0, 0\n\n0.2, 0.1, -0.05\n")
    np.testing.assert_array_equal(fixed_particles.read(path), [[0, 0, 0.5], [0.1, -0.05, 0.2]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("etarel,phirel,ptrel\n", ["has no particles"]),
        ("etarel,ptrel\n0,0.5\n", ["line 1", "only some of etarel, phirel, ptrel"]),
        ("eta,phi,pt\n0,0,0.5\n", ["line 1", "'eta'", "etarel, phirel, ptrel"]),
        ("etarel,phirel,ptrel\n0,0,\n", ["line 2", "ptrel is ''", "write a number"]),
        ("etarel,phirel,ptrel\n0,0,1\n", ["line 2", "ptrel is '1'", "between 0 and 1"]),
        ("etarel,phirel,ptrel\n9,0,0.1\n", ["line 2", "etarel is '9'", "between -5 and 5"]),
        ("etarel,phirel,ptrel\n0,0,0.1\n0,inf,0.1\n", ["line 3", "phirel is 'inf'", "finite"]),
    ],
)
def test_bad_particles_are_named(tmp_path, text, words):
    path = tmp_path / "lead.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        fixed_particles.read(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)
