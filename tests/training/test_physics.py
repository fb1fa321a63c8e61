"""The table ``physics`` of a recipe, and trainings with the term that it asks for."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from driftline.data.clouds import Jets
from driftline.data.formats import image_file
from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.data.preprocessing import JetPreprocessing
from driftline.diffusion.objectives import DenoisingScoreMatching, ObservableMatching
from driftline.errors import InputError
from driftline.generator import Generator
from driftline.image_generator import ImageGenerator
from driftline.observables.jets import JET_OBSERVABLES
from driftline.training.images import image_observables, train_images
from driftline.training.jets import ParticleLevelEvents, particle_observables, train_jets
from driftline.training.physics import loss_of, observed
from driftline.training.recipe import ImagePhysics, JetPhysics, read_recipe
from made_images import made_images

RECIPES = Path(__file__).parents[2] / "recipes"
JETS, IMAGES = RECIPES / "tiny.toml", RECIPES / "tiny-images.toml"


def test_it_is_off_unless_asked_for(toy_jets: Jets) -> None:
    for path in sorted(RECIPES.glob("*.toml")):
        assert read_recipe(path).physics is None
    p = JetPreprocessing.fit(toy_jets)
    events = ParticleLevelEvents(toy_jets, p, True)
    assert loss_of(None, particle_observables(p), events) == DenoisingScoreMatching()


def test_a_recipe_may_name_every_observable_that_there_is() -> None:
    named = image_observables(ImagePreprocessing.fit(made_images(20, planes=1, size=16)))
    jets = set(JET_OBSERVABLES) - {"subjettiness"}  # its axes are found outside of torch
    for section, table in ((JetPhysics, jets), (ImagePhysics, named)):
        names = get_args(get_args(section.model_fields["observables"].annotation)[0])
        assert set(names) == set(table)


@pytest.mark.parametrize(
    ("path", "override", "message"),
    [
        (JETS, "physics.weight=1", "missing key physics.observables; add it"),
        (JETS, "physics={observables=[]}", "physics.observables: .*at least 1"),
        (JETS, "physics={observables=['charge']}", "physics.observables.0: .*'correlator' or 's"),
        (IMAGES, "physics={observables=['mass']}", "physics.observables.0: .*'spectrum' or 'top"),
        (JETS, "physics={observables=['mass'], wieght=1}", "physics.wieght; did you mean weight"),
        (JETS, "physics={observables=['mass'], weight=0}", "physics.weight.*greater than 0"),
        (IMAGES, "physics={observables=['charge'], level=inf}", "physics.level.*finite"),
    ],
)
def test_a_wrong_key_or_value_is_named(path: Path, override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe(path, [override])


def test_observables_are_standardised_over_the_training_sample(toy_jets: Jets) -> None:
    p = JetPreprocessing.fit(toy_jets)
    events = ParticleLevelEvents(toy_jets, p, True)
    physics = JetPhysics(observables=("energy_flow", "mass"), weight=0.3)
    first, again = (loss_of(physics, particle_observables(p), events) for _ in range(2))
    assert isinstance(first, ObservableMatching) and isinstance(again, ObservableMatching)
    assert first.weight == 0.3
    found = observed(first.observable, events)
    assert found.shape == (1000, 8)
    torch.testing.assert_close(found.std(0), torch.ones(8), rtol=1e-2, atol=0)
    assert torch.equal(found, observed(again.observable, events))  # as a resumed run needs


def test_jets_are_trained_with_it(toy_data: Path, tmp_path: Path) -> None:
    short = [f"{level}.training.steps=4" for level in ("jet_level", "particle_level")]
    asked = ["physics.observables=['mass','energy_flow']"]
    bfloat = ["particle_level.training.precision=bfloat16"]
    models = [
        Generator.load(train_jets(read_recipe(JETS, [*short, *more]), toy_data, tmp_path / name))
        for name, more in (("with", [*asked, *bfloat]), ("without", bfloat))
    ]
    states = [model.particle_level.state_dict() for model in models]
    assert any(not torch.equal(states[0][name], states[1][name]) for name in states[0])
    # The jet level knows nothing of it.
    states = [model.jet_level.state_dict() for model in models]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert models[0].card["recipe"]["physics"]["observables"] == ["mass", "energy_flow"]


def test_images_are_trained_with_it_together_with_a_pairing(tmp_path: Path) -> None:
    made = replace(made_images(60, planes=1, size=16), event=np.arange(60))
    image_file.write(tmp_path / "images.hdf5", made)
    asked = ["physics.observables=['charge','wavelets']", "pairing.name=transport"]
    recipe = read_recipe(IMAGES, ["training.steps=3", *asked])
    model = train_images(recipe, tmp_path / "images.hdf5", tmp_path / "run")
    losses = ImageGenerator.load(model).card["training"]["stages"]["image"]["validation_losses"]
    assert np.isfinite(losses[-1][1])
