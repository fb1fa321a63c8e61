"""Checkpoints of a training: tensors and JSON in one safetensors file, written atomically."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from driftline.errors import InputError
from driftline.output import replacing
from driftline.training.ema import EMA

_PARTS = ("network", "ema")


def save(
    path: Path,
    network: nn.Module,
    ema: EMA,
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
) -> None:
    """Write network, averages, optimiser and the JSON-able ``state`` to ``path``, atomically."""
    names = [name for name, _ in network.named_parameters()]
    tensors = {f"network.{name}": p.detach() for name, p in network.named_parameters()}
    tensors |= {f"ema.{name}": p for name, p in zip(names, ema.averages, strict=True)}
    for name, p in network.named_parameters():
        for key, value in optimizer.state.get(p, {}).items():
            tensors[f"optimizer.{key}.{name}"] = value
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with replacing(path, force=True) as temporary:
        save_file(tensors, temporary, {"state": json.dumps(state)})


def load(
    path: Path, network: nn.Module, ema: EMA, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Restore what ``save`` wrote, in place, and return the ``state``.

    Raises:
        InputError: the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}
            state = json.loads(file.metadata()["state"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a readable checkpoint ({error}); start again") from error
    _restore(path, tensors, network, ema, optimizer)
    return state


@torch.no_grad()
def _restore(
    path: Path,
    tensors: dict[str, Tensor],
    network: nn.Module,
    ema: EMA,
    optimizer: torch.optim.Optimizer,
) -> None:
    parameters = dict(network.named_parameters())
    expected = {f"{part}.{n}": p.shape for part in _PARTS for n, p in parameters.items()}
    found = {k: v.shape for k, v in tensors.items() if k.startswith(_PARTS)}
    if expected != found:
        raise InputError(f"{path}: checkpoint of another network; start again without resuming")
    for (name, p), average in zip(parameters.items(), ema.averages, strict=True):
        p.copy_(tensors[f"network.{name}"])
        average.copy_(tensors[f"ema.{name}"])
        optimizer.state[p] = {
            key.split(".", 2)[1]: _like(p, value)
            for key, value in tensors.items()
            if key.startswith("optimizer.") and key.split(".", 2)[2] == name
        }


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy on the parameter's device and, of its shape, with its order in memory.

    Fused optimisers go through parameter and moments side by side.
    """
    if value.shape != parameter.shape:
        return value.to(parameter.device, copy=True)
    return torch.empty_like(parameter, requires_grad=False).copy_(value)
