"""Which model it is, and which events: hashes of all that tells them from others."""

import hashlib
import json
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.generation import EventGenerator


def fingerprint(generator: EventGenerator) -> str:
    """A hash of everything that decides which events a model makes, the version of the code too."""
    digest = hashlib.sha256()
    constants = [version("driftline"), generator.constants]
    digest.update(json.dumps(constants, sort_keys=True).encode())
    for denoiser in generator.denoisers.values():
        for name, tensor in denoiser.network.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def fingerprint_arrays(*arrays: NDArray[Any]) -> str:
    """A hash of numbers, whatever file they come from."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)  # gigabytes are not copied
    return digest.hexdigest()[:16]
