"""The kinds of events: what an evaluation, a study and the command line have to know of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data import clouds, images
from driftline.data.clouds import Jets
from driftline.data.events import LabelledEvents
from driftline.data.formats import image_file, jetnet
from driftline.data.images import Images
from driftline.metrics.calibration import Quantity
from driftline.metrics.image_calibration import image_quantities
from driftline.metrics.images.memorisation import Memorisation
from driftline.metrics.images.observables import ImageSample
from driftline.metrics.images.table import IMAGE_HEADLINE, IMAGE_METRICS, image_metrics
from driftline.metrics.jet_calibration import JET_QUANTITIES
from driftline.metrics.jet_metrics import METRICS
from driftline.metrics.jet_observables import JetSample
from driftline.metrics.metric import Metric, Wasserstein
from driftline.metrics.sample import Sample
from driftline.simulation.origin import Origin, of_images, of_jets


@dataclass(frozen=True)
class EventKind:
    """One kind of event.

    Attributes:
        name: in the plural, as in text and in model files.
        one: in the singular.
        events: the class of such samples in memory.
        numbers: the arrays that must be finite, and that tell two samples apart.
        sample: the observables of events of one class.
        metrics: all metrics, in the order of the tables.
        headline: names of those that a study judges samplers by; each is a ``Wasserstein``.
        memorisation: of training events, the metric that finds copies of them, or None.
        reported: names of others that a study tells of every sampler, without judging by them.
        calibrated: what can be asked of events and found in them.
        not_asked: a sentence on those values of ``calibrated`` that the user did not ask for.
        averaged: whether the mean of the headline metrics has been published, so that a study
            tells it too.
        compared: what a study compares unless samplers are named: first the baseline, then the
            published ones and this package's own, see ``NetworkSamplers.parse``.
        concatenate: joins samples.
        unlike: in what two samples differ so that they cannot be compared, and the remedy; or None.
        distances: (N,) how far event i of one sample is from event i of the other.
        write: a file of events; replaces one that exists.
        read: reads it back.
        form: options with which ``read_events`` gives events of the same form as these.
        origin: the simulation that made these; raises InputError where there is none.
    """

    name: str
    one: str
    events: type[Any]
    numbers: tuple[str, ...]
    sample: Callable[[Any], Sample]
    metrics: tuple[Metric, ...]
    headline: tuple[str, ...]
    concatenate: Callable[[Sequence[Any]], Any]
    unlike: Callable[[Any, Any], str | None]
    distances: Callable[[Any, Any], NDArray[np.float64]]
    write: Callable[[Path, Any], None]
    read: Callable[[Path], Any]
    form: Callable[[Any], dict[str, Any]]
    compared: tuple[str, ...]
    origin: Callable[[Any], Origin]
    memorisation: Callable[[Any], Metric] | None = None
    reported: tuple[str, ...] = ()
    calibrated: tuple[Quantity, ...] = ()
    not_asked: str = ""
    averaged: bool = False

    @property
    def headline_metrics(self) -> tuple[Wasserstein, ...]:
        """The metrics that a study judges samplers by."""
        found = {m.name: m for m in self.metrics if isinstance(m, Wasserstein)}
        return tuple(found[name] for name in self.headline)

    @property
    def reported_metrics(self) -> tuple[Metric, ...]:
        """The metrics that a study tells besides."""
        return tuple(metric for metric in self.metrics if metric.name in self.reported)


JETS = EventKind(
    name="jets",
    one="jet",
    events=Jets,
    numbers=("particles", "features"),
    sample=JetSample,
    metrics=METRICS,
    headline=("w1m", "w1p", "w1efp"),
    concatenate=clouds.concatenate,
    unlike=clouds.unlike,
    distances=clouds.distances,
    write=lambda path, jets: jetnet.write(path, jets, force=True),
    read=jetnet.read,
    form=lambda jets: {"particles": jets.particles.shape[1]},
    compared=(
        "rk45:tolerance=1e-5",  # the poster's, as far as "poster-pc"
        "rk45:tolerance=1e-4",
        "rk45:tolerance=1e-3",
        "em:steps=300",
        "pc:steps=125",
        "pc:steps=250",
        "poster-pc:steps=250",
        "heun:steps=25,grid=karras",
        "dpm:steps=10",
        "dpm:steps=20",
        "dpm:steps=30",
        "dpm:steps=50",
    ),
    calibrated=JET_QUANTITIES,
    origin=of_jets,
    not_asked=(
        "What the user did not ask (see asked in the provenance), the model drew first and then "
        "was told."
    ),
    averaged=True,
)

IMAGES = EventKind(
    name="images",
    one="image",
    events=Images,
    numbers=("pixels",),
    sample=ImageSample,
    metrics=IMAGE_METRICS,
    headline=IMAGE_HEADLINE,
    memorisation=Memorisation,
    reported=("ssnet_fid",),
    calibrated=image_quantities(),
    not_asked="Images that were told neither momentum nor start are left out.",
    concatenate=images.concatenate,
    unlike=images.unlike,
    distances=images.distances,
    write=lambda path, events: image_file.write(path, events, force=True),
    read=image_file.read,
    form=lambda events: {},
    compared=(
        "em:steps=1000",  # the paper's, arXiv:2307.13687
        "rk45:tolerance=1e-3",
        "heun:steps=25,grid=karras",
        "dpm:steps=10",
        "dpm:steps=20",
        "dpm:steps=30",
    ),
    origin=of_images,
)

KINDS = (JETS, IMAGES)
"""All of them."""


def kind_named(name: str) -> EventKind:
    """The kind of a name.

    Raises:
        KeyError: there is none.
    """
    return {kind.name: kind for kind in KINDS}[name]


def kind_of(events: LabelledEvents) -> EventKind:
    """The kind of a sample; of images, with metrics and calibrations in their unit."""
    if isinstance(events, Images) and events.unit != "MeV":
        return replace(
            IMAGES,
            metrics=image_metrics(events.unit),
            calibrated=image_quantities(events.unit),
        )
    return next(kind for kind in KINDS if isinstance(events, kind.events))
