"""Recipes: reading, overriding, and errors that name the key."""

from pathlib import Path

import pytest

from driftline.errors import InputError
from driftline.networks import build
from driftline.training.recipe import JetRecipe, read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_is_valid_and_survives_json(path: Path) -> None:
    recipe = read_recipe(path)
    assert type(recipe).model_validate_json(recipe.model_dump_json()) == recipe
    if isinstance(recipe, JetRecipe):
        for stage, features in ((recipe.jet_level, 4), (recipe.particle_level, 3)):
            build(stage.network.name, features=features, condition=9, **stage.network.options)
    else:
        build(recipe.network.name, shape=(1, 64, 64), condition=9, **recipe.network.options)


def test_overrides_replace_nested_values_and_keep_the_rest() -> None:
    plain = read_recipe(RECIPES / "tiny.toml")
    changed = read_recipe(
        RECIPES / "tiny.toml",
        ["particle_level.training.steps=7", "particle_level.network.name=transformer", "seed = 3"],
    )
    assert changed.particle_level.training.steps == 7
    assert changed.particle_level.network.name == "transformer"
    assert changed.seed == 3
    assert changed.jet_level == plain.jet_level
    assert changed.particle_level.training.batch == plain.particle_level.training.batch


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "particle_level.training.learning_rat=1",
            "particle_level.training.learning_rat.*learning_rate",
        ),
        ("partikles=30", "unknown key partikles; did you mean particles"),
        ("particle_level.training.steps=0", "particle_level.training.steps"),
        ("particle_level.training.precision=float8", "particle_level.training.precision"),
        ("kind=tracks", "kind: got 'tracks'; choose from jets, images"),
        ("seed", "key=value"),
        ("seed.x=1", "seed is a value"),
    ],
)
def test_a_wrong_key_or_value_is_named(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe(RECIPES / "tiny.toml", [override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("particles=30", "unknown key particles; choose from network.*left_out"),
        ("mirorred=['x']", "did you mean mirrored"),
        ("mirrored=['w']", "mirrored"),
        ("left_out.plane=1.5", "left_out.plane"),
        ("left_out.energy=0.5", "left_out.energy"),
        ("training.step=4", "unknown key training.step; did you mean steps"),
    ],
)
def test_a_wrong_key_of_an_image_recipe_is_named(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe(RECIPES / "tiny-images.toml", [override])


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('kind = "jets"\n')
    with pytest.raises(InputError, match="missing key jet_level"):
        read_recipe(path)
    path.write_text("seed = 1\n")
    with pytest.raises(InputError, match="missing key kind.*jets or images"):
        read_recipe(path)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.toml: cannot be read"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("kind = \n")
    with pytest.raises(InputError, match="bad.toml: not valid TOML"):
        read_recipe(tmp_path / "bad.toml")
