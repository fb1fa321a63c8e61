"""Training speed: jets/s of the particle-level networks, on made-up events.

    python benchmarks/training.py --threads 2

One row a network, number of particles and precision: median over steps of a whole optimiser step.
"""

import argparse
import statistics
import time

import torch

from driftline.data.clouds import JET_TYPES
from driftline.data.preprocessing import CONDITION_FEATURES
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.objectives import DenoisingScoreMatching
from driftline.diffusion.schedules import VP
from driftline.networks import build

CONDITION = len(JET_TYPES) + CONDITION_FEATURES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--compile", action="store_true", help="compile by TorchInductor too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    print(f"threads {arguments.threads}, batch {arguments.batch}, torch {torch.__version__}")
    print("| network | parameters | particles | precision | jets/s |\n|---|---|---|---|---|")
    for name in ("epic", "transformer"):
        for particles in (30, 150):
            for precision in (torch.float32, torch.bfloat16):
                for compiled in (False, True) if arguments.compile else (False,):
                    denoiser = Denoiser(build(name, features=3, condition=CONDITION), VP())
                    parameters = sum(p.numel() for p in denoiser.parameters())
                    if compiled:
                        denoiser.network.compile()
                    seconds = step_seconds(
                        denoiser, arguments.batch, particles, precision, arguments.steps
                    )
                    label = str(precision).removeprefix("torch.") + " compiled" * compiled
                    rate = arguments.batch / seconds
                    print(f"| {name} | {parameters:,} | {particles} | {label} | {rate:,.0f} |")


def step_seconds(
    denoiser: Denoiser, batch: int, particles: int, precision: torch.dtype, steps: int
) -> float:
    """Median wall time of an optimiser step."""
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(batch, particles, 3, generator=generator)
    condition = torch.randn(batch, CONDITION, generator=generator)
    mask = torch.ones(batch, particles, dtype=torch.bool)
    t, noise = torch.rand(batch, generator=generator), torch.randn(x0.shape, generator=generator)
    objective = DenoisingScoreMatching()
    optimizer = torch.optim.AdamW(denoiser.parameters(), 1e-4, fused=True)
    seconds = []
    for _ in range(steps + 3):
        start = time.perf_counter()
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            loss = objective(denoiser, x0, t, noise, condition, mask).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[3:])


if __name__ == "__main__":
    main()
