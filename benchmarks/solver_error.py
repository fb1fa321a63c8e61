"""Solver error apart from model error: differences from RK45(1e-5) at equal noise.

python benchmarks/solver_error.py [--model jets30] [--count 150]
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

import driftline
from driftline.data.preprocessing import STRUCTURE_UNIFORMS
from driftline.data.shipped import read_reference
from driftline.data.structure import structure
from driftline.diffusion.grids import Karras, UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    DPMSolver,
    ProbabilityFlowRK45,
    Result,
    Sampler,
    sample,
)


def main(
    model: str = "jets30",
    reference: Path = Path("jets30"),
    types: str = "q,t",
    count: Annotated[int, typer.Option(min=1, help="Jets of each class.")] = 150,
    seed: int = 3,
) -> None:
    """Print evaluations, RMS and median difference of particle features, features of jets given."""
    generator = driftline.load(model)
    jets = read_reference(reference, types.split(","), count=count)
    constants = generator.preprocessing
    middle = np.full((len(jets), STRUCTURE_UNIFORMS), 0.5)
    features = constants.encode_features(jets.features, jets.labels, middle[:, 0])
    drawn = structure(jets.particles).astype(np.float32)
    drawn = constants.encode_structure(drawn, jets.labels, middle)
    condition = constants.particle_condition(jets.labels, features, drawn)
    mask = torch.from_numpy(jets.mask)

    def run(sampler: Sampler) -> Result:
        return sample(
            generator.particle_level,
            sampler,
            noise=Noise(seed),
            events=len(jets),
            shape=(mask.shape[1], 3),
            condition=torch.from_numpy(condition),
            mask=mask,
            batch=1000,
        )

    fine = run(ProbabilityFlowRK45(1e-5))
    print(f"RK45(1e-5): {fine.evaluations:g} evaluations")
    grids = (UniformLogSNR(2e-3), UniformLogSNR(), UniformLogSNR(1e-2), Karras(noise_end=2e-3))
    samplers = [
        ProbabilityFlowRK45(1e-3),
        *(DPMSolver(steps, 2, grid) for steps in (20, 30, 40) for grid in grids),
    ]
    for sampler in samplers:
        result = run(sampler)
        difference = (result.x - fine.x)[mask]
        print(
            f"{result.evaluations:5g} evaluations  rms {difference.square().mean().sqrt():.4f}  "
            f"median {difference.abs().median():.4f}  {sampler}"
        )


if __name__ == "__main__":
    typer.run(main)
