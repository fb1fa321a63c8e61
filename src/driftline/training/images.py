"""Training a generator of detector images."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from driftline.data.crops import split_by_event
from driftline.data.formats.detector_images import read_images
from driftline.data.image_conditions import CONDITIONS, start_pixels
from driftline.data.image_preprocessing import ImagePreprocessing, known_vectors
from driftline.data.image_symmetries import (
    AXES,
    transformed_images,
    transformed_planes,
    transformed_points,
    transformed_vectors,
)
from driftline.data.images import Images
from driftline.data.momenta import Momenta
from driftline.diffusion.observables import Observable
from driftline.errors import InputError
from driftline.image_generator import NETWORK, ImageGenerator
from driftline.observables.images import (
    IMAGE_OBSERVABLES,
    PixelObservable,
    extent,
    finished,
    hits_of,
    of_encoded,
    spectrum_of,
)
from driftline.observables.topology import clusters_of, topology_of
from driftline.training.correction import Asked, Blank
from driftline.training.loop import Batch, train
from driftline.training.objectives import always
from driftline.training.physics import loss_of
from driftline.training.progress import Progress
from driftline.training.recipe import ImageRecipe
from driftline.training.run import (
    check_run,
    denoiser_of,
    fitted,
    keep_source,
    levels_of,
    pairing_of,
    provenance,
    source_of,
    write_json,
)
from driftline.training.start import history_of, keep, require_known, start_of, take_weights

TRAINING, VALIDATION = "train.hdf5", "validation.hdf5"
"""Names of the files in a folder of images that are divided already."""

PREPROCESSING = "preprocessing.json"
"""In a run's directory."""

_MOMENTA = 3000
"""Of each class, that a model keeps to tell where none is asked for."""


class Sparse:
    """Images of which only the pixels with charge are kept, a hundredth of the memory.

    Args:
        pixels: (N, C, H, W).
        values: what becomes of the pixels that are not zero, element by element.
        empty: and of those that are.
    """

    def __init__(
        self,
        pixels: NDArray[np.float32],
        values: Callable[[NDArray[np.float32]], NDArray[np.float32]],
        empty: float,
    ) -> None:
        flat = pixels.reshape(len(pixels), -1)
        row, place = np.nonzero(flat)
        self.shape = pixels.shape[1:]
        self.values, self.empty = values(flat[row, place]), empty
        self.place = place.astype(np.int32)
        self.begin = np.searchsorted(row, np.arange(len(pixels) + 1))

    def __getitem__(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """Whole images (B, C, H, W) of numbers (B,)."""
        images = np.full((len(index), np.prod(self.shape)), self.empty, dtype=np.float32)
        for image, n in zip(images, index):
            mine = slice(self.begin[n], self.begin[n + 1])
            image[self.place[mine]] = self.values[mine]
        return images.reshape(-1, *self.shape)


class ImageEvents:
    """Encoded images and what the model is told of them.

    Args:
        images: the sample.
        preprocessing: fitted to the training sample.
        exchanged: axes that are exchanged at random, see ``image_symmetries``.
        mirrored: axes that are mirrored at random.
        left_out: probability that the model is not told one of ``CONDITIONS``.

    Raises:
        InputError: images that are not those of the preprocessing, or that have different numbers
            of rows and columns and are to be turned; a momentum or start known in part.
    """

    def __init__(
        self,
        images: Images,
        preprocessing: ImagePreprocessing,
        exchanged: Sequence[str] = (),
        mirrored: Sequence[str] = (),
        left_out: dict[Any, float] | None = None,
    ) -> None:
        preprocessing.check(images)
        rows, columns = images.pixels.shape[2:]
        if len(exchanged) > 1 and rows != columns:
            raise InputError(
                f"recipe: exchanged: {rows} x {columns} pixels cannot be turned; leave it empty"
            )
        self.preprocessing = preprocessing
        empty = float(preprocessing.encode(np.zeros(1, np.float32))[0])
        self.encoded = Sparse(images.pixels, preprocessing.encode, empty)
        self.planes, self.momentum = images.planes, images.momentum
        self.start = start_pixels(images)
        for name, told in (("momentum", self.momentum), ("start", self.start)):
            if told is not None:
                known_vectors(name, told)
        known = [preprocessing.types.index(name) for name in images.present]
        self.labels = np.array(known)[np.unique(images.labels, return_inverse=True)[1]]
        self.exchanged = [AXES.index(axis) for axis in exchanged]
        self.mirrored = [AXES.index(axis) for axis in mirrored]
        chances = [(left_out or {}).get(name, 0.0) for name in CONDITIONS]
        self.left_out = torch.tensor(chances)

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """Events ``index`` (B,)."""
        rows, count = index.numpy(), len(index)
        x, planes = self.encoded[rows], self.planes[rows]
        momentum, start = (
            None if told is None else told[rows] for told in (self.momentum, self.start)
        )
        turns = self.turns(count, generator)
        given = (torch.rand(count, len(CONDITIONS), generator=generator) >= self.left_out).numpy()
        if self.exchanged or self.mirrored:
            if start is not None:
                start = transformed_points(start, planes, *turns, x.shape[2:])
            if momentum is not None:
                momentum = transformed_vectors(momentum, *turns)
            x, planes = transformed_images(x, planes, *turns)
        condition = self.preprocessing.condition(
            count, self.labels[rows], momentum, planes, start, given
        )
        return Batch(torch.from_numpy(x), torch.from_numpy(condition), None)

    def momenta(self, count: int, generator: torch.Generator) -> Momenta | None:
        """Momenta of ``count`` images of each class drawn at random, turned at random.

        None where the model is told none: no momentum is known, or all are left out.
        """
        if self.momentum is None or self.left_out[CONDITIONS.index("momentum")] == 1:
            return None
        known = np.isfinite(self.momentum).all(axis=1)
        own = [np.flatnonzero(known & (self.labels == k)) for k in np.unique(self.labels[known])]
        if not own:
            return None
        rows = np.concatenate(
            [n[torch.randint(len(n), (count,), generator=generator).numpy()] for n in own]
        )
        turns = self.turns(len(rows), generator)
        return Momenta(
            transformed_vectors(self.momentum[rows], *turns),
            self.labels[rows].astype(np.uint8),
            transformed_planes(self.planes[rows], *turns),
        )

    def turns(
        self, count: int, generator: torch.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Random permutations (count, 3) of the axes exchanged, and signs of those mirrored."""
        permutation = torch.arange(3).repeat(count, 1)
        order = torch.rand(count, len(self.exchanged), generator=generator).argsort(dim=1)
        permutation[:, self.exchanged] = torch.tensor(self.exchanged, dtype=torch.int64)[order]
        signs = torch.ones(count, 3, dtype=torch.int64)
        signs[:, self.mirrored] = (
            torch.randint(0, 2, (count, len(self.mirrored)), generator=generator) * 2 - 1
        )
        return permutation.numpy(), signs.numpy()


def asked_images(generator: ImageGenerator, labels: NDArray[np.int64]) -> Asked:
    """How images of classes (N,) are generated where nothing else is asked of them."""
    # In no order, for generators take planes in turn: of every third image all show the same.
    order = np.random.default_rng(0).permutation(len(labels))
    types = [generator.preprocessing.types[k] for k in labels[order]]
    told = generator.usual_condition(len(labels), types)[np.argsort(order)]
    return Asked(Blank(generator.preprocessing.shape, torch.from_numpy(told)))


def read_samples(data: Path, validation: float) -> tuple[Images, Images]:
    """Training and validation images, of different events.

    Args:
        data: a file or folder of images, divided here by event; or a folder that holds
            ``train.hdf5`` and ``validation.hdf5``.
        validation: expected fraction of the events kept for validation.

    Raises:
        InputError: no such file, or one that cannot be read; one of the samples is empty.
    """
    if (data / TRAINING).exists():
        samples = tuple(read_images(data / name) for name in (TRAINING, VALIDATION))
    else:
        samples = split_by_event(read_images(data), (1 - validation, validation))
    for name, sample in zip(("training", "validation"), samples):
        if not len(sample):
            raise InputError(f"{data}: leaves no image for {name}; give more events")
    training, held_out = (replace(sample, segmentation=None) for sample in samples)
    return training, held_out


def image_observables(preprocessing: ImagePreprocessing) -> dict[str, Observable]:
    """The observables of the images that a network estimates, by the names that recipes use."""
    named = IMAGE_OBSERVABLES | {
        "spectrum": spectrum_of(preprocessing),
        "topology": topology_of(preprocessing),
    }
    return {name: of_encoded(own, preprocessing) for name, own in named.items()}


def finished_observables(preprocessing: ImagePreprocessing) -> dict[str, Observable]:
    """Those of the images that a student has made: charge counts where it is above the threshold.

    Pixels that are faint are empty in the end, however many; what makes them so is in ``spectrum``,
    ``topology``, ``clusters`` and ``hits``, which see them with a derivative.
    """
    named = IMAGE_OBSERVABLES | {"extent": extent}
    counted = {name: of_encoded(own, preprocessing, finished) for name, own in named.items()}
    soft: dict[str, PixelObservable] = {
        "clusters": clusters_of(preprocessing),
        "hits": hits_of(preprocessing),
    }
    seen = {name: of_encoded(own, preprocessing) for name, own in soft.items()}
    return image_observables(preprocessing) | counted | seen


def network_spec(recipe: ImageRecipe, preprocessing: ImagePreprocessing) -> dict[str, Any]:
    """Name and options that build the network."""
    shape, condition = list(preprocessing.shape), preprocessing.condition_features
    options = {
        "shape": shape,
        "condition": condition,
        "coordinates": list(preprocessing.coordinate_columns),
        **recipe.network.options,
    }
    return {"name": recipe.network.name, "options": options}


def train_images(
    recipe: ImageRecipe,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    device: torch.device | str = "cpu",
    progress: Callable[[str, Path], Progress] | None = None,
) -> Path:
    """Train a generator of images and write it.

    ``out`` gets ``recipe.json``, ``training-data.json`` (which events), ``preprocessing.json``, a
    checkpoint and a TensorBoard log, ``training.json`` (provenance) and
    ``model.safetensors``.

    Args:
        recipe: see ``ImageRecipe``.
        data: see ``read_samples``.
        out: the run's directory.
        resume: continue the run in ``out``; its recipe may differ in the number of steps only,
            its data not at all.
        device: where the network is trained.
        progress: makes the reporter from a title and the log's directory.

    Returns:
        The path of the model.

    Raises:
        InputError: bad data, a run that exists (without ``resume``), or another recipe or other
            events (with it).
        TrainingError: the loss was not finite.
        KeyboardInterrupt: interrupted; a checkpoint is kept.
    """
    check_run(out, recipe, resume)
    start = start_of(recipe, ImageGenerator, out)
    preprocessing, events, held_out, source = _prepared(recipe, data, out, start)
    spec = network_spec(recipe, preprocessing)
    denoiser, levels = denoiser_of(recipe, spec).to(device), levels_of(recipe.levels)
    if start is not None:
        take_weights(NETWORK, denoiser, start.denoiser)
    pairing = pairing_of(recipe)
    # All of the recipe has been understood: now the run begins.
    write_json(out / "recipe.json", recipe.model_dump(mode="json"))
    write_json(out / PREPROCESSING, preprocessing.to_dict())
    keep_source(out, source)
    keep(start, out)
    loss = loss_of(recipe.physics, image_observables(preprocessing), events)
    momenta = _momenta(events, recipe, start)
    outcome = train(
        denoiser,
        events,
        held_out,
        levels,
        recipe.training,
        seed=recipe.seed + 2**32,
        out=out,
        objective=always(pairing(loss)),
        resume=resume,
        progress=progress("images", out / "log") if progress else None,
    )
    counts = np.bincount(events.labels, minlength=len(preprocessing.types)).tolist()
    history = {
        "images_per_class": dict(zip(preprocessing.types, counts, strict=True)),
        **provenance(source, {NETWORK: outcome}, device),
    }
    write_json(out / "training.json", history)
    card = {"recipe": recipe.model_dump(mode="json"), "training": history, **history_of(start)}
    model = out / "model.safetensors"
    ImageGenerator(denoiser, spec, preprocessing, card, momenta).save(model, force=True)
    return model


def _momenta(
    events: ImageEvents, recipe: ImageRecipe, start: ImageGenerator | None
) -> Momenta | None:
    """Momenta of the training images; of classes that are not among them those of the start."""
    found = events.momenta(_MOMENTA, torch.Generator().manual_seed(recipe.seed))
    earlier = None if start is None else start.momenta
    if found is None or earlier is None:
        return found
    return found.joined(earlier.without(found.labels))


def _prepared(
    recipe: ImageRecipe, data: Path, out: Path, start: ImageGenerator | None
) -> tuple[ImagePreprocessing, ImageEvents, ImageEvents, dict[str, Any]]:
    """Preprocessing, training and validation events, provenance; the dense images are let go."""
    training, validation = read_samples(data, recipe.validation)
    source = source_of(out, training.attributes, *training.columns.values())
    if start is not None:
        require_known(training.present, start.types, data)
    preprocessing = fitted(
        out / PREPROCESSING,
        ImagePreprocessing.from_dict,
        lambda: ImagePreprocessing.fit(training, **recipe.preprocessing),
        None if start is None else start.preprocessing,
    )
    events = ImageEvents(
        training, preprocessing, recipe.exchanged, recipe.mirrored, dict(recipe.left_out)
    )
    return preprocessing, events, ImageEvents(validation, preprocessing), source
