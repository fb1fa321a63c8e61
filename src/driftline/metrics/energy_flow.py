r"""Energy-flow polynomials of jets (Komiske, Metodiev, Thaler, arXiv:1712.07124).

For a multigraph :math:`G` with vertices :math:`1..n`,

.. math:: \mathrm{EFP}_G = \sum_{i_1} \cdots \sum_{i_n} z_{i_1} \cdots z_{i_n}
          \prod_{(k,l) \in G} \theta_{i_k i_l}

with JetNet's choices: :math:`z` the particle's ptrel, not normalised, and
:math:`\theta_{ij} = (\Delta\eta_{ij}^2 + \Delta\phi_{ij}^2)^{1/2}` (hadronic measure, beta = 1).

The sum is done by eliminating vertices: one with a single neighbour becomes a factor on that
neighbour (a matrix-vector product), one with two neighbours becomes an edge between them (a matrix
product). All graphs with up to five edges reduce in this way, so that a jet of P particles costs
O(P^2) for trees and O(P^3) for loops. What several graphs need is computed once.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache, reduce
from operator import mul
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Graph = tuple[tuple[int, int], ...]
Array = NDArray[np.float64]
AnyArray = TypeVar("AnyArray", NDArray[np.float64], "Tensor")

PRIME_GRAPHS: tuple[Graph, ...] = (
    (),
    ((0, 1),),
    ((0, 1), (0, 1)),
    ((0, 1), (0, 1), (0, 1)),
    ((0, 1), (0, 1), (0, 1), (0, 1)),
    ((0, 1), (0, 2)),
    ((0, 1), (0, 2), (0, 2)),
    ((0, 1), (0, 2), (0, 2), (0, 2)),
    ((0, 1), (0, 1), (0, 2), (0, 2)),
    ((0, 1), (0, 2), (1, 2)),
    ((0, 1), (0, 2), (0, 2), (1, 2)),
    ((0, 1), (0, 2), (0, 3)),
    ((0, 1), (0, 2), (0, 2), (0, 3)),
    ((0, 1), (0, 2), (1, 3)),
    ((0, 1), (0, 2), (0, 2), (1, 3)),
    ((0, 1), (0, 1), (0, 2), (1, 3)),
    ((0, 1), (0, 2), (1, 2), (0, 3)),
    ((0, 1), (0, 2), (1, 3), (2, 3)),
    ((0, 1), (0, 2), (0, 3), (0, 4)),
    ((0, 1), (0, 2), (0, 3), (1, 4)),
    ((0, 1), (0, 2), (1, 3), (2, 4)),
)
"""The connected multigraphs with up to four edges, in the order of the energyflow package."""

COMPOSITE_GRAPHS: tuple[Graph, ...] = (
    ((0, 1), (2, 3)),
    ((0, 1), (2, 3), (2, 3)),
    ((0, 1), (2, 3), (2, 3), (2, 3)),
    ((0, 1), (0, 1), (2, 3), (2, 3)),
    ((0, 1), (2, 3), (2, 4)),
    ((0, 1), (0, 1), (2, 3), (2, 4)),
    ((0, 1), (2, 3), (2, 4), (2, 4)),
    ((0, 1), (2, 3), (2, 4), (3, 4)),
    ((0, 1), (2, 3), (4, 5)),
    ((0, 1), (2, 3), (2, 4), (2, 5)),
    ((0, 1), (2, 3), (2, 4), (3, 5)),
    ((0, 1), (0, 2), (3, 4), (3, 5)),
    ((0, 1), (2, 3), (4, 5), (4, 5)),
    ((0, 1), (2, 3), (4, 5), (4, 6)),
    ((0, 1), (2, 3), (4, 5), (6, 7)),
)
"""The disconnected ones, in the same package's order: products of the connected ones."""

GRAPHS = PRIME_GRAPHS + COMPOSITE_GRAPHS
"""All 36 multigraphs with up to four edges: the features of FPD and KPD."""

W1EFP_GRAPHS = PRIME_GRAPHS[12:13] + PRIME_GRAPHS[14:18]
"""The five connected multigraphs with four vertices and four edges: the features of W1EFP."""

LINE, TRIANGLE = PRIME_GRAPHS[1], PRIME_GRAPHS[9]


@dataclass(frozen=True)
class Angles:
    """The matrix of all pairs' angles to a power: k parallel edges."""

    power: int


@dataclass(frozen=True)
class Chain:
    """The matrix product of an edge, the weight of an eliminated vertex, and another edge."""

    first: "Matrix"
    weight: "Weight"
    second: "Matrix"


@dataclass(frozen=True)
class Parallel:
    """The entry-wise product of two edges between the same vertices."""

    first: "Matrix"
    second: "Matrix"


@dataclass(frozen=True)
class Message:
    """The vector that an eliminated leaf leaves on its only neighbour."""

    edge: "Matrix"
    weight: "Weight"


Matrix = Angles | Chain | Parallel
Weight = tuple[Message, ...]
"""The weight of a vertex: z times the messages it has received."""


def _transposed(edge: Matrix) -> Matrix:
    """The same edge seen from its other end."""
    if isinstance(edge, Chain):
        return Chain(_transposed(edge.second), edge.weight, _transposed(edge.first))
    if isinstance(edge, Parallel):
        return Parallel(_transposed(edge.first), _transposed(edge.second))
    return edge


def _components(graph: Graph) -> list[set[int]]:
    """The sets of vertices that hang together."""
    components: list[set[int]] = []
    for edge in graph:
        joined = set(edge).union(*(c for c in components if c & set(edge)))
        components = [c for c in components if not c & joined] + [joined]
    return components or [{0}]


@cache
def _reduce(graph: Graph) -> tuple[Weight, ...]:
    """For each connected part of ``graph`` the weight of the vertex that is left at the end."""
    edges: dict[tuple[int, int], Matrix] = {}
    for (u, v), power in Counter((min(e), max(e)) for e in graph).items():
        edges[u, v], edges[v, u] = Angles(power), Angles(power)
    left: list[Weight] = []
    for vertices in _components(graph):
        weights: dict[int, Weight] = {v: () for v in vertices}
        while len(weights) > 1:
            neighbours = {v: [u for u in weights if (v, u) in edges] for v in weights}
            vertex = min(weights, key=lambda v: (len(neighbours[v]), v))
            weight = weights.pop(vertex)
            near = neighbours[vertex]
            if len(near) == 1:
                message = Message(edges[near[0], vertex], weight)
                weights[near[0]] = tuple(sorted((*weights[near[0]], message), key=repr))
            elif len(near) == 2:
                u, v = near
                edge: Matrix = Chain(edges[u, vertex], weight, edges[vertex, v])
                if (u, v) in edges:
                    edge = Parallel(edges[u, v], edge)
                edges[u, v], edges[v, u] = edge, _transposed(edge)
            else:
                raise ValueError(f"graph {graph} has no vertex with fewer than three neighbours")
        left.append(next(iter(weights.values())))
    return tuple(left)


class Contraction(Generic[AnyArray]):
    """Evaluates graphs for a batch of jets, each sub-expression once.

    Args:
        z: (B, P) ptrel, zero where there is no particle; of numpy or, to be differentiated, torch.
        angles: (B, P, P) of all pairs, likewise.
    """

    def __init__(self, z: AnyArray, angles: AnyArray) -> None:
        self.z: AnyArray = z
        self.matrices: dict[Matrix, AnyArray] = {Angles(1): angles}
        self.vectors: dict[Message, AnyArray] = {}

    def matrix(self, edge: Matrix) -> AnyArray:
        """(B, P, P)."""
        if edge not in self.matrices:
            if isinstance(edge, Angles):
                value = self.matrix(Angles(edge.power - 1)) * self.matrix(Angles(1))
            elif isinstance(edge, Chain):
                weighted = self.matrix(edge.first) * self.weight(edge.weight)[:, None, :]
                value = weighted @ self.matrix(edge.second)
            else:
                value = self.matrix(edge.first) * self.matrix(edge.second)
            self.matrices[edge] = value
        return self.matrices[edge]

    def weight(self, messages: Weight) -> AnyArray:
        """(B, P)."""
        value = self.z
        for message in messages:
            value = value * self.message(message)
        return value

    def message(self, message: Message) -> AnyArray:
        """(B, P)."""
        if message not in self.vectors:
            product = self.matrix(message.edge) @ self.weight(message.weight)[:, :, None]
            self.vectors[message] = product[:, :, 0]
        return self.vectors[message]

    def polynomial(self, graph: Graph) -> AnyArray:
        """(B,)."""
        value: AnyArray = reduce(mul, (self.weight(w).sum(1) for w in _reduce(graph)))
        return value


def pairwise_angles(etarel: Array, phirel: Array) -> Array:
    """(B, P, P) distances in the (eta, phi) plane, of (B, P) coordinates; phi is periodic."""
    eta = etarel[:, :, None] - etarel[:, None, :]
    phi = np.abs(phirel[:, :, None] - phirel[:, None, :])
    phi = np.pi - np.abs(phi - np.pi)
    return np.sqrt(eta * eta + phi * phi)


def energy_flow_polynomials(
    particles: NDArray[np.floating],
    graphs: tuple[Graph, ...] = GRAPHS,
    *,
    mask: NDArray[np.bool_] | None = None,
) -> Array:
    """Energy-flow polynomials of jets.

    Args:
        particles: (N, P, 3) etarel, phirel, ptrel; slots with ptrel = 0 contribute nothing.
        graphs: multigraphs as tuples of edges; all 36 with up to four edges by default.
        mask: (N, P), true for real particles; by default all are.

    Returns:
        (N, len(graphs)) float64.
    """
    count, slots = particles.shape[:2]
    result = np.empty((count, len(graphs)))
    batch = max(1, 2**17 // slots**2)  # a matrix per pair of particles stays in the cache
    for start in range(0, count, batch):
        part = slice(start, start + batch)
        eta, phi, z = np.moveaxis(particles[part].astype(np.float64), 2, 0)
        if mask is not None:
            z = z * mask[part]
        contraction = Contraction(z, pairwise_angles(eta, phi))
        for column, graph in enumerate(graphs):
            result[part, column] = contraction.polynomial(graph)
    return result
