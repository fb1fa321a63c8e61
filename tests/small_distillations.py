"""Distillations of a few steps of untrained models, for tests of what they do."""

import signal
from pathlib import Path
from typing import Any

from driftline.training.distill_recipe import DistillRecipe, read_distill_recipe
from driftline.training.progress import Progress
from driftline.training.recipe import read_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
SHORT = "{steps=3, batch=32, warmup=1, log_every=1, validate_every=3, checkpoint_every=2}"


def recipe(*overrides: str) -> DistillRecipe:
    short = [f"training.{key}={SHORT}" for key in ("jet_level", "particle_level")]
    return read_distill_recipe(None, [*short, *overrides])


def with_recipe(generator: Any, recipe: str) -> Any:
    """An untrained model with the card of a trained one."""
    settings = read_recipe(RECIPES / recipe)
    generator.card |= {"recipe": settings.model_dump(mode="json"), "sampler": "dpm:steps=9"}
    return generator


class StopAt(Progress):
    """Asks the training to stop when the log reaches a step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def step(self, step: int, events: int, loss: float) -> None:
        if step == self.at:
            signal.raise_signal(signal.SIGINT)


def never(*_: Any) -> None:
    raise AssertionError("fitted")
