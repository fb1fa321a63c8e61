"""The trained artefact of detector images: a denoiser and preprocessing that turn noise into them.

One score model draws the whole image, as in Imani et al. (2307.13687), and may be told particle,
momentum, plane and start. Where no momentum is asked for, one of the training images' is drawn and
told, see ``data.momenta``. A network that was trained on mirror images too treats them a little
differently all the same; so every event is made in the mirror or not, with equal chances, and the
images of a model are exactly as symmetric under reflections as its training. (Axes that a training
exchanged as well are as alike as the network has learnt.)
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
from driftline.data.image_conditions import FARTHEST, projected, start_at
from driftline.data.image_preprocessing import ImagePreprocessing, known_vectors
from driftline.data.image_symmetries import (
    AXES,
    transformed_images,
    transformed_points,
    transformed_vectors,
)
from driftline.data.images import PLANES, Images
from driftline.data.momenta import Momenta
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
from driftline.image_guidance import ImageGuidance
from driftline.network_samplers import NetworkSamplers, for_networks
from driftline.networks import build
from driftline.streams import Stream

NETWORK = "image"
"""Name of the only network."""

_MOMENTA = "momenta"
"""Of the tensors of ``ImageGenerator.momenta`` in a model file."""


@dataclass(frozen=True)
class GeneratedImages(Priced):
    """Images and what they cost.

    Attributes:
        images: in the model's unit, finite, exact zeros below its threshold. Their event numbers
            are those that the noise depends on; momentum and start are those that were asked for
            or drawn, NaN where the network was told none.
        cost: of the sampling.
    """

    images: Images
    cost: Result

    @property
    def events(self) -> Images:
        """The images."""
        return self.images

    @property
    def costs(self) -> Costs:
        """Evaluations and wall time, by network."""
        return Costs({NETWORK: self.cost})

    @property
    def repaired(self) -> dict[str, int]:
        """No image is corrected: nothing is asked of one but that its charge is above threshold."""
        return {}


@dataclass
class ImageGenerator:
    """A generator of detector images: load it, ask it for images, save it.

    Attributes:
        denoiser: of the encoded images.
        network: name and options that build its network.
        preprocessing: the invertible map between images and what the denoiser sees.
        card: recipe, training provenance, evaluation, default sampler; JSON-able.
        momenta: that are told where none is asked for; None where training knew none.
    """

    denoiser: Denoiser
    network: dict[str, Any]
    preprocessing: ImagePreprocessing
    card: dict[str, Any] = field(default_factory=dict)
    momenta: Momenta | None = None

    @property
    def kind(self) -> str:
        """Of events: images."""
        return "images"

    @property
    def types(self) -> tuple[str, ...]:
        """The classes it was trained on."""
        p = self.preprocessing
        return tuple(t for t, n in zip(p.types, p.images_per_class, strict=True) if n)

    @property
    def denoisers(self) -> dict[str, Denoiser]:
        """By name of the network."""
        return {NETWORK: self.denoiser}

    @property
    def form(self) -> dict[str, Any]:
        """Options with which ``read_events`` gives images of the form that it makes: none."""
        return {}

    @property
    def constants(self) -> dict[str, Any]:
        """All that decides which images it makes, but for the weights."""
        return {
            "kind": self.kind,
            "networks": {NETWORK: self.network},
            "schedule": self.denoiser.schedule.to_dict(),
            "predicts": self.denoiser.predicts,
            "preprocessing": self.preprocessing.to_dict(),
            "momenta": None if self.momenta is None else self.momenta.digest,
            "mirrored": list(self.mirrored),
        }

    @property
    def mirrored(self) -> tuple[str, ...]:
        """The axes along which its training, and half of what it makes, is turned round."""
        return tuple(self.card.get("recipe", {}).get("mirrored", ()))

    @property
    def default_sampler(self) -> NetworkSamplers:
        """The sampler that ``generate`` uses unless told otherwise."""
        return stored_sampler(self.card)

    @property
    def guided_sampler(self) -> NetworkSamplers:
        """What it uses with guidance unless told otherwise."""
        return guided_sampler(self.default_sampler, [NETWORK])

    def unlike(self, events: Images) -> str | None:
        """In what images differ in form from what it makes, and the remedy; or None."""
        try:
            self.preprocessing.check(events)
        except InputError as error:
            return str(error)
        return None

    def to(self, device: torch.device | str) -> "ImageGenerator":
        """Move the network to a device."""
        self.denoiser.to(device)
        return self

    def accelerated(self) -> "ImageGenerator":
        """The same with a compiled network in bfloat16, for production; not to be saved.

        See ``networks.Accelerated``.
        """
        return replace(self, denoiser=accelerated(self.denoiser))

    @torch.no_grad()
    def generate(
        self,
        count: int,
        particle: str | Sequence[str] | None = None,
        *,
        sampler: str | Sampler | NetworkSamplers | None = None,
        seed: int = 0,
        batch: int = 250,
        first: int = 0,
        momentum: ArrayLike | None = None,
        plane: ArrayLike | None = None,
        start: ArrayLike | None = None,
        guidance: ImageGuidance | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> GeneratedImages:
        """Generate images; image i of a seed is the same whatever ``count``, ``first``, ``batch``.

        Two samplers treat a batch as a whole, so that an image depends on its batch: scipy's RK45
        (within its tolerance) and the poster's predictor-corrector.

        Args:
            count: number of images.
            particle: one class, one class an image, or None for equal shares of all classes.
            sampler: or its text; ``default_sampler`` if None, or, with guidance,
                ``guided_sampler``.
            seed: 0 <= seed < 2**64.
            batch: images in one network call.
            first: number of the first image, for production in blocks.
            momentum: MeV/c, (3,) or (count, 3) x, y, z. Where None or NaN one of ``momenta`` is
                drawn, for the class and plane, and turned with the event; with guidance that
                ``knows`` what an image shows, or without ``momenta``, the network is told none.
            plane: index into ``PLANES``, one or one an image; each in turn where None or NaN.
                A model of all planes at once makes all of them, and has no choice.
            start: row and column [pixels] where the particle starts, from the edge of the image's
                first pixel, whose middle is at 0.5; it may lie outside. (2,) or (count, 2) of
                models of one plane, (C, 2) or (count, C, 2) of C planes at once; drawn by the
                model, and not told, where None or NaN.
            guidance: makes the model draw given more than it was trained to be told, such as
                ``KnownPixels``; see ``image_guidance``.
            progress: called with the number of images of every batch that is done.

        Raises:
            InputError: a class, momentum, plane or start that the model does not know, or guidance
                or a sampler that does not fit it.
            FloatingPointError: a generated image is not finite.
        """
        events = event_numbers(first, count, "images")
        labels = self._labels(particle, events)
        channels = self.preprocessing.shape[0]
        point = (2,) if channels == 1 else (channels, 2)
        starts = _vectors("start", "row, column [pixels]", start, count, point)
        starts = starts.reshape(count, channels, 2)
        planes = self._planes(plane, particle, events)
        _check_starts(starts, planes, self.preprocessing.pitch)
        momenta = _vectors("momentum", "x, y, z [MeV/c]", momentum, count, (3,))
        _check_momenta(momenta)
        free = guidance is None or not guidance.knows
        turns = self._turns(events, seed, free)
        seen = transformed_vectors(momenta, *turns)
        told = self.momenta is not None and free
        if told:
            seen = np.where(np.isnan(seen), self._told(events, labels, planes, seed), seen)
        begins = transformed_points(starts, planes, *turns, self.preprocessing.shape[1:])
        condition = self.preprocessing.condition(count, labels, seen, planes, begins)
        if guidance is not None:
            refuse_student(self.card, "guidance")
        usual = self.default_sampler if guidance is None else self.guided_sampler
        chosen = for_networks(sampler or usual)
        check_sampler(self, chosen)
        cost = sample(
            self._guided(guidance, condition),
            chosen.each([NETWORK])[0],
            noise=Noise(seed, Stream.FIRST_NETWORK),
            events=torch.from_numpy(events),
            shape=self.preprocessing.shape,
            condition=torch.from_numpy(condition),
            batch=batch,
            device=next(self.denoiser.parameters()).device,
            progress=progress,
        )
        p = self.preprocessing
        given = {"momentum": momentum, "plane": plane, "start": start}
        pixels, _ = transformed_images(p.decode(cost.x.cpu().numpy()), planes, *turns)
        momenta = transformed_vectors(seen, *turns)
        images = Images(
            pixels=pixels if guidance is None else guidance.completed(pixels, p.threshold),
            labels=labels,
            types=p.types,
            planes=planes,
            event=events,
            momentum=momenta.astype(np.float32) if told or momentum is not None else None,
            start=None if start is None else start_at(starts, planes, p.pitch),
            unit=p.unit,
            threshold=p.threshold,
            pitch=p.pitch,
            attributes={
                "sampler": str(chosen),
                "seed": seed,
                "model": self.card.get("name"),
                "asked": [name for name, value in given.items() if value is not None],
            },
        )
        return GeneratedImages(images, cost)

    def problems(self, count: int, seed: int) -> dict[str, Problem]:
        """What the network is asked when images are drawn, in equal shares of the classes."""
        told = self.usual_condition(count, seed=seed)
        return {NETWORK: Problem(self.preprocessing.shape, torch.from_numpy(told))}

    def usual_condition(
        self, count: int, particle: str | Sequence[str] | None = None, *, seed: int = 0
    ) -> NDArray[np.float32]:
        """What the network is told (N, K) of the first images of a seed, of which nothing is asked.

        Args:
            count: N images.
            particle: as ``generate`` takes it.
            seed: likewise.
        """
        events = np.arange(count)
        labels = self._labels(particle, events)
        planes = self._planes(None, particle, events)
        momenta = self._told(events, labels, planes, seed)
        return self.preprocessing.condition(count, labels, momenta, planes)

    def _guided(
        self, guidance: ImageGuidance | None, condition: NDArray[np.float32]
    ) -> CleanEstimate:
        """The model, guided if that is asked for."""
        if guidance is None:
            return self.denoiser
        left_out = self.card.get("recipe", {}).get("left_out")
        told = torch.from_numpy(condition)
        return guidance.guided(self.denoiser, told, self.preprocessing, left_out)

    def _labels(
        self, particle: str | Sequence[str] | None, events: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        types = self.preprocessing.types
        return class_labels(particle, events, self.types, types, "particle", "images")

    def _told(
        self,
        events: NDArray[np.int64],
        labels: NDArray[np.int64],
        planes: NDArray[np.uint8],
        seed: int,
    ) -> NDArray[np.float64]:
        """Momenta (N, 3) to tell where none is asked for; NaN where there is none."""
        if self.momenta is None:
            return np.full((len(events), 3), np.nan)
        noise = Noise(seed, Stream.TOLD)
        uniform = noise.uniform(torch.from_numpy(events), (), dtype=torch.float64).numpy()
        return self.momenta.drawn(labels, planes, uniform)

    def _turns(
        self, events: NDArray[np.int64], seed: int, free: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """No exchange, and signs of the axes (N, 3), as ``image_symmetries`` takes them.

        -1 for half of the events, of each axis that is ``mirrored``; done twice it changes nothing.
        Events that are not ``free`` stay: what guidance knows of them has its place.
        """
        permutation = np.tile(np.arange(3), (len(events), 1))
        noise = Noise(seed, Stream.TURNED)
        signs = np.where(noise.uniform(torch.from_numpy(events), (3,)).numpy() < 0.5, -1, 1)
        turned = np.isin(AXES, self.mirrored) & free
        return permutation, np.where(turned, signs, 1)

    def _planes(
        self,
        plane: ArrayLike | None,
        particle: str | Sequence[str] | None,
        events: NDArray[np.int64],
    ) -> NDArray[np.uint8]:
        """Planes of images (N,), (N, C): those asked for, or in turn, after all classes in turn."""
        turn = events // (len(self.types) if particle is None else 1)
        channels, known = self.preprocessing.shape[0], len(PLANES)
        if channels > 1:
            if plane is not None:
                raise InputError(f"plane: the model makes {channels} planes at once; leave it out")
            return np.tile(np.arange(channels, dtype=np.uint8), (len(turn), 1))
        planes = np.asarray(np.nan if plane is None else plane, dtype=np.float64)
        if planes.shape not in ((), turn.shape):
            raise InputError(
                f"plane has shape {planes.shape} for {len(turn)} images; give one or one an image"
            )
        planes = np.where(np.isnan(planes), turn % known, planes)
        if not np.isin(planes, range(known)).all():
            raise InputError(f"plane must be a whole number from 0 to {known - 1}; mend the values")
        return planes.astype(np.uint8)[:, None]

    def save(self, path: Path, force: bool = False) -> None:
        """Write one safetensors file.

        Raises:
            InputError: the path exists and ``force`` is false, or cannot be written.
        """
        tensors = {
            f"{NETWORK}.{name}": tensor
            for name, tensor in self.denoiser.network.state_dict().items()
        }
        if self.momenta is not None:
            known = self.momenta.arrays
            tensors |= {f"{_MOMENTA}.{n}": torch.from_numpy(array) for n, array in known.items()}
        modelfile.write(path, tensors, {**self.constants, "card": self.card}, force)

    @classmethod
    def load(cls, path: Path) -> "ImageGenerator":
        """Read a model file.

        Raises:
            InputError: the file is missing, damaged or of another version.
        """
        header = modelfile.read_header(path)
        tensors = modelfile.read_tensors(path)
        try:
            spec = header["networks"][NETWORK]
            network = build(spec["name"], **spec["options"])
            network.load_state_dict(_of(NETWORK, tensors))
            schedule = schedule_from_dict(header["schedule"])
            denoiser = Denoiser(network, schedule, header["predicts"]).eval()
            preprocessing = ImagePreprocessing.from_dict(header["preprocessing"])
            known = {n: tensor.numpy() for n, tensor in _of(_MOMENTA, tensors).items()}
            momenta = Momenta(**known) if known else None
            if header["momenta"] != (None if momenta is None else momenta.digest):
                raise ValueError("its momenta are not those of its header")
            model = cls(denoiser, spec, preprocessing, header["card"], momenta)
            if list(model.mirrored) != header.get("mirrored", list(model.mirrored)):
                raise ValueError("what it mirrors is not what its recipe does")
            told = spec["options"]["condition"]
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, InputError) as error:
            raise InputError(f"{path}: damaged model file ({error}); get it again") from error
        if told != preprocessing.condition_features:
            raise InputError(
                f"{path}: is told {told} numbers of an image, this version of driftline tells "
                f"{preprocessing.condition_features}; train it again"
            )
        return model


def _of(owner: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file that are named ``owner.NAME``, by this name."""
    prefix = f"{owner}."
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _vectors(
    name: str, form: str, values: ArrayLike | None, count: int, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """What is asked of each image, (count, *shape); NaN throughout where the model is to draw it.

    Args:
        name: of it, for errors.
        form: what one of them consists of, for errors.
        values: one for all images, one for each, or None.
        count: of the images.
        shape: of one.

    Raises:
        InputError: they have another shape, or as ``known_vectors``.
    """
    vectors = np.asarray(np.nan if values is None else values, dtype=np.float64)
    if values is not None and vectors.shape not in (shape, (count, *shape)):
        raise InputError(
            f"{name} has shape {vectors.shape} for {count} images; give {form}, "
            "once or for every image"
        )
    vectors = np.broadcast_to(vectors, (count, *shape))
    known_vectors(name, vectors)
    return vectors


def _check_momenta(momenta: NDArray[np.float64]) -> None:
    """Refuse momenta (N, 3) that are zero.

    Raises:
        InputError: one is.
    """
    still = (momenta == 0).all(axis=1)
    if still.any():
        raise InputError(
            f"momentum: of image {still.argmax()} is zero, which has no direction; give another"
        )


def _check_starts(starts: NDArray[np.float64], planes: NDArray[np.uint8], pitch: float) -> None:
    """Refuse start points (N, C, 2) [pixels] that are no places.

    Raises:
        InputError: one is too far away, or the planes of an image show different places.
    """
    if (np.abs(starts) > FARTHEST).any():
        raise InputError(
            f"start: lies more than {FARTHEST:,} pixels away; give row and column in pixels"
        )
    again = projected(start_at(starts, planes, pitch), planes) / pitch
    if not np.allclose(again, starts, rtol=1e-5, atol=1e-3, equal_nan=True):
        raise InputError(
            "start: its rows and columns on several planes are not those of one place; give x, y, "
            "z of it as (x, y), (y, z), (z, x)"
        )
