"""Training a generator of jets: a jet-level score model, then a particle-level one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from driftline.data.clouds import JET_FEATURES, PARTICLE_FEATURES, Jets
from driftline.data.formats import jetnet
from driftline.data.physical import make_physical
from driftline.data.preprocessing import (
    CONDITION_FEATURES,
    JET_LEVEL_FEATURES,
    STRUCTURE_UNIFORMS,
    JetPreprocessing,
)
from driftline.data.structure import STRUCTURE_FEATURES, mirrored, structure
from driftline.diffusion.observables import Observable
from driftline.errors import InputError
from driftline.generator import Generator
from driftline.observables.jets import JET_OBSERVABLES, of_encoded
from driftline.training.correction import Asked, Blank
from driftline.training.loop import Batch, Events, Outcome, train
from driftline.training.objectives import always
from driftline.training.physics import loss_of
from driftline.training.progress import Progress
from driftline.training.recipe import JetRecipe, Stage
from driftline.training.run import (
    check_run,
    denoiser_of,
    fitted,
    keep_source,
    levels_of,
    pairing_of,
    provenance,
    source_of,
    write_json,
)
from driftline.training.start import history_of, keep, require_known, start_of, take_weights


class JetEvents:
    """What both stages share: features and structure, encoded for every batch, and reflections.

    Args:
        jets: the sample.
        preprocessing: fitted to the training sample.
        reflections: mirror each event at random in eta and phi.
    """

    def __init__(self, jets: Jets, preprocessing: JetPreprocessing, reflections: bool) -> None:
        self.features, self.labels = jets.features, jets.labels
        self.structure = structure(jets.particles * jets.mask[..., None]).astype(np.float32)
        self.preprocessing = preprocessing
        self.reflections = reflections
        self.one_hot = torch.from_numpy(preprocessing.one_hot(jets.labels))

    def __len__(self) -> int:
        return len(self.features)

    def signs(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 2) signs of eta and phi, +1 throughout without reflections."""
        if not self.reflections:
            return torch.ones(count, 2)
        return torch.randint(0, 2, (count, 2), generator=generator).float() * 2 - 1

    def encoded(
        self, index: Tensor, signs: Tensor, generator: torch.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(B, 4) features and (B, 17) structure, encoded, mirrored and dequantised."""
        rows = index.numpy()
        labels, features = self.labels[rows], self.features[rows]
        features[:, 1] *= signs[:, 0].numpy()
        drawn = mirrored(self.structure[rows], signs.numpy())
        uniform = torch.rand(
            len(rows), 1 + STRUCTURE_UNIFORMS, generator=generator, dtype=torch.float64
        ).numpy()
        return (
            self.preprocessing.encode_features(features, labels, uniform[:, 0]),
            self.preprocessing.encode_structure(drawn, labels, uniform[:, 1:]),
        )


class JetLevelEvents(JetEvents):
    """Events of the jet-level model: (B, 21) features and structure, some of the features given.

    Given features are in the condition, one_hot ++ given values ++ given flags; they are masked out
    of the event, so that the model learns the distribution of the others. Structure is never given.

    Args:
        given: probability that an event has given features; then each is given with one half.
    """

    def __init__(
        self, jets: Jets, preprocessing: JetPreprocessing, reflections: bool, given: float
    ) -> None:
        super().__init__(jets, preprocessing, reflections)
        self.given = given

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """Events ``index`` (B,)."""
        count = len(index)
        encoded = self.encoded(index, self.signs(count, generator), generator)
        x = torch.from_numpy(np.concatenate(encoded, axis=1))
        some = torch.rand(count, 1, generator=generator) < self.given
        features = len(JET_FEATURES)
        flags = some & (torch.rand(count, features, generator=generator) < 0.5)
        values = x[:, :features] * flags
        condition = torch.cat([self.one_hot[index], values, flags.float()], dim=1)
        hidden = torch.cat([~flags, flags.new_ones(count, len(STRUCTURE_FEATURES))], dim=1)
        return Batch(x * hidden, condition, hidden)


class ParticleLevelEvents(JetEvents):
    """Events of the particle-level model: (B, P, 3), condition from ``particle_condition``."""

    def __init__(self, jets: Jets, preprocessing: JetPreprocessing, reflections: bool) -> None:
        super().__init__(jets, preprocessing, reflections)
        encode = preprocessing.encode_particles
        self.mask = torch.from_numpy(jets.mask)
        self.particles = torch.from_numpy(encode(jets.particles, jets.mask, jets.labels))
        self.mirror_offset = _mirror_offsets(preprocessing)

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """Events ``index`` (B,)."""
        signs, mask = self.signs(len(index), generator), self.mask[index]
        encoded = self.encoded(index, signs, generator)
        condition = self.preprocessing.particle_condition(self.labels[index.numpy()], *encoded)
        x = self.particles[index]
        offset = self.mirror_offset[torch.from_numpy(self.labels)[index]] * (signs - 1)
        x[..., :2] = x[..., :2] * signs[:, None] + offset[:, None] * mask[..., None]
        return Batch(x, torch.from_numpy(condition), mask)


def asked_particles(generator: Generator, labels: NDArray[np.int64]) -> Asked:
    """How the particles of jets of classes (N,) are generated.

    Their conditions are drawn by the jet level, and the moments that these tell are imposed.
    """
    p = generator.preprocessing
    drawn = generator.draw_features(len(labels), [p.types[k] for k in labels])

    def imposed(x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
        assert condition is not None and mask is not None
        told, real = condition.cpu().numpy(), mask.cpu().numpy()
        label = told[:, : len(p.types)].argmax(axis=1)
        raw = p.decode_particles(x.cpu().numpy(), real, label)
        particles, _ = make_physical(raw, p.told_moments(label, told))
        return torch.from_numpy(p.encode_particles(particles, real, label)).to(x)

    shape = p.max_particles, len(PARTICLE_FEATURES)
    return Asked(Blank(shape, drawn.condition, torch.from_numpy(drawn.mask)), imposed)


def _mirror_offsets(preprocessing: JetPreprocessing) -> Tensor:
    """(K, 2) centre/width of the odd maps of the angles: mirrored, z is -z - 2 centre/width."""
    width = np.where(preprocessing.width > 0, preprocessing.width, 1.0)
    return torch.from_numpy((preprocessing.centre / width)[:, :2].astype(np.float32))


def split(jets: Jets, fraction: float) -> tuple[Jets, Jets]:
    """Training and validation jets; the latter are the last ``fraction`` of each class.

    Raises:
        InputError: a class has fewer than 20 jets.
    """
    last = np.zeros(len(jets), dtype=bool)
    for k in np.unique(jets.labels):
        rows = np.flatnonzero(jets.labels == k)
        if len(rows) < 20:
            raise InputError(
                f"{len(rows)} jets of class {jets.types[k]} to train on; give 20 or more"
            )
        last[rows[-max(1, round(fraction * len(rows))) :]] = True
    return jets[~last], jets[last]


def particle_observables(preprocessing: JetPreprocessing) -> dict[str, Observable]:
    """The observables of encoded particles that recipes name."""
    return {name: of_encoded(own, preprocessing) for name, own in JET_OBSERVABLES.items()}


def network_specs(recipe: JetRecipe, classes: int) -> dict[str, dict[str, Any]]:
    """Name and options that build the network of each stage."""
    features, drawn = len(JET_FEATURES), JET_LEVEL_FEATURES
    return {
        "jet_level": _network_spec(recipe.jet_level, drawn, classes + 2 * features),
        "particle_level": _network_spec(
            recipe.particle_level, len(PARTICLE_FEATURES), classes + CONDITION_FEATURES
        ),
    }


def _network_spec(stage: Stage, features: int, condition: int) -> dict[str, Any]:
    options = {"features": features, "condition": condition, **stage.network.options}
    return {"name": stage.network.name, "options": options}


def train_jets(
    recipe: JetRecipe,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    device: torch.device | str = "cpu",
    progress: Callable[[str, Path], Progress] | None = None,
) -> Path:
    """Train both stages and write the generator.

    ``out`` gets ``recipe.json``, ``training-data.json`` (which events), ``preprocessing.json``, a
    checkpoint and a TensorBoard log for each stage, ``training.json`` (provenance) and
    ``model.safetensors``.

    Args:
        recipe: see ``JetRecipe``.
        data: a directory of JetNet files, one a class, or one such file.
        out: the run's directory.
        resume: continue the run in ``out``; its recipe may differ in numbers of steps only,
            its data not at all.
        device: where the networks are trained.
        progress: makes the reporter of a stage from its title and log directory.

    Returns:
        The path of the model.

    Raises:
        InputError: bad data, a run that exists (without ``resume``), or another recipe or other
            events (with it).
        TrainingError: the loss was not finite.
        KeyboardInterrupt: interrupted; checkpoints are kept.
    """
    jets = jetnet.read_directory(data, particles=recipe.particles)
    training, validation = split(jets, recipe.validation)
    check_run(out, recipe, resume)
    source = source_of(out, jets.attributes, jets.particles, jets.features, jets.labels)
    start = start_of(recipe, Generator, out)
    if start is not None:
        require_known(jets.present, start.types, data)
        most = start.preprocessing.max_particles
        if recipe.particles != most:
            raise InputError(
                f"recipe: start: {recipe.start} has jets of up to {most} particles, the recipe of "
                f"{recipe.particles}; set particles to that"
            )
    kept = out / "preprocessing.json"
    preprocessing = fitted(
        kept,
        JetPreprocessing.from_dict,
        lambda: JetPreprocessing.fit(training, **recipe.preprocessing),
        None if start is None else start.preprocessing,
    )
    networks = network_specs(recipe, len(preprocessing.types))
    denoisers = {name: denoiser_of(recipe, spec).to(device) for name, spec in networks.items()}
    if start is not None:
        take_weights("jet_level", denoisers["jet_level"], start.jet_level)
        take_weights("particle_level", denoisers["particle_level"], start.particle_level)
    levels = {
        "jet_level": levels_of(recipe.jet_level.levels),
        "particle_level": levels_of(recipe.particle_level.levels),
    }
    pairing = pairing_of(recipe)
    # All of the recipe has been understood: now the run begins.
    write_json(out / "recipe.json", recipe.model_dump(mode="json"))
    write_json(kept, preprocessing.to_dict())
    keep_source(out, source)
    keep(start, out)
    options = (preprocessing, recipe.reflections)
    stages: dict[str, tuple[Stage, Callable[[Jets], Events]]] = {
        "jet_level": (recipe.jet_level, lambda s: JetLevelEvents(s, *options, recipe.given)),
        "particle_level": (recipe.particle_level, lambda s: ParticleLevelEvents(s, *options)),
    }
    outcomes: dict[str, Outcome] = {}
    terms = {"particle_level": recipe.physics}
    for number, (name, (stage, events)) in enumerate(stages.items()):
        sample = events(training)
        loss = loss_of(terms.get(name), particle_observables(preprocessing), sample)
        outcomes[name] = train(
            denoisers[name],
            sample,
            events(validation),
            levels[name],
            stage.training,
            seed=recipe.seed + 2**32 * (number + 1),
            out=out / name,
            objective=always(pairing(loss)),
            resume=resume,
            progress=progress(name.replace("_", "-"), out / name / "log") if progress else None,
        )
    counts = np.bincount(training.labels, minlength=len(training.types))
    history = {
        "jets_per_class": dict(zip(training.types, counts.tolist(), strict=True)),
        **provenance(source, outcomes, device),
    }
    write_json(out / "training.json", history)
    card = {"recipe": recipe.model_dump(mode="json"), "training": history, **history_of(start)}
    model = out / "model.safetensors"
    Generator(**denoisers, networks=networks, preprocessing=preprocessing, card=card).save(
        model, force=True
    )
    return model
