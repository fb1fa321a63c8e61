"""The trained artefact: two denoisers and the preprocessing that turn noise into jets.

As in FPCD (Mikuni et al., 2304.01266) a jet-level model draws pt, eta, mass and the number of
particles of a jet of given class, and a particle-level model draws its particles given those. Here
the jet-level model draws the structure of the energy flow too: its lowest moments, which are then
imposed on the particles (``data.physical``), and its prongs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from driftline import modelfile
from driftline.data.clouds import JET_FEATURES, PARTICLE_FEATURES, Jets
from driftline.data.physical import make_physical
from driftline.data.preprocessing import JET_LEVEL_FEATURES, JetPreprocessing
from driftline.data.structure import STRUCTURE_FEATURES, moments_of
from driftline.diffusion.denoisers import CleanEstimate, Denoiser
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Result, Sampler, sample
from driftline.diffusion.schedules import schedule_from_dict
from driftline.errors import InputError
from driftline.generation import (
    Costs,
    Priced,
    Problem,
    accelerated,
    check_sampler,
    class_labels,
    event_numbers,
    guided_sampler,
    refuse_student,
    stored_sampler,
)
from driftline.jet_guidance import JetGuidance
from driftline.network_samplers import NetworkSamplers, for_networks
from driftline.networks import build
from driftline.streams import Stream

NETWORKS = ("jet level", "particle level")
"""In the order in which they run."""


@dataclass(frozen=True)
class JetLevel:
    """What the jet-level model drew, and what the particle-level model is told of it.

    Attributes:
        labels: (N,) classes.
        features: (N, 4) float32, ``JET_FEATURES``.
        structure: (N, 17) float32, ``STRUCTURE_FEATURES``.
        mask: (N, P) bool, true for the particles that the jets will have.
        condition: (N, C) condition of the particle-level model.
        cost: evaluations and wall time.
    """

    labels: NDArray[np.int64]
    features: NDArray[np.float32]
    structure: NDArray[np.float32]
    mask: NDArray[np.bool_]
    condition: Tensor
    cost: Result


@dataclass(frozen=True)
class Generated(Priced):
    """Jets and what they cost.

    Attributes:
        jets: physical jets: 0 < ptrel < 1, vector sum of pT at most the jet's (but see
            ``KnownParticles``), pT-ordered, finite.
        jet_level: cost of the jet-level model.
        particle_level: cost of the particle-level model.
        repaired: how many jets needed a large correction of pT and of mass, and how many miss the
            told mass all the same (``unmet``); see ``make_physical``.
    """

    jets: Jets
    jet_level: Result
    particle_level: Result
    repaired: dict[str, int]

    @property
    def events(self) -> Jets:
        """The jets."""
        return self.jets

    @property
    def costs(self) -> Costs:
        """Evaluations and wall time of either network."""
        return Costs(dict(zip(NETWORKS, (self.jet_level, self.particle_level), strict=True)))


@dataclass
class Generator:
    """A jet generator: load it, ask it for jets, save it.

    Attributes:
        jet_level: denoiser of the encoded features of a jet and its structure.
        particle_level: denoiser of the encoded particles.
        networks: for either, the name and the options that build its network.
        preprocessing: the invertible map between jets and what the denoisers see.
        card: recipe, training provenance, evaluation, default sampler; JSON-able.
    """

    jet_level: Denoiser
    particle_level: Denoiser
    networks: dict[str, dict[str, Any]]
    preprocessing: JetPreprocessing
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def types(self) -> tuple[str, ...]:
        """The classes it was trained on."""
        p = self.preprocessing
        return tuple(t for t, n in zip(p.types, p.jets_per_class, strict=True) if n)

    @property
    def kind(self) -> str:
        """Of events: jets."""
        return "jets"

    @property
    def denoisers(self) -> dict[str, Denoiser]:
        """By name of the network, in the order in which they run."""
        return dict(zip(NETWORKS, (self.jet_level, self.particle_level), strict=True))

    @property
    def form(self) -> dict[str, Any]:
        """Options with which ``read_events`` gives jets of the form that it makes."""
        return {"particles": self.preprocessing.max_particles}

    @property
    def constants(self) -> dict[str, Any]:
        """All that decides which jets it makes, but for the weights."""
        return {
            "kind": self.kind,
            "networks": self.networks,
            "schedule": self.particle_level.schedule.to_dict(),
            "predicts": self.particle_level.predicts,
            "preprocessing": self.preprocessing.to_dict(),
        }

    @property
    def default_sampler(self) -> NetworkSamplers:
        """The samplers that ``generate`` uses unless told otherwise."""
        return stored_sampler(self.card)

    @property
    def guided_sampler(self) -> NetworkSamplers:
        """What it uses with guidance unless told otherwise."""
        return guided_sampler(self.default_sampler, NETWORKS)

    def unlike(self, events: Jets) -> str | None:
        """In what jets differ in form from what it makes, and the remedy; or None."""
        slots, most = events.particles.shape[1], self.preprocessing.max_particles
        if slots == most:
            return None
        return (
            f"its jets have up to {slots} particles, the model's up to {most}; "
            f"read the reference with --particles {most}, or use another model"
        )

    def to(self, device: torch.device | str) -> "Generator":
        """Move both networks to a device."""
        self.jet_level.to(device)
        self.particle_level.to(device)
        return self

    def accelerated(self) -> "Generator":
        """The same with a compiled particle-level network in bfloat16, for production.

        About twice as fast (``benchmarks/throughput.py``); not for samplers that control their
        error below 1e-3, nor to be saved. See ``networks.Accelerated``.
        """
        return replace(self, particle_level=accelerated(self.particle_level))

    @torch.no_grad()
    def generate(
        self,
        count: int,
        jet_type: str | Sequence[str] | None = None,
        *,
        sampler: str | Sampler | NetworkSamplers | None = None,
        seed: int = 0,
        batch: int = 1000,
        first: int = 0,
        pt: ArrayLike | None = None,
        eta: ArrayLike | None = None,
        mass: ArrayLike | None = None,
        num_particles: ArrayLike | None = None,
        guidance: JetGuidance | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Generated:
        """Generate jets; jet i of a seed is the same whatever ``count``, ``first`` and ``batch``.

        Two samplers treat a batch as a whole, so that a jet depends on its batch: scipy's RK45
        (within its tolerance) and the poster's predictor-corrector.

        Args:
            count: number of jets.
            jet_type: one class, one class a jet, or None for equal shares of all classes.
            sampler: one for both levels, or two, or their text; ``default_sampler`` if None, or,
                with guidance, ``guided_sampler``.
            seed: 0 <= seed < 2**64.
            batch: jets in one network call.
            first: number of the first jet, for production in blocks.
            pt: GeV, one value or (count,); drawn by the jet-level model where None or NaN.
            eta: likewise.
            mass: GeV, likewise.
            num_particles: whole numbers, likewise.
            guidance: makes the particle level draw given more than it was trained to be told, such
                as ``KnownParticles``; see ``jet_guidance``.
            progress: called with the number of jets of every batch whose particles are done.

        Raises:
            InputError: a class or a value that the model does not know, or guidance or a sampler
                that does not fit it.
            FloatingPointError: a generated jet is not finite.
        """
        if guidance is not None:
            refuse_student(self.card, "guidance")
        usual = self.default_sampler if guidance is None else self.guided_sampler
        chosen = for_networks(sampler or usual)
        drawn = self.draw_features(
            count,
            jet_type,
            sampler=chosen,
            seed=seed,
            batch=batch,
            first=first,
            pt=pt,
            eta=eta,
            mass=mass,
            num_particles=num_particles,
        )
        model: CleanEstimate = self.particle_level
        if guidance is not None:
            model = guidance.guided(model, drawn.labels, drawn.mask, self.preprocessing)
        particle_level = sample(
            model,
            chosen.each(NETWORKS)[1],
            noise=Noise(seed, Stream.SECOND_NETWORK),
            events=torch.arange(first, first + count),
            shape=(drawn.mask.shape[1], len(PARTICLE_FEATURES)),
            condition=drawn.condition,
            mask=torch.from_numpy(drawn.mask),
            batch=batch,
            device=_device(self.particle_level),
            progress=progress,
        )
        x = particle_level.x.cpu().numpy()
        raw = self.preprocessing.decode_particles(x, drawn.mask, drawn.labels)
        finish = make_physical if guidance is None else guidance.finished
        particles, repaired = finish(raw, moments_of(drawn.structure))
        given = zip(JET_FEATURES, (pt, eta, mass, num_particles), strict=True)
        attributes = {
            "sampler": str(chosen),
            "seed": seed,
            "model": self.card.get("name"),
            "asked": [name for name, value in given if value is not None],
        }
        types = self.preprocessing.types
        jets = Jets(particles, drawn.mask, drawn.features, drawn.labels, types, attributes)
        return Generated(jets, drawn.cost, particle_level, repaired)

    @torch.no_grad()
    def draw_features(
        self,
        count: int,
        jet_type: str | Sequence[str] | None = None,
        *,
        sampler: str | Sampler | NetworkSamplers | None = None,
        seed: int = 0,
        batch: int = 1000,
        first: int = 0,
        pt: ArrayLike | None = None,
        eta: ArrayLike | None = None,
        mass: ArrayLike | None = None,
        num_particles: ArrayLike | None = None,
    ) -> JetLevel:
        """The jet level alone: features of jets without their particles; as ``generate``."""
        events = torch.from_numpy(event_numbers(first, count, "jets"))
        labels = class_labels(
            jet_type, events.numpy(), self.types, self.preprocessing.types, "jet type", "jets"
        )
        values = _columns(count, pt, eta, mass, num_particles)
        noise = Noise(seed, Stream.GIVEN_MULTIPLICITY)
        z_given, given = self._encode_given(values, labels, noise, events)
        drawn = given.new_ones(count, len(STRUCTURE_FEATURES))
        chosen = for_networks(sampler or self.default_sampler)
        check_sampler(self, chosen)
        cost = sample(
            self.jet_level,
            chosen.each(NETWORKS)[0],
            noise=Noise(seed, Stream.FIRST_NETWORK),
            events=events,
            shape=(JET_LEVEL_FEATURES,),
            condition=self.jet_condition(labels, z_given, given),
            mask=torch.cat([~given, drawn], dim=1),
            batch=batch,
            device=_device(self.jet_level),
        )
        z_features, z_structure = cost.x.cpu().tensor_split([len(JET_FEATURES)], dim=1)
        z_features = torch.where(given, z_given, z_features)
        encoded = z_features.numpy(), z_structure.numpy()
        features = self.preprocessing.decode_features(encoded[0], labels)
        features = np.where(np.isnan(values), features, values.astype(np.float32))
        return JetLevel(
            labels=labels,
            features=features,
            structure=self.preprocessing.decode_structure(encoded[1], labels),
            mask=np.arange(self.preprocessing.max_particles) < features[:, 3:4],
            condition=torch.from_numpy(self.preprocessing.particle_condition(labels, *encoded)),
            cost=cost,
        )

    @torch.no_grad()
    def problems(self, count: int, seed: int) -> dict[str, Problem]:
        """What each network is asked when jets are drawn, in equal shares of the classes."""
        drawn = self.draw_features(count, seed=seed)
        nothing = torch.zeros(count, len(JET_FEATURES))
        condition = self.jet_condition(drawn.labels, nothing, nothing)
        particles = drawn.mask.shape[1], len(PARTICLE_FEATURES)
        mask = torch.from_numpy(drawn.mask)
        jet_level = Problem((JET_LEVEL_FEATURES,), condition)
        particle_level = Problem(particles, drawn.condition, mask)
        return dict(zip(NETWORKS, (jet_level, particle_level), strict=True))

    def jet_condition(self, labels: NDArray[np.int64], z_given: Tensor, given: Tensor) -> Tensor:
        """Condition (N, C) of the jet level: class, encoded features (N, 4) and which are given."""
        one_hot = torch.from_numpy(self.preprocessing.one_hot(labels))
        return torch.cat([one_hot, z_given, given.float()], dim=1)

    def _encode_given(
        self, values: NDArray[np.float64], labels: NDArray[np.int64], noise: Noise, events: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Encoded features, zero where not given, and which are given; both (N, 4)."""
        given = ~np.isnan(values)
        typical = self.preprocessing.decode_features(np.zeros_like(values), labels)
        uniform = noise.uniform(events, (1,), dtype=torch.float64).numpy()[:, 0]
        z = self.preprocessing.encode_features(np.where(given, values, typical), labels, uniform)
        z_given = torch.from_numpy(np.where(given, z, 0.0).astype(np.float32))
        return z_given, torch.from_numpy(given)

    def save(self, path: Path, force: bool = False) -> None:
        """Write one safetensors file.

        Raises:
            InputError: the path exists and ``force`` is false, or cannot be written.
        """
        tensors = {
            f"{level}.{name}": tensor
            for level, denoiser in self._levels().items()
            for name, tensor in denoiser.network.state_dict().items()
        }
        modelfile.write(path, tensors, {**self.constants, "card": self.card}, force)

    def _levels(self) -> dict[str, Denoiser]:
        return {"jet_level": self.jet_level, "particle_level": self.particle_level}

    @classmethod
    def load(cls, path: Path) -> "Generator":
        """Read a model file.

        Raises:
            InputError: the file is missing, damaged or of another version.
        """
        header = modelfile.read_header(path)
        tensors = modelfile.read_tensors(path)
        try:
            schedule = schedule_from_dict(header["schedule"])
            levels = {}
            for level, spec in header["networks"].items():
                network = build(spec["name"], **spec["options"])
                prefix = f"{level}."
                mine = (name for name in tensors if name.startswith(prefix))
                network.load_state_dict({name.removeprefix(prefix): tensors[name] for name in mine})
                levels[level] = Denoiser(network, schedule, header["predicts"]).eval()
            preprocessing = JetPreprocessing.from_dict(header["preprocessing"])
            return cls(
                networks=header["networks"],
                preprocessing=preprocessing,
                card=header["card"],
                **levels,
            )
        except (KeyError, TypeError, ValueError, RuntimeError, InputError) as error:
            raise InputError(f"{path}: damaged model file ({error}); get it again") from error


def _device(denoiser: Denoiser) -> torch.device:
    return next(denoiser.parameters()).device


def _columns(count: int, *values: ArrayLike | None) -> NDArray[np.float64]:
    """Features of jets, one value or one a jet, as (N, 4); NaN where the model is to draw them."""
    columns = []
    for name, value in zip(JET_FEATURES, values, strict=True):
        column = np.full(count, np.nan) if value is None else np.asarray(value, np.float64)
        if column.shape not in ((), (count,)):
            raise InputError(
                f"{name} has shape {column.shape} for {count} jets; give one value or one a jet"
            )
        # as jets hold them: what is finite in float64 may be infinite or zero there
        with np.errstate(over="ignore", under="ignore"):
            single = column.astype(np.float32)
        if np.any(np.isinf(single)):
            raise InputError(f"{name} must be finite, in float32 too; mend the values")
        if name in ("pt", "mass") and np.any(single <= 0):
            raise InputError(f"{name} must be positive; mend the values")
        columns.append(np.broadcast_to(column, (count,)))
    return np.stack(columns, axis=1)
