"""Compare particle-level networks at equal training time, by validation loss.

    python benchmarks/architectures.py recipes/jets30.toml DATA --minutes 5 \
        epic transformer "transformer tokens=8" "epic hidden=96 expansion=2"

Each variant is a network's name with options, trained on its own by the recipe's settings for about
the same processor time: its speed is measured first, and the number of steps, and with it the decay
of the learning rate, follows from that. Processor time, because other work on the machine does not
change it. One row a variant: parameters, steps, jets per second, validation loss.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from driftline.data.formats import jetnet
from driftline.data.preprocessing import JetPreprocessing
from driftline.training.jets import ParticleLevelEvents, network_specs, split
from driftline.training.loop import Outcome, train
from driftline.training.recipe import JetRecipe, parse_recipe, read_recipe
from driftline.training.run import denoiser_of, levels_of

SPEED_STEPS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("networks", nargs="+", help='such as "epic hidden=96"')
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--set", nargs="*", default=[], help="overrides of the recipe, key=value")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    recipe = read_recipe(arguments.recipe, arguments.set)
    jets = jetnet.read_directory(arguments.data, particles=recipe.particles)
    training, validation = split(jets, recipe.validation)
    preprocessing = JetPreprocessing.fit(training, **recipe.preprocessing)
    events = ParticleLevelEvents(training, preprocessing, recipe.reflections)
    held_out = ParticleLevelEvents(validation, preprocessing, False)

    print("| network | parameters | steps | jets/s | validation loss |\n|---|---|---|---|---|")
    for text in arguments.networks:
        variant = with_network(recipe, text.split())
        run(variant, events, held_out, SPEED_STEPS)  # compiles
        # The difference: what is done once, such as validating, drops out.
        short, long = (
            processor_time(lambda n=n, v=variant: run(v, events, held_out, n))
            for n in (SPEED_STEPS, 3 * SPEED_STEPS)
        )
        seconds_a_step = (long - short) / (2 * SPEED_STEPS) / arguments.threads
        steps = round(60 * arguments.minutes / seconds_a_step)
        start = time.process_time()
        outcome, parameters = run(variant, events, held_out, steps)
        rate = outcome.events / (time.process_time() - start) * arguments.threads
        loss = outcome.validation_losses[-1][1]
        print(f"| {text} | {parameters:,} | {steps} | {rate:,.0f} | {loss:.5f} |", flush=True)


def processor_time(work: Callable[[], object]) -> float:
    """Seconds of processor time that a piece of work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def with_network(recipe: JetRecipe, words: Sequence[str]) -> JetRecipe:
    """The recipe with another particle-level network."""
    name, *options = words
    tree = recipe.model_dump(mode="json")
    values = {key: float(v) if "." in v else int(v) for key, v in (o.split("=") for o in options)}
    tree["particle_level"]["network"] = {"name": name, **values}
    return parse_recipe(tree)


def run(
    recipe: JetRecipe, events: ParticleLevelEvents, held_out: ParticleLevelEvents, steps: int
) -> tuple[Outcome, int]:
    """Train for a number of steps; the outcome and the number of parameters."""
    stage = recipe.particle_level
    spec = network_specs(recipe, len(events.preprocessing.types))["particle_level"]
    denoiser = denoiser_of(recipe, spec)
    settings = stage.training.model_copy(
        update={"steps": steps, "warmup": min(stage.training.warmup, steps // 10)}
    )
    settings = settings.model_copy(update={"validate_every": steps, "checkpoint_every": steps})
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(
            denoiser,
            events,
            held_out,
            levels_of(stage.levels),
            settings,
            seed=recipe.seed,
            out=Path(folder),
        )
    return outcome, sum(p.numel() for p in denoiser.parameters())


if __name__ == "__main__":
    main()
