"""Fixtures shared by all tests."""

from collections.abc import Callable

import numpy as np
import pytest

from driftline.data.clouds import JET_TYPES, Jets, concatenate

# Per class: median pT [GeV], spread of eta, angular width, mean multiplicity of the toy.
TOY = {
    "g": (1130.0, 0.68, 0.08, 29.0),
    "q": (1020.0, 0.88, 0.06, 22.0),
    "t": (995.0, 0.71, 0.12, 29.0),
    "w": (1040.0, 0.79, 0.07, 25.0),
    "z": (1040.0, 0.76, 0.08, 25.0),
}


def make_toy_jets(
    count: int,
    *,
    types: tuple[str, ...] = JET_TYPES,
    particles: int = 30,
    seed: int = 1,
    attributes: dict[str, object] | None = None,
) -> Jets:
    """Fake but valid jets, ``count`` of each class: pT-ordered, sum of ptrel below one."""
    rng = np.random.default_rng(seed)
    return concatenate(
        [_toy_class(jet_type, count, particles, rng, attributes or {}) for jet_type in types]
    )


def _toy_class(
    jet_type: str, count: int, slots: int, rng: np.random.Generator, attributes: dict[str, object]
) -> Jets:
    pt, spread, width, mean = TOY[jet_type]
    number = np.clip(rng.normal(mean, 4, count).round(), min(3, slots), slots).astype(int)
    mask = np.arange(slots) < number[:, None]
    share = np.where(mask, rng.exponential(size=(count, slots)) ** 2 + 0.01, 0.0)
    share *= rng.uniform(0.85, 0.99, (count, 1)) / share.sum(axis=1, keepdims=True)
    share = -np.sort(-share, axis=1)
    angles = width * rng.standard_t(5, (count, slots, 2)) * mask[..., None]
    particles = np.concatenate([angles, share[..., None]], axis=-1).astype(np.float32)
    jet_pt = pt * np.exp(0.08 * rng.standard_normal(count))
    energy = (share * np.cosh(angles[..., 0])).sum(axis=1)
    momentum = np.stack(
        [
            (share * np.cos(angles[..., 1])).sum(axis=1),
            (share * np.sin(angles[..., 1])).sum(axis=1),
            (share * np.sinh(angles[..., 0])).sum(axis=1),
        ]
    )
    mass = jet_pt * np.sqrt(np.maximum(energy**2 - (momentum**2).sum(axis=0), 1e-8))
    features = np.stack([jet_pt, spread * rng.standard_normal(count), mass, number], axis=1)
    labels = np.full(count, JET_TYPES.index(jet_type), dtype=np.int64)
    return Jets(particles, mask, features.astype(np.float32), labels, JET_TYPES, dict(attributes))


@pytest.fixture(scope="session")
def toy_jets() -> Jets:
    """200 fake but valid jets of each of the five classes, 30 particles."""
    return make_toy_jets(200)


@pytest.fixture(scope="session")
def make_jets() -> Callable[..., Jets]:
    """``make_jets(count, types=..., particles=..., seed=...)``: more such jets."""
    return make_toy_jets
