"""Compare U-Nets for images at equal training time, by validation loss at each noise level.

    python benchmarks/image_networks.py recipes/lartpc64.toml IMAGES --minutes 2 --threads 1 \
        "packing=0 hidden=16 multipliers=1/2/4/8" "packing=1 hidden=32 multipliers=1/2/4" \
        "packing=2 hidden=64 multipliers=1/2/2" "packing=3 hidden=128 multipliers=1/2"

Each variant is the recipe's network with some options changed, trained by the recipe's settings for
about the same processor time: its speed is measured first, and the number of steps, and with it the
decay of the learning rate, follows from that. Processor time, because other work on the machine
does not change it. One row a variant; the losses are mean squared errors of the network's output,
whose target has unit variance, at fixed lambda = ln(alpha/sigma), on the same images and noise.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.objectives import DenoisingScoreMatching
from driftline.training.images import ImageEvents, network_spec, read_samples
from driftline.training.loop import generator_for, train
from driftline.training.recipe import ImageRecipe, parse_recipe, read_recipe
from driftline.training.run import denoiser_of, levels_of

SPEED_STEPS = 10
LEVELS = (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""lambda at which the loss is given."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("data", type=Path, help="file of images")
    parser.add_argument("networks", nargs="+", help='such as "packing=1 hidden=32"')
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--images", type=int, default=1024, help="for each point of the loss")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--set", nargs="*", default=[], help="overrides of the recipe, key=value")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    recipe = read_recipe(arguments.recipe, arguments.set)
    assert isinstance(recipe, ImageRecipe)
    training, validation = read_samples(arguments.data, recipe.validation)
    preprocessing = ImagePreprocessing.fit(training, **recipe.preprocessing)
    turned = recipe.exchanged, recipe.mirrored, dict(recipe.left_out)
    events = ImageEvents(training, preprocessing, *turned)
    held_out = ImageEvents(validation[: arguments.images], preprocessing)

    heads = ["network", "parameters", "MMAC", "steps", "images/s", *(f"{x:g}" for x in LEVELS)]
    print("| " + " | ".join([*heads, "mean"]) + " |\n|" + "---|" * (len(heads) + 1))
    for text in arguments.networks:
        variant = with_options(recipe, text.split())
        denoiser = denoiser_of(variant, network_spec(variant, preprocessing))
        run(variant, denoiser, events, held_out, 2)
        # The difference: what is done once, such as validating, drops out.
        short, long = (
            processor_time(lambda n=n, v=variant, d=denoiser: run(v, d, events, held_out, n))
            for n in (SPEED_STEPS, 3 * SPEED_STEPS)
        )
        seconds_a_step = (long - short) / (2 * SPEED_STEPS) / arguments.threads
        steps = round(60 * arguments.minutes / seconds_a_step)
        denoiser = denoiser_of(variant, network_spec(variant, preprocessing))
        run(variant, denoiser, events, held_out, steps)
        losses = loss_at_levels(denoiser, held_out)
        row = [
            text,
            f"{sum(p.numel() for p in denoiser.parameters()):,}",
            f"{multiplications(denoiser, held_out) / 1e6:.0f}",
            str(steps),
            f"{recipe.training.batch / seconds_a_step:,.0f}",
            *(f"{x:.4f}" for x in [*losses, sum(losses) / len(losses)]),
        ]
        print("| " + " | ".join(row) + " |", flush=True)


def with_options(recipe: ImageRecipe, words: list[str]) -> ImageRecipe:
    """The recipe with other options of its network, ``key=value``, lists as ``1/2/4``."""
    options: dict[str, Any] = dict(recipe.network.options)
    for key, text in (word.split("=") for word in words):
        values = [int(part) for part in text.split("/")]
        options[key] = values if key == "multipliers" else values[0]
    tree = recipe.model_dump(mode="json")
    tree["network"] = {"name": recipe.network.name, **options}
    changed = parse_recipe(tree)
    assert isinstance(changed, ImageRecipe)
    return changed


def run(
    recipe: ImageRecipe,
    denoiser: Denoiser,
    events: ImageEvents,
    held_out: ImageEvents,
    steps: int,
) -> None:
    """Train for a number of steps."""
    every = {"validate_every": 2 * steps, "checkpoint_every": 2 * steps}
    settings = recipe.training.model_copy(
        update={"steps": steps, "warmup": min(recipe.training.warmup, steps // 10), **every}
    )
    with tempfile.TemporaryDirectory() as folder:
        levels = levels_of(recipe.levels)
        train(denoiser, events, held_out, levels, settings, seed=recipe.seed, out=Path(folder))


@torch.no_grad()
def loss_at_levels(denoiser: Denoiser, events: ImageEvents, batch: int = 128) -> list[float]:
    """Mean loss at each of ``LEVELS``."""
    objective, generator = DenoisingScoreMatching(), generator_for(0)
    totals = torch.zeros(len(LEVELS), dtype=torch.float64)
    for index in torch.arange(len(events)).split(batch):
        x0, condition, mask = events.batch(index, generator)
        noise = torch.randn(x0.shape, generator=generator)
        for k, level in enumerate(LEVELS):
            t = denoiser.schedule.time(torch.full((len(x0),), level, dtype=torch.float64))
            loss = objective(denoiser, x0, t.clamp(0, 1).float(), noise, condition, mask)
            totals[k] += loss.sum()
    return (totals / len(events)).tolist()


def multiplications(denoiser: Denoiser, events: ImageEvents) -> float:
    """Multiply-adds of one evaluation of one image."""
    x0, condition, _ = events.batch(torch.arange(1), generator_for(0))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        denoiser(x0, torch.full((1,), 0.5), condition)
    return counter.get_total_flops() / 2


def processor_time(work: Callable[[], object]) -> float:
    """Seconds of processor time that a piece of work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
