"""Frechet ParticleNet distance (FPND) of 30-particle jets against the real JetNet samples.

A ParticleNet classifier, trained on JetNet by its authors, maps a jet to 256 numbers; FPND is the
Frechet distance between the mean and covariance of these numbers over generated jets and over
50,000 real jets (Kansal et al., arXiv:2106.11535, section 5). Weights and real statistics are those
that the jetnet package, version 0.2.5, ships. The network is evaluated densely here: every jet has
exactly 30 slots, so that neighbour search and message passing are plain batched tensor operations.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from driftline.metrics.frechet import frechet_distance

JetType = Literal["g", "q", "t"]

PARTICLES = 30
FEATURES = 256
NEIGHBOURS = 16
WIDTHS = (64, 128, 256)
#: largest |etarel|, |phirel|, ptrel of JetNet, by which the network's inputs are divided
INPUT_SCALE = (1.6211985349655151, 0.520724892616272, 0.8934717178344727)
#: added after the division
INPUT_SHIFT = (0.0, 0.0, -0.5)
#: jets that the published values use; fewer are biased upwards by about 270 / N
RECOMMENDED_JETS = 50_000


def nearest_neighbours(points: Tensor, k: int) -> Tensor:
    """Indices of the `k` nearest other points of each point, by Euclidean distance.

    Args:
        points: (B, P, D), float.
        k: neighbours, below P; a point is not its own neighbour.

    Returns:
        (B, P, k), int64, in no particular order.
    """
    squared = points.square().sum(-1)
    distance = squared[:, :, None] + squared[:, None, :] - 2 * points @ points.transpose(1, 2)
    distance.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    return distance.topk(k, dim=-1, largest=False, sorted=False).indices


class EdgeConv(nn.Module):
    """Edge convolution with mean aggregation (Wang et al., arXiv:1801.07829).

    y_i = mean over the k neighbours j of i of model(x_i, x_j - x_i), with `model` three times
    linear, batch normalisation, ReLU.
    """

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (2 * width_in, width_out, width_out):
            layers += [nn.Linear(width, width_out), nn.BatchNorm1d(width_out), nn.ReLU()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        """Map features (B, P, width_in) and neighbours (B, P, k) to (B, P, width_out)."""
        batch, points, width = x.shape
        first, *rest = self.model
        assert isinstance(first, nn.Linear)
        # W [x_i, x_j - x_i] + b = (W_1 - W_2) x_i + b + W_2 x_j: once a point, not once an edge
        to_centre, to_difference = first.weight[:, :width], first.weight[:, width:]
        centre = nn.functional.linear(x, to_centre - to_difference, first.bias)
        other = nn.functional.linear(x, to_difference)
        index = neighbours.reshape(batch, -1, 1).expand(-1, -1, other.shape[-1])
        edges = other.gather(1, index).reshape(batch, points, neighbours.shape[-1], -1)
        messages = (edges + centre[:, :, None]).flatten(0, 2)
        for layer in rest:
            messages = layer(messages)
        return messages.reshape(edges.shape).mean(2)


class ParticleNet(nn.Module):
    """The FPND classifier up to the 256 outputs of its first dense layer, before the ReLU.

    Neighbours are sought in (eta, phi) for the first block and among all features afterwards;
    each block's output is joined to its input (Qu and Gouskos, arXiv:1902.08570).
    """

    def __init__(self) -> None:
        super().__init__()
        width = len(INPUT_SCALE)
        blocks = []
        for out in WIDTHS:
            blocks.append(EdgeConv(width, out))
            width += out
        self.edge_nets = nn.ModuleList(blocks)
        self.fc1 = nn.Sequential(nn.Linear(width, FEATURES))

    def forward(self, x: Tensor) -> Tensor:
        """Map scaled particles (B, P, 3) to features (B, 256)."""
        for i, block in enumerate(self.edge_nets):
            neighbours = nearest_neighbours(x[..., :2] if i == 0 else x, NEIGHBOURS)
            x = torch.cat((block(x, neighbours), x), dim=-1)
        out: Tensor = self.fc1(x.mean(1))
        return out


@lru_cache(maxsize=1)
def _resource() -> dict[str, Tensor]:
    with as_file(files("driftline.resources") / "fpnd_jetnet30.safetensors") as path:
        return load_file(path)


@lru_cache(maxsize=1)
def particlenet() -> ParticleNet:
    """The trained network in evaluation mode, on the CPU."""
    prefix = "particlenet."
    weights = {k.removeprefix(prefix): v for k, v in _resource().items() if k.startswith(prefix)}
    # the five class scores behind fc1 are not part of the distance
    kept = {k: v for k, v in weights.items() if not k.startswith("fc2.")}
    network = ParticleNet()
    missing, unexpected = network.load_state_dict(kept, strict=False)
    # jetnet's file does not count batches, which evaluation does not use
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise RuntimeError(f"FPND weights do not fit the network: {missing + unexpected}")
    return network.eval().requires_grad_(False)


def jetnet_statistics(jet_type: JetType) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (256,) and covariance (256, 256) of the features of 50,000 real JetNet jets."""
    if jet_type not in ("g", "q", "t"):
        raise ValueError(f"FPND is defined for jet types g, q and t, not {jet_type!r}")
    resource = _resource()
    return resource[f"{jet_type}.mu"].numpy(), resource[f"{jet_type}.sigma"].numpy()


@torch.inference_mode()
def particlenet_features(
    particles: NDArray[np.float32], *, batch: int = 256, device: str = "cpu"
) -> NDArray[np.float64]:
    """Features of jets in the FPND network.

    Args:
        particles: (N, 30, 3), etarel, phirel, ptrel (relative to the full jet's pT), zero-padded.
            Padded slots are fed like particles, as jetnet does.
        batch: jets evaluated at a time.
        device: where the network runs.

    Returns:
        (N, 256), float64.

    Raises:
        ValueError: on any other shape.
    """
    if particles.ndim != 3 or particles.shape[1:] != (PARTICLES, 3):
        raise ValueError(f"FPND takes jets of shape (N, 30, 3), not {particles.shape}")
    network = particlenet().to(device)
    scale = torch.tensor(INPUT_SCALE, device=device)
    shift = torch.tensor(INPUT_SHIFT, device=device)
    out = np.empty((len(particles), FEATURES))
    for start in range(0, len(particles), batch):
        block = np.ascontiguousarray(particles[start : start + batch], dtype=np.float32)
        x = torch.from_numpy(block).to(device) / scale + shift
        out[start : start + batch] = network(x).double().cpu().numpy()
    return out


def fpnd(
    jets: NDArray[np.floating], jet_type: JetType, *, batch: int = 256, device: str = "cpu"
) -> float:
    """Frechet ParticleNet distance of generated jets to the real JetNet jets of one type.

    Args:
        jets: particles (N, 30, 3), or their features (N, 256) from `particlenet_features`. The
            first 50,000 are used; with fewer the value is biased upwards by about 270 / N.
        jet_type: "g", "q" or "t".
        batch: jets evaluated at a time.
        device: where the network runs.

    Returns:
        The squared Frechet distance, 0 for equal moments.

    Raises:
        ValueError: for other jet types or shapes, or fewer than two jets.
    """
    mu, sigma = jetnet_statistics(jet_type)
    if len(jets) < 2:
        raise ValueError("FPND needs at least two jets")
    jets = jets[:RECOMMENDED_JETS]
    if jets.ndim == 2 and jets.shape[1] == FEATURES:
        features = np.asarray(jets, dtype=np.float64)
    else:
        features = particlenet_features(jets.astype(np.float32), batch=batch, device=device)
    return frechet_distance(mu, sigma, features.mean(0), np.cov(features, rowvar=False))
