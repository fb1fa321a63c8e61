"""Networks: torch modules called as ``network(x, c_noise, condition, mask)``."""

import inspect
from typing import Any

from torch import nn

from driftline.errors import InputError
from driftline.networks.accelerated import Accelerated
from driftline.networks.epic import EPiC
from driftline.networks.precision import has_bfloat16
from driftline.networks.resnet import ResNet
from driftline.networks.transformer import InducedTransformer
from driftline.networks.unet import UNet

__all__ = [
    "NETWORKS",
    "Accelerated",
    "EPiC",
    "InducedTransformer",
    "ResNet",
    "UNet",
    "build",
    "has_bfloat16",
]

NETWORKS: dict[str, type[nn.Module]] = {
    "epic": EPiC,
    "transformer": InducedTransformer,
    "resnet": ResNet,
    "unet": UNet,
}
"""Names under which recipes and model files know the networks."""


def build(name: str, **options: Any) -> nn.Module:
    """A new network of the given name.

    Args:
        name: a key of ``NETWORKS``.
        options: arguments of the network.

    Raises:
        InputError: the name or an option is unknown, or an option is missing.
    """
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}: choose from {', '.join(NETWORKS)}")
    network = NETWORKS[name]
    signature = inspect.signature(network)
    unknown = [key for key in options if key not in signature.parameters]
    if unknown:
        raise InputError(
            f"unknown option {unknown[0]!r} of network {name!r}: "
            f"choose from {', '.join(signature.parameters)}"
        )
    try:
        signature.bind(**options)
    except TypeError as error:
        raise InputError(f"network {name!r}: {error}") from error
    return network(**options)
