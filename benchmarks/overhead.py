"""What sampling costs beyond the network: wall time / (evaluations x bare network forward).

    python benchmarks/overhead.py --threads 2

For each sampler the particle-level model is run in pairs: sample one batch, then call its network
alone as often, with inputs of the same shapes prepared beforehand. The table gives the median ratio
of a pair's wall times and its range, and beside it the median ratio of the CPU times, which other
work on the machine disturbs less.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import driftline
from driftline.data.clouds import JET_TYPES
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    DPMSolver,
    EulerMaruyama,
    PredictorCorrector,
    Sampler,
    sample,
)
from workload import particle_denoiser, recipe

GOAL = 1.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help="name or path; by default the recipe's, random weights")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--particles", type=int, default=30)
    parser.add_argument("--steps", type=int, default=10, help="evaluations of each sampler")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    denoiser = (
        driftline.load(arguments.model).particle_level
        if arguments.model
        else particle_denoiser(recipe())
    )
    samplers: dict[str, Sampler] = {
        "EM": EulerMaruyama(arguments.steps),
        "PC": PredictorCorrector(max(1, arguments.steps // 2)),
        "DPM-Solver++(2M)": DPMSolver(arguments.steps),
    }
    batch, particles = arguments.batch, arguments.particles
    print(
        f"threads {arguments.threads}, batch {batch}, particles {particles}, "
        f"torch {torch.__version__}"
    )
    print(
        f"| sampler | evaluations | bare forward [ms] | ratio (goal {GOAL}) | range | of CPU time |"
    )
    print("|---|---|---|---|---|---|")
    rows = []
    for name, sampler in samplers.items():
        row = overhead(denoiser, sampler, batch, particles, arguments.pairs)
        rows.append({"sampler": name, **row})
        print(
            f"| {name} | {row['evaluations']} | {1000 * row['forward_seconds']:.1f} "
            f"| {row['ratio']:.3f} | {row['lowest']:.3f}-{row['highest']:.3f} "
            f"| {row['cpu_ratio']:.3f} |",
            flush=True,
        )
    if arguments.json:
        settings = {"threads": arguments.threads, "batch": batch, "particles": particles}
        content = {**settings, "torch": torch.__version__, "rows": rows}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")


def overhead(
    denoiser: Denoiser, sampler: Sampler, batch: int, particles: int, pairs: int
) -> dict[str, float]:
    """Ratio of sampling time to bare network time: median and range over pairs."""
    generator = torch.Generator().manual_seed(0)
    condition = torch.randn(batch, len(JET_TYPES) + 4, generator=generator)
    mask = torch.ones(batch, particles, dtype=torch.bool)
    x = torch.randn(batch, particles, 3, generator=generator)
    c_noise = torch.zeros(batch)

    def sampling() -> int:
        result = sample(
            denoiser,
            sampler,
            noise=Noise(1),
            events=batch,
            shape=(particles, 3),
            condition=condition,
            mask=mask,
            batch=batch,
        )
        return result.calls

    calls = sampling()  # also warms up

    @torch.no_grad()
    def bare() -> Tensor:
        for _ in range(calls):
            y = denoiser.network(x, c_noise, condition, mask)
        return y

    bare()
    times = [(seconds(sampling), seconds(bare)) for _ in range(pairs)]
    ratios = [whole[0] / network[0] for whole, network in times]
    return {
        "evaluations": calls,
        "forward_seconds": statistics.median(network[0] for _, network in times) / calls,
        "cpu_ratio": statistics.median(whole[1] / network[1] for whole, network in times),
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Wall time and CPU time of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
