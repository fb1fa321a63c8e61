"""Does a training term on observables help? With it and without, the same steps, paired seeds.

    python benchmarks/physics_term.py recipes/jets30.toml TRAIN/t.hdf5 TEST/t.hdf5 \
        --observables mass energy_flow --steps 2000 --seeds 3 --threads 1
    python benchmarks/physics_term.py recipes/lartpc64.toml TRAIN.hdf5 TEST.hdf5 \
        --observables charge wavelets --steps 500 --seeds 3 --events 500 --threads 1

Trained are the particle level of jets or the network of images, by the recipe's settings, without
the term and with every weight of it. A seed starts all of them from the same weights, shows them
the same events and noise, and generates from the same noise for the conditions of the same test
events. W1 is between what is generated and these events: of jets both as drawn and with the moments
imposed that generators impose.

The first table has mean and standard error over seeds; the second one the differences from no term,
seed by seed. ``error`` is the root mean square error of the clean estimate's observables, each in
units of its spread, at lambda = ln(alpha/sigma) = 1; ``ms`` the processor time of a training step.
The row ``truth`` has W1 between two halves of twice as many test events.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from driftline.data.formats import jetnet
from driftline.data.formats.detector_images import read_images
from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.data.physical import make_physical
from driftline.data.preprocessing import JetPreprocessing
from driftline.data.structure import moments_of
from driftline.diffusion.denoisers import Denoiser, expand
from driftline.diffusion.noise import Noise
from driftline.diffusion.objectives import ObservableMatching
from driftline.diffusion.objectives.pairing import Loss
from driftline.diffusion.observables import Observable
from driftline.diffusion.samplers import parse, sample
from driftline.metrics.kinds import IMAGES, JETS, EventKind
from driftline.metrics.sample import Sample
from driftline.metrics.wasserstein import wasserstein
from driftline.training.images import ImageEvents, image_observables, network_spec
from driftline.training.jets import ParticleLevelEvents, network_specs, particle_observables
from driftline.training.loop import Batch, Events, generator_for, train
from driftline.training.objectives import always
from driftline.training.physics import loss_of
from driftline.training.recipe import (
    ImageRecipe,
    JetRecipe,
    Recipe,
    Stage,
    parse_recipe,
    read_recipe,
)
from driftline.training.run import denoiser_of, levels_of

LEVEL = 1.0
"""lambda at which the error of the observables is given."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Workload:
    """What is trained and how it is judged, whatever the kind of event.

    Attributes:
        stage: of the recipe.
        spec: of the network.
        events: the training sample.
        test: the test sample, encoded, in random order.
        named: the observables that the term can have.
        kind: of event; W1 is that of its headline metrics.
        decoded: encoded events of the first test conditions, by how they are finished.
        truth: as a metric takes them, the test events from one number to another.
    """

    stage: Stage
    spec: dict[str, object]
    events: Events
    test: Events
    named: dict[str, Observable]
    kind: EventKind
    decoded: Callable[[NDArray[np.float32]], dict[str, Sample]]
    truth: Callable[[int, int], Sample]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--observables", nargs="+", required=True)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.1, 1.0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--events", type=int, default=10_000, help="that are generated")
    parser.add_argument("--sampler", default="dpm:steps=20")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--set", nargs="*", default=[], help="overrides of the recipe, key=value")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("--seeds must be two or more: errors come from their scatter")
    torch.set_num_threads(arguments.threads)

    recipe = read_recipe(arguments.recipe, arguments.set)
    make = jet_workload if isinstance(recipe, JetRecipe) else image_workload
    work = make(recipe, arguments.train, arguments.test)
    losses = {"none": loss_of(None, work.named, work.events)}
    for weight in arguments.weights:
        term = {"observables": arguments.observables, "weight": weight}
        physics = parse_recipe(recipe.model_dump(mode="json") | {"physics": term}).physics
        losses[f"weight {weight:g}"] = loss_of(physics, work.named, work.events)
    matching = list(losses.values())[-1]
    assert isinstance(matching, ObservableMatching)
    count = min(arguments.events, len(work.test) // 2)
    told = work.test.batch(torch.arange(count), generator_for(0))
    truth, other = work.truth(0, count), work.truth(count, 2 * count)

    rows = {name: list[dict[str, float]]() for name in losses}
    for seed in range(arguments.seeds):
        for name, loss in losses.items():
            denoiser = denoiser_of(recipe.model_copy(update={"seed": seed}), work.spec)
            start = time.process_time()
            validation = trained(denoiser, work, loss, arguments.steps, seed)
            spent = (time.process_time() - start) / arguments.steps
            made = sample(
                denoiser,
                parse(arguments.sampler),
                noise=Noise(seed),
                events=count,
                shape=tuple(told.x0.shape[1:]),
                condition=told.condition,
                mask=told.mask,
                batch=256,
            ).x
            row = {"ms": 1e3 * spent, "loss": validation}
            row["error"] = observable_error(denoiser, told, matching.observable)
            for how, found in work.decoded(made.numpy()).items():
                row |= {f"{key}{how}": w for key, w in distances(work, found, truth).items()}
            rows[name].append(row)
            print(name, seed, row, flush=True)

    print(f"\n{count} events, {arguments.steps} steps, {arguments.seeds} seeds\n")
    heads = list(rows["none"][0])
    found = {name: np.array([[r[head] for head in heads] for r in rows[name]]) for name in losses}
    floor = distances(work, other, truth)
    table(heads, found)
    print("| truth | " + " | ".join(f"{floor[h]:.4g}" if h in floor else "" for h in heads) + " |")
    table(heads, {f"{n} - none": found[n] - found["none"] for n in losses if n != "none"})


def jet_workload(recipe: Recipe, train: Path, test: Path) -> Workload:
    """The particle level of jets."""
    assert isinstance(recipe, JetRecipe)
    jets = jetnet.read_directory(train, particles=recipe.particles)
    tested = jetnet.read_directory(test, particles=recipe.particles)
    tested = tested[np.random.default_rng(0).permutation(len(tested))]
    p = JetPreprocessing.fit(jets, **recipe.preprocessing)
    events = ParticleLevelEvents(tested, p, False)

    def sample_of(particles: NDArray[np.float32], rows: slice) -> Sample:
        return JETS.sample(replace(tested[rows], particles=particles))

    def decoded(x: NDArray[np.float32]) -> dict[str, Sample]:
        rows = slice(len(x))
        drawn = p.decode_particles(x, tested.mask[rows], tested.labels[rows])
        finished, _ = make_physical(drawn, moments_of(events.structure[rows]))
        return {"": sample_of(drawn, rows), " imposed": sample_of(finished, rows)}

    return Workload(
        recipe.particle_level,
        network_specs(recipe, len(p.types))["particle_level"],
        ParticleLevelEvents(jets, p, recipe.reflections),
        events,
        particle_observables(p),
        JETS,
        decoded,
        lambda first, last: JETS.sample(tested[first:last]),
    )


def image_workload(recipe: Recipe, train: Path, test: Path) -> Workload:
    """The network of images."""
    assert isinstance(recipe, ImageRecipe)
    images, tested = read_images(train), read_images(test)
    tested = tested[np.random.default_rng(0).permutation(len(tested))]
    p = ImagePreprocessing.fit(images, **recipe.preprocessing)

    def sample_of(pixels: NDArray[np.float32], rows: slice) -> Sample:
        return IMAGES.sample(replace(tested[rows], pixels=pixels))

    def truth(first: int, last: int) -> Sample:  # above the threshold, as what is decoded
        rows = slice(first, last)
        return sample_of(p.decode(p.encode(tested.pixels[rows])), rows)

    return Workload(
        recipe,
        network_spec(recipe, p),
        ImageEvents(images, p, recipe.exchanged, recipe.mirrored, dict(recipe.left_out)),
        ImageEvents(tested, p),
        image_observables(p),
        IMAGES,
        lambda z: {"": sample_of(p.decode(z), slice(len(z)))},
        truth,
    )


def trained(denoiser: Denoiser, work: Workload, loss: Loss, steps: int, seed: int) -> float:
    """Train for a number of steps; the validation loss, that of denoising."""
    settings = work.stage.training
    settings = settings.model_copy(
        update={
            "steps": steps,
            "warmup": min(settings.warmup, steps // 10),
            "validate_every": 2 * steps,
            "checkpoint_every": 2 * steps,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(
            denoiser,
            work.events,
            work.test,
            levels_of(work.stage.levels),
            settings,
            seed=seed,
            out=Path(folder),
            objective=always(loss),
        )
    return outcome.validation_losses[-1][1]


@torch.no_grad()
def observable_error(denoiser: Denoiser, told: Batch, observable: Observable) -> float:
    """Root mean square error of the clean estimate's observables at ``LEVEL``."""
    total, generator = 0.0, generator_for(1)
    for rows in torch.arange(len(told.x0)).split(256):
        x0, condition, mask = (None if part is None else part[rows] for part in told)
        assert x0 is not None
        t = denoiser.schedule.time(torch.full((len(rows),), LEVEL, dtype=torch.float64)).float()
        alpha, sigma = denoiser.signal_and_noise(t, x0)
        noise = torch.randn(x0.shape, generator=generator)
        noise = noise if mask is None else noise * expand(mask, noise)
        estimate = denoiser(alpha * x0 + sigma * noise, t, condition, mask)
        missed = observable(estimate, condition, mask) - observable(x0, condition, mask)
        total += float(missed.square().mean(1).sum())
    return (total / len(told.x0)) ** 0.5


def distances(work: Workload, found: Sample, truth: Sample) -> dict[str, float]:
    """W1 by the headline metrics, each event once, a mean over the observables of a metric."""
    return {
        metric.name: float(
            np.mean(
                [
                    wasserstein(a, b)
                    for a, b in zip(metric.values(found)[0].T, metric.values(truth)[0].T)
                ]
            )
        )
        for metric in work.kind.headline_metrics
    }


def table(heads: list[str], results: dict[str, Array]) -> None:
    """Mean and standard error over seeds of arrays (seeds, columns)."""
    print("\n| term | " + " | ".join(heads) + " |\n|" + "---|" * (len(heads) + 1))
    for name, values in results.items():
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / len(values) ** 0.5
        cells = [f"{m:.4g} ± {e:.2g}" for m, e in zip(mean, error)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
