"""Wire-Cell's frame archives: waveforms of wires after signal processing, cut to tiles.

A tar file of NumPy arrays ``KIND_TAG_EVENT.npy``. Of each tag (``gauss1``: charge for calorimetry,
``wiener1``: for finding signals) and event: ``frame`` (channels, ticks) of charge [electrons],
``channels`` (channels,) their numbers, ``tickinfo`` start, length of a tick [ns], first tick;
``chanmask_bad`` (B, 3) of channel, first and last tick of bad stretches.

Layout: ``sio/docs`` of WireCell/wire-cell-toolkit.
"""

import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftline.data.image_preprocessing import apply_threshold
from driftline.data.images import UNKNOWN, Images
from driftline.data.liquid_argon import DRIFT_VELOCITY
from driftline.data.resampling import TOLERANCE, resample, touched
from driftline.errors import InputError


class Plane(NamedTuple):
    """Wires side by side."""

    wires: int
    pitch: float
    """cm from wire to wire."""


class Detector(NamedTuple):
    """How the channels of an archive divide into planes: two of induction, one of collection."""

    name: str
    planes: tuple[Plane, ...]
    drift_velocity: float = DRIFT_VELOCITY
    """cm/us"""

    @property
    def channels(self) -> int:
        """In all planes."""
        return sum(plane.wires for plane in self.planes)


DETECTORS = {
    detector.channels: detector
    for detector in (
        Detector("ProtoDUNE anode", (Plane(800, 0.4669), Plane(800, 0.4669), Plane(960, 0.479))),
        Detector("MicroBooNE", (Plane(2400, 0.3), Plane(2400, 0.3), Plane(3456, 0.3)), 0.1098),
    )
}
"""By the number of channels in a frame.

Pitches and drift velocity: ``cfg/pgrapher/experiment`` of the toolkit and the files of wires that
it names.
"""


class _Sides(NamedTuple):
    """Of a pixel."""

    wires: tuple[float, ...]
    """of each plane."""
    ticks: float
    pitch: float
    """cm"""


_TICKS = 4
_NO_TICKS = np.zeros(3)
_NAME = re.compile(r"(?:.*/)?(frame|channels|tickinfo|chanmask)_(.+)_(\d+)\.npy")
_DAMAGED = (OSError, EOFError, ValueError, tarfile.TarError, lzma.LZMAError, zlib.error)


def is_archive(path: Path) -> bool:
    """Whether a file is a tar archive, of whatever compression."""
    try:
        return tarfile.is_tarfile(path)
    except _DAMAGED:
        return False


def blocks(
    path: Path,
    *,
    size: int = 64,
    rebin: int | None = None,
    pitch: float | None = None,
    threshold: float = 400.0,
    least: int = 50,
    detector: Detector | None = None,
) -> Iterator[Images]:
    """The tiles of an archive in electrons, a block a frame.

    Rows are wires, columns time; ``planes`` are first induction, second induction, collection.
    Pixels are a wire and some ticks, or squares of a given pitch, to which the charge is shared out
    by area: across the wires by their pitch, along the drift by its velocity.

    Tiles do not overlap and stay in their plane; what does not fill one at the end is left out.
    All tiles of an archive's event are one event. ``corner`` is the first row and column in the
    plane; the attribute ``bad`` lists, in the same numbers, plane, row, first and last column of
    what bad stretches touch. Read are the frames whose tag begins with ``gauss``, else those of the
    first tag.

    Args:
        path: the archive.
        size: side of a tile [pixels].
        rebin: so many ticks are summed to a column, by default 4; the pitch of such images is that
            of the collection wires.
        pitch: [cm] side of square pixels, in place of ``rebin``.
        threshold: [electrons] smaller charge is set to zero.
        least: tiles with fewer pixels of charge are left out.
        detector: by default that of ``DETECTORS``.

    Raises:
        InputError: no archive of frames, damaged, channels of an unknown detector, a pitch finer
            than a tick or beside ``rebin``, no ticks to a column, or no tile is left.
    """
    path = Path(path)
    if rebin is not None and pitch is not None:
        raise InputError("rebin: the pitch tells how many ticks a column has; leave one out")
    if rebin is not None and rebin < 1:
        raise InputError(f"rebin {rebin}: choose one from 1 up")
    left = 0
    for arrays, tag, event in _frames(path):
        frame, numbers, seen_by = _ordered(path, arrays, tag, detector)
        if pitch is None:
            sides = _wires_and_ticks(seen_by, _TICKS if rebin is None else rebin)
        else:
            sides = _squares(path, seen_by, arrays.get(f"tickinfo_{tag}", _NO_TICKS), pitch)
        pixels, planes, corner = tiles(
            _pixels(frame, seen_by, sides), size=size, threshold=threshold, least=least
        )
        left += len(pixels)
        if not len(pixels):
            continue
        bad = _masks(path, arrays)
        yield Images(
            pixels[:, None],
            np.zeros(len(pixels), dtype=np.int64),
            (UNKNOWN,),
            planes[:, None],
            np.full(len(pixels), event, dtype=np.int64),
            corner=corner[:, None],
            unit="electrons",
            threshold=threshold,
            pitch=sides.pitch,
            attributes={
                "source": str(path),
                "detector": seen_by.name,
                "tag": tag,
                "wires in a row": list(sides.wires),
                "ticks in a column": sides.ticks,
                "bad": _bad(bad, numbers, seen_by, sides, frame.shape[1]),
            },
        )
    if not left:
        raise InputError(
            f"{path}: no tile of {size} x {size} pixels has {least} of at least {threshold:g} "
            "electrons; choose a lower threshold with wire_cell.blocks"
        )


def tiles(
    planes: Sequence[NDArray[np.float32]], *, size: int, threshold: float, least: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int32]]:
    """Cut planes into tiles and keep those with enough charge.

    Args:
        planes: (rows, columns) charge of each.
        size: side of a tile [pixels].
        threshold: smaller charge is set to zero.
        least: tiles with fewer pixels of charge are left out.

    Returns:
        (M, size, size) float32 tiles, (M,) planes, and (M, 2) row and column in the plane of their
        first pixel.
    """
    kept, numbers, corners = [], [], []
    for number, plane in enumerate(planes):
        charge = apply_threshold(plane, threshold)
        down, across = (length // size for length in charge.shape)
        cut = charge[: down * size, : across * size]
        cut = cut.reshape(down, size, across, size).swapaxes(1, 2).reshape(-1, size, size)
        enough = (cut > 0).sum(axis=(1, 2)) >= least
        index = np.flatnonzero(enough)
        kept.append(cut[index])
        numbers.append(np.full(len(index), number, dtype=np.uint8))
        corners.append(size * np.stack(np.divmod(index, max(across, 1)), axis=1))
    return np.concatenate(kept), np.concatenate(numbers), np.concatenate(corners).astype(np.int32)


def _wires_and_ticks(detector: Detector, ticks: int) -> _Sides:
    """Of pixels that are a wire and some ticks."""
    return _Sides((1.0,) * len(detector.planes), ticks, detector.planes[-1].pitch)


def _squares(path: Path, detector: Detector, tickinfo: NDArray[Any], pitch: float) -> _Sides:
    """Of square pixels."""
    readable = tickinfo.shape == (3,) and tickinfo.dtype.kind in "iuf"
    tick = float(tickinfo[1]) if readable else 0.0
    if not 0 < tick < np.inf:
        raise InputError(
            f"{path}: tickinfo does not tell the length of a tick; leave the pitch out"
        )
    length = detector.drift_velocity * tick / 1000
    if not length * (1 - TOLERANCE) <= pitch < np.inf:
        raise InputError(
            f"{path}: a pitch of {pitch:g} cm; choose one from {length:g} cm up, the length of a "
            "tick"
        )
    return _Sides(tuple(pitch / plane.pitch for plane in detector.planes), pitch / length, pitch)


def _pixels(
    frame: NDArray[np.float32], detector: Detector, sides: _Sides
) -> list[NDArray[np.float32]]:
    """The charge of each plane in its pixels."""
    edges = np.cumsum([plane.wires for plane in detector.planes])
    return [
        resample(plane, wires, sides.ticks).astype(np.float32)
        for plane, wires in zip(np.split(frame, edges[:-1]), sides.wires)
    ]


def _frames(path: Path) -> Iterator[tuple[dict[str, NDArray[Any]], str, int]]:
    """Of every frame to read: the arrays of its event by kind and tag, its tag, its event."""
    try:
        with tarfile.open(path) as archive:
            names = [match.groups() for name in archive.getnames() if (match := _match(name))]
        tags = sorted({tag for kind, tag, _ in names if kind == "frame"})
        chosen = [tag for tag in tags if tag.startswith("gauss")] or tags[:1]
        if not chosen:
            raise InputError(
                f"{path}: holds no frame_TAG_EVENT.npy; give a Wire-Cell archive of frames"
            )
        for event, arrays in _events(path, chosen):
            for tag in chosen:
                if f"frame_{tag}" in arrays:
                    yield arrays, tag, event
    except _DAMAGED as error:
        raise InputError(
            f"{path}: truncated or damaged archive ({error}); fetch it again"
        ) from error


def _events(path: Path, tags: list[str]) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
    """The arrays of each event, whose files follow each other in the archive."""
    arrays: dict[str, NDArray[Any]] = {}
    event = -1
    with tarfile.open(path) as archive:
        for member in archive:
            match = _match(member.name)
            if match is None or match[2] not in (*tags, "bad"):
                continue
            if arrays and int(match[3]) != event:
                yield event, arrays
                arrays = {}
            event = int(match[3])
            file = archive.extractfile(member)
            assert file is not None  # a file, as its name says
            arrays[f"{match[1]}_{match[2]}"] = np.load(io.BytesIO(file.read()), allow_pickle=False)
    if arrays:
        yield event, arrays


def _match(name: str) -> re.Match[str] | None:
    return _NAME.fullmatch(name)


def _ordered(
    path: Path, arrays: dict[str, NDArray[Any]], tag: str, detector: Detector | None
) -> tuple[NDArray[np.float32], NDArray[np.int64], Detector]:
    """Frame and channel numbers in ascending order, and the detector they belong to."""
    frame, numbers = arrays[f"frame_{tag}"], arrays.get(f"channels_{tag}")
    numeric = frame.ndim == 2 and frame.size and frame.dtype.kind in "iuf"
    if not (numeric and np.isfinite(frame).all()):
        raise InputError(
            f"{path}: a frame is {frame.dtype} of shape {frame.shape} or not finite, expected "
            "finite numbers (channels, ticks); fetch it again"
        )
    numbers = np.arange(len(frame)) if numbers is None else np.ravel(numbers)
    if len(numbers) != len(frame):
        raise InputError(
            f"{path}: channels has {len(numbers)} numbers, frame {len(frame)} rows; fetch it again"
        )
    detector = detector or DETECTORS.get(len(frame))
    if detector is None or detector.channels != len(frame):
        known = ", ".join(f"{n} ({d.name})" for n, d in DETECTORS.items())
        raise InputError(
            f"{path}: frame has {len(frame)} channels; known are {known}, others need "
            "wire_cell.blocks(path, detector=...)"
        )
    order = np.argsort(numbers, kind="stable")
    return frame[order].astype(np.float32, copy=False), numbers[order].astype(np.int64), detector


def _masks(path: Path, arrays: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """(B, 3) channel, first tick and end of bad stretches; none where the archive tells of none."""
    found = arrays.get("chanmask_bad", np.zeros(0))
    if not found.size:
        return np.zeros((0, 3), dtype=np.int64)
    numeric = found.ndim == 2 and found.shape[1] == 3 and found.dtype.kind in "iuf"
    if not (numeric and np.isfinite(found).all()):
        raise InputError(
            f"{path}: chanmask_bad is {found.dtype} of shape {found.shape} or not finite, expected "
            "channel, first tick and end, (B, 3); fetch it again"
        )
    return found.astype(np.int64)


def _bad(
    masks: NDArray[np.int64],
    numbers: NDArray[np.int64],
    detector: Detector,
    sides: _Sides,
    ticks: int,
) -> list[list[int]]:
    """[plane, row, first and last column] of bad stretches (channel, first tick, end)."""
    edges = np.cumsum([0, *(plane.wires for plane in detector.planes)])
    found = []
    for channel, start, stop in masks[np.isin(masks[:, 0], numbers)].tolist():
        index = int(np.searchsorted(numbers, channel))
        plane = int(np.searchsorted(edges, index, side="right")) - 1
        wire = index - int(edges[plane])
        if max(start, 0) >= min(stop, ticks):
            continue
        first, end = touched(max(start, 0), min(stop, ticks), sides.ticks)
        rows = range(*touched(wire, wire + 1, sides.wires[plane]))
        found += [[plane, row, first, end - 1] for row in rows]
    return found
