"""What the shipped segmentation network, SSNet, makes of images.

Pixels without charge are background, whatever the network says. Images are evaluated in batches of
one fixed size, filled up with empty ones, so that the numbers of an image are the same, to the bit,
whichever others it is evaluated with.
"""

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from driftline import modelfile
from driftline.data.images import SEGMENTS
from driftline.errors import InputError
from driftline.networks.ssnet import SSNet

Array = NDArray[np.float64]

SHIPPED = "ssnet64"
BACKGROUND, TRACK, SHOWER = range(len(SEGMENTS))

_BATCH = 64


def read_ssnet(path: Path) -> tuple[SSNet, dict[str, Any]]:
    """A segmentation network in evaluation mode, and the card of its file.

    Raises:
        InputError: the file is no segmentation network.
    """
    header = modelfile.read_header(path)
    if header.get("kind") != "ssnet":
        raise InputError(
            f"{path}: field kind is {header.get('kind')!r}, not 'ssnet'; "
            "give a file made by driftline train-ssnet"
        )
    network = SSNet(**header["network"])
    network.load_state_dict(modelfile.read_tensors(path))
    return network.eval().requires_grad_(False), header["card"]


@lru_cache(maxsize=1)
def shipped_ssnet() -> SSNet:
    """The trained network that comes with the package."""
    with as_file(files("driftline.resources") / "models" / f"{SHIPPED}.safetensors") as path:
        return read_ssnet(path)[0]


@torch.inference_mode()
def _evaluated(function: Callable[[Tensor], Tensor], planes: NDArray[np.floating]) -> Tensor:
    """``function`` of planes (M, H, W), a batch at a time."""
    results = []
    for start in range(0, max(len(planes), 1), _BATCH):
        part = torch.from_numpy(planes[start : start + _BATCH].astype(np.float32))
        batch = torch.zeros(_BATCH, 1, *planes.shape[1:])
        batch[: len(part), 0] = part
        results.append(function(batch)[: len(part)])
    return torch.cat(results)


def segmentation_scores(
    planes: NDArray[np.floating], network: SSNet | None = None
) -> NDArray[np.float32]:
    """(M, 3, H, W) probability of each of ``SEGMENTS``, for every pixel.

    Args:
        planes: (M, H, W) charge [MeV].
        network: by default the shipped one.
    """
    ssnet = network or shipped_ssnet()
    scores = _evaluated(lambda x: torch.softmax(ssnet(x), dim=1), planes).numpy()
    nothing = np.array([1.0, 0.0, 0.0], np.float32)[:, None, None]
    return np.where(planes[:, None] > 0.0, scores, nothing)


def ssnet_features(planes: NDArray[np.floating], network: SSNet | None = None) -> Array:
    """(M, 64) means over the image of the network's last encoder block.

    Args:
        planes: (M, H, W) charge [MeV].
        network: by default the shipped one.
    """
    ssnet = network or shipped_ssnet()
    return _evaluated(ssnet.features, planes).double().numpy()


def pixels_per_segment(
    scores: NDArray[np.float32], planes: NDArray[np.floating]
) -> NDArray[np.int64]:
    """(M, 3) number of pixels with charge whose best score is that of each of ``SEGMENTS``."""
    best = np.where(planes > 0.0, scores.argmax(axis=1), -1)
    return np.stack([(best == k).sum(axis=(1, 2)) for k in range(len(SEGMENTS))], axis=1)


def majority(pixels: NDArray[np.integer]) -> NDArray[np.int64]:
    """(M,) what most pixels (M, 3) of an image are: index into ``SEGMENTS``, track or shower.

    Of equally many track and shower pixels shower, as in arXiv:2307.13687; an image with neither is
    background.
    """
    track, shower = pixels[:, TRACK], pixels[:, SHOWER]
    found = np.where(track > shower, TRACK, SHOWER)
    return np.where(track + shower > 0, found, BACKGROUND)
