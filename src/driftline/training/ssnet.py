"""Training of the segmentation network on pixels whose origin the simulation knows."""

import math
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from driftline import __version__, modelfile
from driftline.data.crops import split_by_event
from driftline.data.images import SEGMENTS, Images
from driftline.errors import InputError
from driftline.metrics.images.segmentation import segmentation_scores
from driftline.networks.ssnet import SSNet
from driftline.output import check_output
from driftline.training.ema import EMA
from driftline.training.loop import (
    TrainingError,
    epoch_batches,
    generator_for,
    learning_rate,
    reporting,
)
from driftline.training.progress import Progress
from driftline.training.recipe import TrainingSettings

NETWORK: dict[str, Any] = {"widths": [16, 32, 48, 64], "classes": len(SEGMENTS), "scale": 0.2}
"""Options of the network that ships."""

_IGNORED = -1  # the label of pixels without charge, which no one has to classify


def settings(steps: int) -> TrainingSettings:
    """How the shipped network was trained, but for the number of steps."""
    return TrainingSettings(
        steps=steps,
        batch=64,
        learning_rate=3e-3,
        warmup=steps // 20,
        decay=1.0,
        weight_decay=0.01,
        clip=1.0,
        ema=0.995,
        ema_warmup=9.0,
        log_every=50,
        validate_every=max(1, steps // 5),
        checkpoint_every=steps,
    )


@dataclass(frozen=True)
class Quality:
    """How well a network segments images that it was not trained on.

    Attributes:
        confusion: (3, 3) numbers of pixels with charge: true segment by segment found.
    """

    confusion: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of the pixels with charge that are called what they are."""
        return float(np.trace(self.confusion) / max(1, self.confusion.sum()))

    def to_dict(self) -> dict[str, Any]:
        """As a card states it."""
        return {
            "accuracy": round(self.accuracy, 5),
            "pixels": int(self.confusion.sum()),
            "confusion": {
                name: dict(zip(SEGMENTS, row.tolist(), strict=True))
                for name, row in zip(SEGMENTS, self.confusion, strict=True)
            },
        }


def quality(network: SSNet, images: Images) -> Quality:
    """Compare the network's best class of every pixel with charge with the truth."""
    planes, truth = _planes(images)
    found = segmentation_scores(planes, network).argmax(axis=1)
    seen = planes > 0.0
    pairs = truth[seen].astype(np.int64) * len(SEGMENTS) + found[seen]
    counts = np.bincount(pairs, minlength=len(SEGMENTS) ** 2)
    return Quality(counts.reshape(len(SEGMENTS), -1))


def train_ssnet(
    images: Images,
    out: Path,
    *,
    steps: int = 2000,
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> Quality:
    """Train a segmentation network, and write it with its card.

    A tenth of the events is validated on, another tenth gives the figures of the card.

    Args:
        images: in MeV, with segmentation; every plane is an image of its own.
        out: the model file.
        steps: of the optimiser, with 64 planes each.
        seed: of the weights, the split and all draws.
        force: replace ``out``.
        progress: where to report to; its validation is the share of pixels called wrongly.

    Returns:
        What the trained network makes of the test events.

    Raises:
        InputError: ``out`` cannot be written, or the images have no segmentation, are not in MeV,
            or are too few.
        TrainingError: the loss is not finite.
    """
    check_output(out, force)
    _check(images)
    training, validation, test = split_by_event(images, seed=seed)
    if min(map(len, (training, validation, test))) == 0:
        raise InputError(
            f"training data: {len(images)} images cannot be split into training, validation and "
            "test; give more events"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SSNet(**NETWORK)
    _fit(network, training, validation, settings(steps), seed, progress or Progress())
    found = quality(network, test)
    card = {
        "test": found.to_dict() | {"images": len(test)},
        "training": {
            "images": len(training),
            "steps": steps,
            "seed": seed,
            "data": images.attributes,
            "command": shlex.join(["driftline", *sys.argv[1:]]),
            "driftline": __version__,
            "torch": torch.__version__,
        },
    }
    header = {"kind": "ssnet", "network": NETWORK, "card": card}
    modelfile.write(out, network.state_dict(), header, force)
    return found


def _check(images: Images) -> None:
    if images.segmentation is None:
        raise InputError(
            "training data: no field segmentation, the truth of every pixel; "
            "give images made by driftline simulate lartpc"
        )
    if images.unit != "MeV":
        raise InputError(
            f"training data: field unit is {images.unit!r}, not 'MeV'; give images in MeV"
        )


def _planes(images: Images) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Charge and truth (M, H, W) of every plane of every image."""
    assert images.segmentation is not None
    shape = (-1, *images.pixels.shape[2:])
    return images.pixels.reshape(shape), images.segmentation.reshape(shape)


def _fit(
    network: SSNet,
    training: Images,
    validation: Images,
    settings: TrainingSettings,
    seed: int,
    progress: Progress,
) -> None:
    """Minimise the cross-entropy of the pixels with charge; ends with the averaged weights."""
    charge, truth = map(torch.from_numpy, _planes(training))
    parameters = list(network.parameters())
    optimizer = torch.optim.AdamW(
        parameters, lr=0.0, betas=settings.betas, weight_decay=settings.weight_decay, fused=True
    )
    ema = EMA(parameters, settings.ema, settings.ema_warmup)
    losses: list[float] = []
    with reporting(progress, settings.steps, 0):
        for step, index in epoch_batches(len(charge), settings.batch, seed, 0):
            if step >= settings.steps:
                break
            loss = _loss(network, *_turned(charge[index], truth[index], seed, step))
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise TrainingError(f"loss is {losses[-1]} at step {step}")
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
            optimizer.param_groups[0]["lr"] = learning_rate(step, settings)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            ema.update(step)
            done = step + 1
            if done % settings.log_every == 0 or done == settings.steps:
                progress.step(done, done * len(index), sum(losses) / len(losses))
                losses.clear()
            if done % settings.validate_every == 0 or done == settings.steps:
                ema.swap()
                progress.validation(done, 1.0 - quality(network, validation).accuracy)
                ema.swap()
    ema.swap()


def _turned(charge: Tensor, truth: Tensor, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """A batch of images (B, H, W), mirrored and turned at random, all in the same way."""
    rows, columns, exchanged = torch.rand(3, generator=generator_for(seed, 1, step)) < 0.5
    mirrored = [axis for axis, chosen in ((1, rows), (2, columns)) if chosen]
    pair = [x.flip(mirrored) if mirrored else x for x in (charge, truth)]
    if exchanged:
        pair = [x.transpose(1, 2) for x in pair]
    return pair[0], pair[1]


def _loss(network: SSNet, charge: Tensor, truth: Tensor) -> Tensor:
    """Mean cross-entropy of the pixels with charge."""
    seen = charge > 0.0
    labels = torch.where(seen, truth.long(), _IGNORED)
    return torch.nn.functional.cross_entropy(
        network(charge[:, None]), labels, ignore_index=_IGNORED
    )
