"""Which objective, schedule or training term is better? Variants of a recipe over paired seeds.

    python benchmarks/recipe_variants.py recipes/jets30.toml TRAIN TEST --steps 1500 \
        --variant flow 'schedule={name="Linear"}' predicts=flow \
        --variant "mass, 0.1" 'physics={observables=["mass"],weight=0.1}' \
        --samplers dpm:steps=4 dpm:steps=20 --threads 1

Trained are the particle level of jets or the network of images, by the recipe ("as it is") and by
every variant of it, a name and overrides of ``VARIED`` keys. A seed starts all of them from the
same weights, shows them the same events and noise, and generates from the same noise for the
conditions of the same test events. W1 is between what is generated and these events: of jets both
as drawn and with the moments imposed that generators impose.

The first table of a sampler has mean and standard error over seeds; the second one the differences
from the recipe as it is, seed by seed. ``ms`` is the processor time of a training step; with
``--observables``, ``error`` is the root mean square error of the clean estimate's observables, each
in units of its spread, at lambda = ln(alpha/sigma) = 1. The row ``truth`` has W1 between two halves
of twice as many test events.
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
from driftline.diffusion.objectives.pairing import Loss
from driftline.diffusion.observables import Joined, Observable, standardised
from driftline.diffusion.samplers import parse, sample
from driftline.metrics.kinds import IMAGES, JETS, EventKind
from driftline.metrics.sample import Sample
from driftline.metrics.wasserstein import wasserstein
from driftline.training.images import ImageEvents, image_observables, network_spec
from driftline.training.jets import ParticleLevelEvents, network_specs, particle_observables
from driftline.training.loop import Batch, Events, generator_for, train
from driftline.training.objectives import always
from driftline.training.physics import loss_of, observed
from driftline.training.recipe import (
    ImageRecipe,
    JetRecipe,
    Recipe,
    Stage,
    read_recipe,
)
from driftline.training.run import denoiser_of, levels_of, pairing_of

AS_IT_IS = "as it is"

VARIED = ("schedule", "predicts", "pairing", "physics")
"""Keys of a recipe that variants may change; network, data, levels and training are shared."""

LEVEL = 1.0
"""lambda at which the error of the observables is given."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Workload:
    """What is trained and how it is judged, whatever the kind of event.

    Attributes:
        spec: of the network.
        events: the training sample.
        test: the test sample, encoded, in random order.
        named: the observables that the term can have.
        kind: of event; W1 is that of its headline metrics.
        decoded: encoded events of the first test conditions, by how they are finished.
        truth: as a metric takes them, the test events from one number to another.
    """

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
    parser.add_argument("--variant", nargs="+", action="append", default=[], metavar="NAME KEY=VAL")
    parser.add_argument("--set", nargs="*", default=[], help="overrides of all, key=value")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--events", type=int, default=10_000, help="that are generated")
    parser.add_argument("--samplers", nargs="+", default=["dpm:steps=20"])
    parser.add_argument("--observables", nargs="+", default=[], help="whose error is given")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("--seeds must be two or more: errors come from their scatter")
    torch.set_num_threads(arguments.threads)

    variants = {AS_IT_IS: read_recipe(arguments.recipe, arguments.set)}
    for name, *changes in arguments.variant:
        if name in variants:
            parser.error(f"--variant {name}: is there already; choose another name")
        variants[name] = read_recipe(arguments.recipe, [*arguments.set, *changes])
        if shared(variants[name]) != shared(variants[AS_IT_IS]):
            parser.error(f"--variant {name}: may change {', '.join(VARIED)}; --set is for the rest")
    make = jet_workload if isinstance(variants[AS_IT_IS], JetRecipe) else image_workload
    work = make(variants[AS_IT_IS], arguments.train, arguments.test)
    losses = {
        name: pairing_of(recipe)(loss_of(recipe.physics, work.named, work.events))
        for name, recipe in variants.items()
    }
    judged = None
    if arguments.observables:
        joined = Joined(tuple(work.named[name] for name in arguments.observables))
        judged = standardised(joined, observed(joined, work.events))
    count = min(arguments.events, len(work.test) // 2)
    told = work.test.batch(torch.arange(count), generator_for(0))
    truth, other = work.truth(0, count), work.truth(count, 2 * count)

    rows = {
        (text, name): list[dict[str, float]]() for text in arguments.samplers for name in losses
    }
    for seed in range(arguments.seeds):
        for name, loss in losses.items():
            recipe = variants[name].model_copy(update={"seed": seed})
            denoiser = denoiser_of(recipe, work.spec)
            start = time.process_time()
            trained(denoiser, work, stage_of(recipe), loss, arguments.steps, seed)
            row = {"ms": 1e3 * (time.process_time() - start) / arguments.steps}
            if judged is not None:
                row["error"] = observable_error(denoiser, told, judged)
            for text in arguments.samplers:
                found = generated(work, denoiser, text, told, truth, seed)
                rows[text, name].append(row | found)
                print(text, name, seed, rows[text, name][-1], flush=True)

    print(f"\n{count} events, {arguments.steps} steps, {arguments.seeds} seeds")
    floor = distances(work, other, truth)
    for text in arguments.samplers:
        heads = list(rows[text, AS_IT_IS][0])
        values = {
            name: np.array([[row[head] for head in heads] for row in rows[text, name]])
            for name in losses
        }
        print(f"\n{text}")
        table(heads, values)
        ends = (f"{floor[head]:.4g}" if head in floor else "" for head in heads)
        print("| truth | " + " | ".join(ends) + " |")
        table(heads, {f"{n} - it": values[n] - values[AS_IT_IS] for n in losses if n != AS_IT_IS})


def shared(recipe: Recipe) -> dict[str, object]:
    """What of a recipe is the same for all variants, so that they can be compared."""
    return recipe.model_dump(exclude=set(VARIED))


def stage_of(recipe: Recipe) -> Stage:
    """What of a recipe is trained here."""
    return recipe.particle_level if isinstance(recipe, JetRecipe) else recipe


def generated(
    work: Workload, denoiser: Denoiser, sampler: str, told: Batch, truth: Sample, seed: int
) -> dict[str, float]:
    """W1 of what a network generates for the conditions of the test events."""
    made = sample(
        denoiser,
        parse(sampler),
        noise=Noise(seed),
        events=len(told.x0),
        shape=tuple(told.x0.shape[1:]),
        condition=told.condition,
        mask=told.mask,
        batch=256,
    ).x
    each = {how: distances(work, x, truth) for how, x in work.decoded(made.numpy()).items()}
    return {f"{key}{how}": w for how, found in each.items() for key, w in found.items()}


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
        network_spec(recipe, p),
        ImageEvents(images, p, recipe.exchanged, recipe.mirrored, dict(recipe.left_out)),
        ImageEvents(tested, p),
        image_observables(p),
        IMAGES,
        lambda z: {"": sample_of(p.decode(z), slice(len(z)))},
        truth,
    )


def trained(
    denoiser: Denoiser, work: Workload, stage: Stage, loss: Loss, steps: int, seed: int
) -> None:
    """Train for a number of steps."""
    settings = stage.training
    settings = settings.model_copy(
        update={
            "steps": steps,
            "warmup": min(settings.warmup, steps // 10),
            "validate_every": 2 * steps,
            "checkpoint_every": 2 * steps,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        train(
            denoiser,
            work.events,
            work.test,
            levels_of(stage.levels),
            settings,
            seed=seed,
            out=Path(folder),
            objective=always(loss),
        )


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
                    wasserstein(a, b, metric.period)
                    for a, b in zip(metric.values(found)[0].T, metric.values(truth)[0].T)
                ]
            )
        )
        for metric in work.kind.headline_metrics
    }


def table(heads: list[str], results: dict[str, Array]) -> None:
    """Mean and standard error over seeds of arrays (seeds, columns)."""
    print("\n| recipe | " + " | ".join(heads) + " |\n|" + "---|" * (len(heads) + 1))
    for name, values in results.items():
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / len(values) ** 0.5
        cells = [f"{m:.4g} ± {e:.2g}" for m, e in zip(mean, error)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
