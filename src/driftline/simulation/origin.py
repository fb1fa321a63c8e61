"""The simulation that made a sample, to make more of the same: what generation is timed beside."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from driftline.data.clouds import Jets
from driftline.data.crops import crop_blocks
from driftline.data.events import LabelledEvents
from driftline.data.images import Images
from driftline.errors import InputError
from driftline.simulation.detector import DetectorSettings
from driftline.simulation.liquid_argon import events as liquid_argon
from driftline.simulation.pythia import (
    GENERATOR,
    PythiaSettings,
    as_jets,
    jet_batches,
    require_generators,
)

_SEED = 2**40
"""Of no sample that is likely to be made."""

_ENDLESS = 10**12
"""Events."""


@dataclass(frozen=True)
class Origin:
    """A simulation with all its settings.

    Attributes:
        described: what it is, for text.
        stream: accepted events of a class, some at a time, without an end, on one thread.
    """

    described: str
    stream: Callable[[str], Iterator[LabelledEvents]]


def of_jets(jets: Jets) -> Origin:
    """Pythia and FastJet as these jets were made; by the JetNet recipe if they do not say how.

    Raises:
        InputError: their settings are not those of this version, or the generators are absent.
    """
    require_generators()
    found = jets.attributes.get("settings")
    settings, whose = PythiaSettings(), "default settings, as the reference names none"
    if jets.attributes.get("generator") == GENERATOR and found is not None:
        whose = "the reference's settings"
        try:
            detector = DetectorSettings(**found["detector"])
            shower = tuple(found["shower"])
            settings = PythiaSettings(**{**found, "detector": detector, "shower": shower})
        except (TypeError, KeyError) as error:
            raise _unlike_ours(error) from error
    slots = jets.particles.shape[1]

    def stream(jet_type: str) -> Iterator[Jets]:
        batches = jet_batches(jet_type, slots=slots, seed=_SEED, number=0, settings=settings)
        return (as_jets(batch, jet_type, {}) for batch in batches)

    return Origin(f"JetNet recipe, Pythia 8 and FastJet, {whose}", stream)


def of_images(images: Images) -> Origin:
    """The liquid-argon simulation as these images were made, cropped alike.

    Raises:
        InputError: they do not say that it made them, or how.
    """
    attributes = images.attributes
    if attributes.get("generator") != liquid_argon.GENERATOR:
        raise InputError(
            "reference: its attribute generator does not name driftline's liquid-argon simulation, "
            "so that there is nothing to time; give images of driftline simulate lartpc, or leave "
            "out --against-simulation"
        )
    try:
        found = attributes["settings"]
        settings = liquid_argon.LiquidArgonSettings(
            **{**found, "momentum": tuple(found["momentum"])}
        )
        cut: dict[str, Any] | None = attributes.get("crop")
        crop = None if cut is None else (cut["size"], cut["margin"], cut["occupancy"])
    except (TypeError, KeyError) as error:
        raise _unlike_ours(error) from error

    def stream(particle: str) -> Iterator[Images]:
        blocks = liquid_argon.simulate_blocks(
            [particle], _ENDLESS, seed=_SEED, workers=1, settings=settings
        )
        return blocks if crop is None else crop_blocks(blocks, *crop)

    what = "whole images" if crop is None else "accepted crops"
    return Origin(f"liquid-argon simulation, {what}, the reference's settings", stream)


def _unlike_ours(error: Exception) -> InputError:
    return InputError(
        f"reference: attribute settings is not of this version's simulation ({error}); simulate "
        "the reference again, or leave out --against-simulation"
    )
