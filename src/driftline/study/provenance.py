"""Where numbers come from: fingerprints of events, versions, the machine."""

import os
import platform
from importlib.metadata import version

import torch

from driftline.data.events import LabelledEvents
from driftline.fingerprint import fingerprint_arrays
from driftline.generation import EventGenerator
from driftline.metrics.kinds import kind_of
from driftline.study.results import Machine


def fingerprint_events(events: LabelledEvents) -> str:
    """A hash of the events, whatever file they come from."""
    return fingerprint_arrays(*(getattr(events, name) for name in kind_of(events).numbers))


def versions() -> dict[str, str]:
    """Of Python and of the libraries that the numbers depend on."""
    names = ("driftline", "torch", "numpy", "scipy", "numba")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def machine(generator: EventGenerator) -> Machine:
    """This machine, and the device that the model is on."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return Machine(
        processor=platform.processor() or platform.machine(),
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        device=str(_device(generator)),
    )


def _device(generator: EventGenerator) -> torch.device:
    *_, denoiser = generator.denoisers.values()
    return next(denoiser.parameters()).device
