"""A model of one's own jets: from arrays to a trained generator.

The recipe here trains for seconds, to be seen working; recipes/jets30.toml is the real one.

    python examples/train_model.py
"""

from pathlib import Path

import numpy as np

from driftline.data.clouds import JET_TYPES, Jets
from driftline.data.formats import jetnet
from driftline.models import load
from driftline.training.jets import train_jets
from driftline.training.recipe import read_recipe

# Anything that gives these four arrays will do; here, jets of 30 particles around two axes.
rng = np.random.default_rng(1)
count, slots = 2000, 30
number = rng.integers(10, slots + 1, count)
mask = np.arange(slots) < number[:, None]
ptrel = rng.exponential(size=(count, slots)) * mask
ptrel = -np.sort(-ptrel / ptrel.sum(axis=1, keepdims=True) * 0.95, axis=1)  # pT-ordered
prong = rng.choice([-0.08, 0.08], (count, slots))
angles = np.stack([prong, np.zeros_like(prong)], axis=-1) + rng.normal(0, 0.02, (count, slots, 2))
particles = np.concatenate([angles, ptrel[..., None]], axis=-1) * mask[..., None]
pt, eta, mass = rng.normal(1000, 50, count), rng.normal(0, 0.8, count), rng.normal(80, 5, count)
jets = Jets(
    particles=particles.astype(np.float32),
    mask=mask,
    features=np.stack([pt, eta, mass, number], axis=1).astype(np.float32),
    labels=np.full(count, JET_TYPES.index("w")),
)
jetnet.write_directory(Path("my_jets"), jets, force=True)

recipe = Path(__file__).parent.parent / "recipes" / "tiny.toml"
model = train_jets(read_recipe(recipe), Path("my_jets"), Path("my_run"))
print(f"trained: {model}")
print(load(model).generate(5, "w", seed=1).jets.features)
