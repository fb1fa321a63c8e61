"""What sampling costs beyond the network: its time / (evaluations x bare network forward).

    python benchmarks/overhead.py --threads 1 [--sampler unipc --sampler rk45] [--pairs 7]

Every sampler of ``SAMPLERS`` (or those named) runs with few evaluations on a batch of the particle
level of a model. "Of its parts" is 1 + (time of the same with a network that costs nothing) /
(evaluations x bare forward), in processor time: the machine's mood, which is 10%, enters the small
part only. With ``--pairs`` also the whole thing, wall time of sampling the batch and of calling the
network alone with inputs of the same shapes, in turns: the median ratio and its range. Events of
adaptive samplers that are done leave the batch: an evaluation is one of all events.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import SAMPLERS, Sampler, parse, sample
from workload import generator

FIXED, ADAPTIVE = 1.05, 1.15
"""Goals for samplers of fixed steps, and for adaptive ones."""

FEW = {
    "pc": "steps=5", "heun": "steps=6", "midpoint": "steps=6", "rk4": "steps=4", "edm": "steps=6",
    "restart": "steps=4,restarts=1,inner=2,high=20", "langevin": "steps=9",
    "poster-pc": "steps=60",
    "consistent": "levels=10", "annealed": "levels=5,repeats=2",
    "adaptive-sde": "absolute=0.5,relative=0.5",
    "rk45": "tolerance=0.1", "rk23": "tolerance=0.1", "dop853": "tolerance=0.1",
    "bespoke": f"steps=10,weights={'/'.join(55 * ['0.1'])}",
    "dopri5": "tolerance=0.1", "dpm23": "tolerance=0.2,absolute=0.2",
}  # fmt: skip
"""Settings for about ten evaluations, or for as few as an adaptive sampler takes."""


def few(name: str) -> Sampler:
    """A sampler with few evaluations."""
    return parse(f"{name}:{FEW.get(name, 'steps=10')}")


def goal(sampler: Sampler) -> float:
    """The ratio that the sampler should not exceed."""
    return ADAPTIVE if hasattr(sampler, "max_evaluations") else FIXED


REPETITIONS = 5
"""Of sampling with a network that costs nothing."""


class Free(nn.Module):
    """A network that costs nothing: it answers zero, which makes the denoiser one of normals."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, *context: Tensor | None) -> Tensor:
        return torch.zeros_like(x)


@dataclass(frozen=True)
class Load:
    """One batch of jets for the particle level of a model.

    Attributes:
        denoiser: the particle level.
        condition: (B, C).
        mask: (B, P).
    """

    denoiser: Denoiser
    condition: Tensor
    mask: Tensor

    def sample(self, sampler: Sampler) -> float:
        """Sample the batch; returns evaluations of the mean event."""
        events, particles = self.mask.shape
        return sample(
            self.denoiser,
            sampler,
            noise=Noise(1),
            events=events,
            shape=(particles, 3),
            condition=self.condition,
            mask=self.mask,
            batch=events,
        ).evaluations

    def free(self) -> "Load":
        """The same with a network that costs nothing."""
        denoiser = Denoiser(Free(), self.denoiser.schedule, self.denoiser.predicts)
        return replace(self, denoiser=denoiser)

    def bare(self) -> Callable[[int], None]:
        """A function that calls the network so many times."""
        events, particles = self.mask.shape
        x = torch.randn(events, particles, 3, generator=torch.Generator().manual_seed(0))
        c_noise = torch.zeros(events)

        @torch.no_grad()
        def forward(count: int) -> None:
            for _ in range(count):
                self.denoiser.network(x, c_noise, self.condition, self.mask)

        return forward


def load(model: str | None, batch: int, particles: int) -> Load:
    """Random conditions for a model by name or path, or the recipe's with random weights."""
    made = generator(model, particles)
    width: int = made.networks["particle_level"]["options"]["condition"]
    condition = torch.randn(batch, width, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(batch, particles, dtype=torch.bool)
    return Load(made.particle_level, condition, mask)


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def of_parts(free: Load, sampler: Sampler, forward: float) -> float:
    """1 + own time of a sampler in units of the bare forward's, both processor time.

    Args:
        free: the load with a network that costs nothing.
        sampler: it may take other evaluations there; its time is told for one.
        forward: seconds of a bare forward.
    """
    free.sample(sampler)  # warms up
    runs = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        evaluations = free.sample(sampler)
        runs.append((time.process_time() - start) / evaluations)
    return 1 + statistics.median(runs) / forward


def of_whole(
    whole: Callable[[], float], bare: Callable[[int], None], pairs: int
) -> dict[str, float]:
    """Ratio of sampling time to bare network time per evaluation: median and range over pairs.

    Args:
        whole: samples, and returns the evaluations.
        bare: calls the network alone so many times.
        pairs: how many of both.
    """
    evaluations = whole()  # also warms up
    count = max(1, min(round(evaluations), 20))
    bare(1)
    times = [(seconds(whole), seconds(lambda: bare(count))) for _ in range(pairs)]
    ratios = [count / evaluations * total / network for total, network in times]
    return {"whole": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def measured(job: Load, names: list[str], pairs: int) -> Iterator[dict[str, Any]]:
    """A row for every sampler; prints them as they come."""
    bare, free = job.bare(), job.free()
    bare(1)
    start = time.process_time()
    bare(10)
    forward = (time.process_time() - start) / 10
    print(f"bare forward: {1000 * forward:.1f} ms of processor time\n")
    head = ["sampler", "of its parts", "goal", *(["of the whole", "range"] if pairs else [])]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name in names:
        sampler = few(name)
        row: dict[str, Any] = {"parts": of_parts(free, sampler, forward)}
        cells = [name, f"{row['parts']:.3f}", str(goal(sampler))]
        if pairs:
            row |= of_whole(lambda: job.sample(sampler), bare, pairs)  # noqa: B023, called here
            cells += [f"{row['whole']:.3f}", f"{row['lowest']:.3f}-{row['highest']:.3f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
        yield {"sampler": name, "goal": goal(sampler), **row}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help="name or path; by default the recipe's, random weights")
    parser.add_argument("--sampler", action="append", choices=SAMPLERS, help="by default all")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--particles", type=int, default=30)
    parser.add_argument("--pairs", type=int, default=0, help="of the whole")
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    batch, particles = arguments.batch, arguments.particles
    print(
        f"threads {arguments.threads}, batch {batch}, particles {particles}, "
        f"torch {torch.__version__}\n"
    )
    job = load(arguments.model, batch, particles)
    rows = list(measured(job, arguments.sampler or list(SAMPLERS), arguments.pairs))
    if arguments.json:
        settings = {"threads": arguments.threads, "batch": batch, "particles": particles}
        content = {**settings, "torch": torch.__version__, "rows": rows}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
