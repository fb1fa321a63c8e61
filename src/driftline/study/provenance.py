"""Where numbers come from: fingerprints of models and jets, versions, the machine."""

import hashlib
import json
import os
import platform
from importlib.metadata import version

import torch

from driftline.data.clouds import Jets
from driftline.generator import Generator
from driftline.study.results import Machine


def fingerprint(generator: Generator) -> str:
    """A hash of everything that decides which jets a model makes, the version of the code too."""
    digest = hashlib.sha256()
    levels = (generator.jet_level, generator.particle_level)
    constants = [
        version("driftline"),
        generator.networks,
        generator.preprocessing.to_dict(),
        *[[level.predicts, level.schedule.to_dict()] for level in levels],
    ]
    digest.update(json.dumps(constants, sort_keys=True).encode())
    for level in levels:
        for name, tensor in level.network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def fingerprint_jets(jets: Jets) -> str:
    """A hash of the jets, whatever file they come from."""
    digest = hashlib.sha256()
    for array in (jets.particles, jets.mask, jets.features):
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """Of Python and of the libraries that the numbers depend on."""
    names = ("driftline", "torch", "numpy", "scipy", "numba")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def machine(generator: Generator) -> Machine:
    """This machine, and the device that the model is on."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return Machine(
        processor=platform.processor() or platform.machine(),
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        device=str(next(generator.particle_level.parameters()).device),
    )
