"""Which model it is: a hash of all that decides what it makes."""

import hashlib
import json
from importlib.metadata import version

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
