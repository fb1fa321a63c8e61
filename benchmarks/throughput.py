"""Jets a second in training, sampling and simulation, and the time of an evaluation.

    python benchmarks/throughput.py --threads 2

One row each, on this machine. Training and sampling use the networks of ``recipes/jets30.toml``
(with random weights unless a model is named), evaluation made-up jets: times do not depend on what
the numbers are. Simulation is real, with process start and Pythia's initialisation in it.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from driftline.data.clouds import JET_TYPES
from driftline.diffusion.samplers import DPMSolver, EulerMaruyama
from driftline.metrics.evaluation import choose, evaluate
from training import step_seconds
from workload import generator, made_up_jets, particle_denoiser, recipe


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    jets: int
    seconds: float

    @property
    def rate(self) -> float:
        """Jets a second."""
        return self.jets / self.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help="name or path; by default the recipe's, random weights")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--jets", type=int, default=1000, help="to sample, in one batch")
    parser.add_argument("--evaluation-jets", type=int, default=10_000, help="on each side")
    parser.add_argument(
        "--simulation-jets", type=int, default=2000, help="a class; a core makes 1000 at a time"
    )
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    print(
        f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"threads {arguments.threads}, torch {torch.__version__}"
    )
    print("| what | jets | seconds | jets/s |\n|---|---|---|---|")
    rows: list[Row] = []

    def add(what: str, jets: int, seconds: float) -> None:
        rows.append(Row(what, jets, seconds))
        print(f"| {what} | {jets:,} | {seconds:.2f} | {rows[-1].rate:,.0f} |", flush=True)

    batch = recipe().particle_level.training.batch
    step = step_seconds(particle_denoiser(recipe()), batch, 30, torch.float32, steps=10)
    add("training, one step of the particle level, float32", batch, step)
    model = generator(arguments.model)
    count = arguments.jets
    seconds = model.generate(count, sampler=EulerMaruyama(2), batch=count).seconds / 2
    add("sampling, one evaluation of each level", count, seconds)
    seconds = model.generate(count, sampler=DPMSolver(30), batch=count).seconds
    add("sampling, DPM-Solver++(2M) of 30 evaluations", count, seconds)
    fast = model.accelerated()
    fast.generate(count, sampler=DPMSolver(1), batch=count)  # compiles
    seconds = fast.generate(count, sampler=DPMSolver(30), batch=count).seconds
    add("the same, compiled and in bfloat16 (--fast)", count, seconds)
    count = arguments.evaluation_jets
    add("evaluation, W1M + W1P + W1EFP, one class", count, evaluation(count))
    if arguments.simulation_jets:
        for jet_type in JET_TYPES:
            seconds = simulation(jet_type, arguments.simulation_jets)
            add(f"simulation, {jet_type}", arguments.simulation_jets, seconds)
    if arguments.json:
        content = {
            "threads": arguments.threads,
            "torch": torch.__version__,
            "rows": [{**asdict(row), "jets_per_second": row.rate} for row in rows],
        }
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")


def timed(work: Callable[[], object]) -> float:
    """Wall time of a piece of work."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def evaluation(count: int) -> float:
    """Wall time of W1M, W1P and W1EFP of ``count`` jets, with bootstrap errors and floors."""
    metrics = choose(["w1m", "w1p", "w1efp"])
    small = [made_up_jets(200, types=1, seed=seed) for seed in (3, 4)]
    evaluate(*small, metrics=metrics)  # compiles what is compiled
    generated, reference = (made_up_jets(count, types=1, seed=seed) for seed in (1, 2))
    return timed(lambda: evaluate(generated, reference, metrics=metrics))


def simulation(jet_type: str, count: int) -> float:
    """Wall time of simulating ``count`` jets on all cores."""
    from driftline.simulation.pythia import simulate_jets

    return timed(lambda: simulate_jets(jet_type, count, particles=30, seed=1))


if __name__ == "__main__":
    main()
