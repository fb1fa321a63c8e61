"""Log-likelihoods of events under a generator, in the numbers that its networks draw.

A network's density is that of encoded events: nats per unit of ``JetPreprocessing.encode_...`` or
``ImagePreprocessing.encode``. It is not turned into one of GeV or MeV, since the maps are not
bijections: multiplicities, spikes and the lengths of directions are dequantised, pixels below
threshold are all one number, and the structure of a jet is a function of the particles that are
drawn again beside it. Compare events under one model and one class, nothing else.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from driftline.data.clouds import JET_FEATURES, Jets
from driftline.data.events import LabelledEvents
from driftline.data.images import Images
from driftline.data.preprocessing import STRUCTURE_UNIFORMS
from driftline.data.structure import structure
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.divergence import ExactTrace
from driftline.diffusion.likelihood import Likelihood, log_density
from driftline.diffusion.noise import Noise
from driftline.errors import InputError
from driftline.generation import EventGenerator, class_labels, refuse_student
from driftline.generator import NETWORKS, Generator
from driftline.image_generator import NETWORK, ImageGenerator
from driftline.streams import Stream

Array = NDArray[np.float64]

_PROBES = (Stream.FIRST_PROBES, Stream.SECOND_PROBES)
"""Of the networks, in the order in which they run."""

FEW = 32
"""Numbers of an event up to which a network's trace is exact, whatever is asked for.

With one probe the trace of jets30's jet level, 21 numbers, scatters by as much as the likelihood of
the jets of a class; exact it costs 21 products with a small network.
"""


@dataclass(frozen=True)
class NetworkLikelihood:
    """What one network says of N events.

    Attributes:
        value: (N,) nats.
        standard_error: (N,) of the trace's estimate; zero if exact, NaN of a single probe.
        dimensions: (N,) numbers that the network draws of an event.
        evaluations: of the network, per event.
        products: vector-Jacobian products with it, per event.
    """

    value: Array
    standard_error: Array
    dimensions: NDArray[np.int64]
    evaluations: int
    products: int


@dataclass(frozen=True)
class EventLikelihood:
    """Log-likelihoods of N events under a generator.

    Attributes:
        by_network: of what each network draws, given what those before it have drawn.
    """

    by_network: Mapping[str, NetworkLikelihood]

    @property
    def value(self) -> Array:
        """(N,) nats: the sum over the networks."""
        return np.sum([part.value for part in self.by_network.values()], axis=0)

    @property
    def standard_error(self) -> Array:
        """(N,) nats."""
        squares = [part.standard_error**2 for part in self.by_network.values()]
        return np.sqrt(np.sum(squares, axis=0))

    @property
    def dimensions(self) -> NDArray[np.int64]:
        """(N,) numbers that an event has."""
        return np.sum([part.dimensions for part in self.by_network.values()], axis=0)

    @property
    def bits_per_dimension(self) -> Array:
        """(N,) -value / (dimensions ln 2): lower is likelier."""
        return -self.value / (self.dimensions * math.log(2))


@dataclass(frozen=True)
class Encoded:
    """What a network has to tell the density of.

    Attributes:
        x: (N, ...) encoded events, zero where padded.
        condition: (N, C).
        mask: (N, P) bool, or None.
    """

    x: Tensor
    condition: Tensor
    mask: Tensor | None = None

    @property
    def dimensions(self) -> NDArray[np.int64]:
        """(N,) numbers of each event that are not padding."""
        per_row = self.x[0, 0].numel() if self.mask is not None else self.x[0].numel()
        rows = torch.ones(len(self.x), 1) if self.mask is None else self.mask
        return (rows.sum(1) * per_row).to(torch.int64).numpy()


def event_likelihood(
    generator: EventGenerator,
    events: Jets | Images,
    likelihood: Likelihood | None = None,
    *,
    event_type: str | Sequence[str] | None = None,
    seed: int = 0,
    batch: int = 100,
) -> EventLikelihood:
    """Log-likelihood of each event under a generator.

    Jets: ln p(features, structure | class) + ln p(particles | class, features, structure). Images:
    ln p(pixels | class, plane), whatever their momenta.

    Args:
        generator: the model.
        events: of the kind and form that it makes.
        likelihood: steps, trace and smallest noise; None takes the defaults. The trace of a network
            of few numbers (``FEW``) is exact in any case.
        event_type: class under which the events are judged, one for all or one an event; None takes
            their own.
        seed: of the probes and of the dequantisation; event i of a class has the same numbers
            whatever the others, and whatever it is judged as.
        batch: events in one network call.

    Raises:
        InputError: the events are of another kind or form, there are none, or a class is not one
            of the model's.
        FloatingPointError: a log-likelihood is not finite.
    """
    if not len(events):
        raise InputError("events: there are none; give some")
    if isinstance(events, Jets) != (generator.kind == "jets"):
        raise InputError(f"events: are no {generator.kind}, which the model makes; give such")
    encoded = _encoded(generator, events, event_type, seed)
    how, ids = likelihood or Likelihood(), torch.from_numpy(numbers_within_classes(events))
    return EventLikelihood(
        {
            name: _of_network(
                generator.denoisers[name], part, how, Noise(seed, _PROBES[n]), ids, batch
            )
            for n, (name, part) in enumerate(encoded.items())
        }
    )


def numbers_within_classes(events: LabelledEvents) -> NDArray[np.int64]:
    """(N,): first, second, ... event of its class, from 0, by which its randomness is drawn."""
    numbers = np.empty(len(events), dtype=np.int64)
    for label in np.unique(events.labels):
        mine = events.labels == label
        numbers[mine] = np.arange(mine.sum())
    return numbers


def encoded_jets(
    generator: Generator, jets: Jets, labels: NDArray[np.int64], seed: int
) -> dict[str, Encoded]:
    """Jets (N) of classes (N,) as both networks see them, dequantised with a seed."""
    p = generator.preprocessing
    uniforms = Noise(seed, Stream.JUDGED_JET).uniform(
        torch.from_numpy(numbers_within_classes(jets)),
        (1 + STRUCTURE_UNIFORMS,),
        dtype=torch.float64,
    )
    u = uniforms.numpy()
    found = structure(jets.particles * jets.mask[..., None]).astype(np.float32)
    z_features = p.encode_features(jets.features, labels, u[:, 0])
    z_structure = p.encode_structure(found, labels, u[:, 1:])
    nothing = torch.zeros(len(jets), len(JET_FEATURES))
    jet_level = Encoded(
        torch.from_numpy(np.concatenate([z_features, z_structure], axis=1)),
        generator.jet_condition(labels, nothing, nothing),
    )
    particle_level = Encoded(
        torch.from_numpy(p.encode_particles(jets.particles, jets.mask, labels)),
        torch.from_numpy(p.particle_condition(labels, z_features, z_structure)),
        torch.from_numpy(jets.mask),
    )
    return dict(zip(NETWORKS, (jet_level, particle_level), strict=True))


def encoded_images(
    generator: ImageGenerator, images: Images, labels: NDArray[np.int64]
) -> dict[str, Encoded]:
    """Images (N) of classes (N,) as the network sees them, told class and plane."""
    p = generator.preprocessing
    condition = p.condition(len(images), labels, planes=images.planes)
    pixels = torch.from_numpy(p.encode(images.pixels))
    return {NETWORK: Encoded(pixels, torch.from_numpy(condition))}


def _encoded(
    generator: EventGenerator,
    events: Jets | Images,
    event_type: str | Sequence[str] | None,
    seed: int,
) -> dict[str, Encoded]:
    """What each network has to tell the density of, by name."""
    own = [events.types[k] for k in events.labels]
    judged = own if event_type is None else event_type

    def labels(types: Sequence[str]) -> NDArray[np.int64]:
        return class_labels(
            judged, np.arange(len(events)), generator.types, types, "class", "events"
        )

    refuse_student(generator.card, "likelihood")
    known = generator.types
    unlike = generator.unlike(
        events if event_type is None else replace(events, labels=labels(known), types=known)
    )
    if unlike is not None:
        raise InputError(f"events: {unlike}")
    if isinstance(generator, Generator) and isinstance(events, Jets):
        return encoded_jets(generator, events, labels(generator.preprocessing.types), seed)
    assert isinstance(generator, ImageGenerator) and isinstance(events, Images)
    return encoded_images(generator, events, labels(generator.preprocessing.types))


def _of_network(
    denoiser: Denoiser,
    encoded: Encoded,
    likelihood: Likelihood,
    noise: Noise,
    ids: Tensor,
    batch: int,
) -> NetworkLikelihood:
    device = next(denoiser.parameters()).device
    few = encoded.x[0].numel() <= FEW
    found = log_density(
        denoiser,
        encoded.x.to(device),
        replace(likelihood, trace=ExactTrace()) if few else likelihood,
        noise=noise,
        events=ids,
        condition=encoded.condition,
        mask=None if encoded.mask is None else encoded.mask.to(device),
        batch=batch,
        dtype=torch.float32,
    )
    return NetworkLikelihood(
        found.value.cpu().numpy(),
        found.standard_error.cpu().numpy(),
        encoded.dimensions,
        found.evaluations,
        found.products,
    )
