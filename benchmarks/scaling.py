"""How the time of training, sampling and evaluation grows with particles and with jets.

    python benchmarks/scaling.py --threads 2

One row for each of them and each number of particles and jets. Training is one pass over the jets,
sampling is per network evaluation (both of the particle-level model, random weights), evaluation is
W1M, W1P and W1EFP of one class with errors and floors. A number of jets that would take longer than
``--limit`` seconds, judged by the one before, is left out.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch

from driftline.data.clouds import JET_TYPES
from driftline.data.preprocessing import CONDITION_FEATURES
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import EulerMaruyama, sample
from driftline.metrics.evaluation import choose, evaluate
from training import step_seconds
from workload import made_up_jets, particle_denoiser, recipe

BATCH = 1000
STEPS = 2
METRICS = choose(["w1m", "w1p", "w1efp"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--particles", type=numbers, default=(30, 150), metavar="P,P,...")
    parser.add_argument("--jets", type=numbers, default=(1000, 4000, 16000), metavar="N,N,...")
    parser.add_argument("--limit", type=float, default=30.0, help="seconds of one measurement")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    denoiser = particle_denoiser(recipe())
    tasks: dict[str, Callable[[int, int], float]] = {
        "training": lambda particles, jets: training(denoiser, particles, jets),
        "sampling, per evaluation": lambda particles, jets: sampling(denoiser, particles, jets),
        "evaluation": evaluation,
    }
    evaluation(30, 200)  # compiles what is compiled
    print(f"threads {arguments.threads}, torch {torch.__version__}")
    print("| what | particles | jets | seconds | µs per jet |\n|---|---|---|---|---|")
    rows = []
    for what, measure in tasks.items():
        for particles in arguments.particles:
            per_jet = 0.0
            for jets in sorted(arguments.jets):
                if per_jet * jets > arguments.limit:
                    break
                seconds = measure(particles, jets)
                per_jet = seconds / jets
                rows.append(
                    {"what": what, "particles": particles, "jets": jets, "seconds": seconds}
                )
                print(
                    f"| {what} | {particles} | {jets:,} | {seconds:.2f} | {1e6 * per_jet:,.0f} |",
                    flush=True,
                )
    if arguments.json:
        content = {"threads": arguments.threads, "torch": torch.__version__, "rows": rows}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")


def numbers(text: str) -> tuple[int, ...]:
    """``"30,150"`` as numbers."""
    return tuple(int(part) for part in text.split(","))


def training(denoiser: Denoiser, particles: int, jets: int) -> float:
    """Wall time of one pass over the jets: median optimiser step times the number of steps."""
    batch = recipe().particle_level.training.batch
    steps = max(1, jets // batch)
    measured = min(steps, 10)
    return step_seconds(denoiser, batch, particles, torch.float32, measured) * jets / batch


def sampling(denoiser: Denoiser, particles: int, jets: int) -> float:
    """Wall time of sampling the jets, divided by the evaluations per jet."""
    result = sample(
        denoiser,
        EulerMaruyama(STEPS),
        noise=Noise(1),
        events=jets,
        shape=(particles, 3),
        condition=torch.zeros(jets, len(JET_TYPES) + CONDITION_FEATURES),
        mask=torch.ones(jets, particles, dtype=torch.bool),
        batch=BATCH,
    )
    return result.seconds / result.evaluations


def evaluation(particles: int, jets: int) -> float:
    """Wall time of W1M, W1P and W1EFP with errors and floors."""
    generated, reference = (made_up_jets(jets, particles, types=1, seed=s) for s in (1, 2))
    start = time.perf_counter()
    evaluate(generated, reference, metrics=METRICS)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
