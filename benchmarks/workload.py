"""What the benchmarks run on: a generator, and made-up jets that are valid but mean nothing."""

from pathlib import Path

import numpy as np
import torch

import driftline
from driftline.data.clouds import JET_TYPES, Jets
from driftline.data.preprocessing import JetPreprocessing
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.schedules import VP
from driftline.generator import Generator
from driftline.networks import build
from driftline.training.jets import network_specs
from driftline.training.recipe import JetRecipe, read_recipe

RECIPE = Path(__file__).parents[1] / "recipes" / "jets30.toml"


def made_up_jets(count: int, particles: int = 30, *, types: int = 5, seed: int = 0) -> Jets:
    """Valid jets of the first ``types`` classes in turn; nine in ten of the slots are real."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % types
    number = np.clip(rng.binomial(particles, 0.9, count), 1, particles)
    mask = np.arange(particles) < number[:, None]
    angles = rng.normal(0, 0.08, (count, particles, 2))
    pt = -np.sort(-rng.exponential(size=(count, particles)) * mask, axis=1)
    pt *= rng.uniform(0.8, 0.95, (count, 1)) / pt.sum(axis=1, keepdims=True)
    cloud = np.concatenate([angles, pt[..., None]], axis=2) * mask[..., None]
    features = np.stack(
        [
            rng.normal(1000, 50, count),
            rng.normal(0, 0.7, count),
            rng.gamma(9, 10, count),
            number,
        ],
        axis=1,
    )
    return Jets(
        cloud.astype(np.float32), mask, features.astype(np.float32), labels.astype(np.int64)
    )


def recipe(overrides: tuple[str, ...] = ()) -> JetRecipe:
    """The recipe of the shipped model, whose networks stand for it where none is given."""
    return read_recipe(RECIPE, overrides)


def particle_denoiser(settings: JetRecipe) -> Denoiser:
    """The recipe's particle-level denoiser with random weights."""
    spec = network_specs(settings, len(JET_TYPES))["particle_level"]
    return Denoiser(build(spec["name"], **spec["options"]), VP()).eval()


def generator(model: str | None, particles: int = 30) -> Generator:
    """A model by name or path, or one of the recipe's networks with random weights."""
    if model is not None:
        return driftline.load(model)
    specs = network_specs(recipe(), len(JET_TYPES))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        levels = {
            level: Denoiser(build(spec["name"], **spec["options"]), VP()).eval()
            for level, spec in specs.items()
        }
    preprocessing = JetPreprocessing.fit(made_up_jets(5_000, particles))
    return Generator(networks=specs, preprocessing=preprocessing, card={}, **levels)
