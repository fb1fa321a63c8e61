"""Recipes of distillations, and the pairing that a recipe asks for."""

from pathlib import Path

import pytest

from driftline.diffusion.objectives import DenoisingScoreMatching, OptimalTransport
from driftline.errors import InputError
from driftline.training.distill_recipe import DistillRecipe, read_distill_recipe, student_training
from driftline.training.recipe import read_recipe
from driftline.training.run import pairing_of

RECIPES = Path(__file__).parents[2] / "recipes"


def test_settings_of_students_are_their_teachers_but_for_what_is_said() -> None:
    teacher = read_recipe(RECIPES / "jets30.toml").particle_level.training  # type: ignore[union-attr]
    own = student_training(teacher, {"batch": 64})
    assert own.steps == teacher.steps // 8
    assert own.learning_rate == teacher.learning_rate / 5
    assert (own.batch, own.precision, own.ema) == (64, "float32", teacher.ema)


@pytest.mark.parametrize("path", sorted((RECIPES / "distill").glob("*.toml")), ids=lambda p: p.stem)
def test_recipes_of_distillations(path: Path) -> None:
    found = read_distill_recipe(path, ["seed=3"])
    assert found.seed == 3
    assert DistillRecipe.model_validate_json(found.model_dump_json()) == found


def test_a_wrong_key_is_named() -> None:
    with pytest.raises(InputError, match="unknown key consistency.stage; did you mean stages"):
        read_distill_recipe(None, ["consistency.stage=3"])
    with pytest.raises(InputError, match="key method"):
        read_distill_recipe(None, ["method=magic"])


def test_pairing_of_a_recipe() -> None:
    plain = read_recipe(RECIPES / "tiny.toml")
    loss = DenoisingScoreMatching()
    assert pairing_of(plain)(loss) is loss
    chosen = ["pairing.name=transport", "pairing.condition_weight=2.0"]
    paired = pairing_of(read_recipe(RECIPES / "tiny.toml", chosen))
    assert paired(loss) == OptimalTransport(loss, 2.0)
    for wrong in (["pairing.name=lottery"], ["pairing.name=transport", "pairing.weight=1"]):
        with pytest.raises(InputError, match="pairing"):
            pairing_of(read_recipe(RECIPES / "tiny.toml", wrong))
