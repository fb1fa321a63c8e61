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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftline.data.image_preprocessing import apply_threshold
from driftline.data.images import Images
from driftline.errors import InputError


class Detector(NamedTuple):
    """How the channels of an archive divide into planes: two of induction, one of collection."""

    name: str
    channels: tuple[int, ...]
    pitch: float
    """cm between wires."""


DETECTORS = {
    2560: Detector("ProtoDUNE anode", (800, 800, 960), 0.47),
    8256: Detector("MicroBooNE", (2400, 2400, 3456), 0.3),
}
"""By the number of channels in a frame."""

_NAME = re.compile(r"(?:.*/)?(frame|channels|chanmask)_(.+)_(\d+)\.npy")
_DAMAGED = (OSError, EOFError, ValueError, tarfile.TarError, lzma.LZMAError, zlib.error)


def is_archive(path: Path) -> bool:
    """Whether a file is a tar archive, of whatever compression."""
    try:
        return tarfile.is_tarfile(path)
    except _DAMAGED:
        return False


def blocks(
    path: Path,
    size: int = 64,
    rebin: int = 4,
    threshold: float = 400.0,
    least: int = 50,
    channels: tuple[int, ...] | None = None,
) -> Iterator[Images]:
    """The tiles of an archive in electrons, a block a frame.

    Rows are wires, columns time; ``planes`` are first induction, second induction, collection.
    Tiles do not overlap and stay in their plane; what does not fill one at the end is left out.
    All tiles of an archive's event are one event. ``corner`` is the first wire in the plane and the
    first column; the attribute ``bad`` lists, in the same numbers, plane, wire, first and last
    column of bad stretches. Read are the frames whose tag begins with ``gauss``, else those of the
    first tag.

    Args:
        path: the archive.
        size: side of a tile [pixels].
        rebin: so many ticks are summed to a column.
        threshold: [electrons] smaller charge is set to zero.
        least: tiles with fewer pixels of charge are left out.
        channels: of each plane, in order; by default from ``DETECTORS``.

    Raises:
        InputError: no archive of frames, damaged, channels of an unknown detector, or no tile is
            left.
    """
    path = Path(path)
    left = 0
    for arrays, tag, event in _frames(path):
        numbers = arrays.get(f"channels_{tag}")
        frame, numbers, detector = _ordered(path, arrays[f"frame_{tag}"], numbers, channels)
        pixels, planes, corner = tiles(
            frame, detector.channels, size=size, rebin=rebin, threshold=threshold, least=least
        )
        left += len(pixels)
        if not len(pixels):
            continue
        bad = arrays.get("chanmask_bad", np.zeros((0, 3), dtype=np.int64))
        yield Images(
            pixels[:, None],
            np.zeros(len(pixels), dtype=np.int64),
            ("unknown",),
            planes[:, None],
            np.full(len(pixels), event, dtype=np.int64),
            corner=corner[:, None],
            unit="electrons",
            threshold=threshold,
            pitch=detector.pitch,
            attributes={
                "source": str(path),
                "detector": detector.name,
                "tag": tag,
                "ticks in a column": rebin,
                "bad": _bad(bad, numbers, detector.channels, rebin, frame.shape[1]),
            },
        )
    if not left:
        raise InputError(
            f"{path}: no tile of {size} x {size} pixels has {least} of at least {threshold:g} "
            "electrons; choose a lower threshold with wire_cell.blocks"
        )


def tiles(
    frame: NDArray[np.float32],
    channels: tuple[int, ...],
    *,
    size: int,
    rebin: int,
    threshold: float,
    least: int,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int32]]:
    """Cut a frame into tiles and keep those with enough charge.

    Args:
        frame: (sum of channels, ticks) charge, plane after plane.
        channels: of each plane.
        size: side of a tile [pixels].
        rebin: so many ticks are summed to a column.
        threshold: smaller charge is set to zero.
        least: tiles with fewer pixels of charge are left out.

    Returns:
        (M, size, size) float32 tiles, (M,) planes, and (M, 2) wire in the plane and column of
        their first pixel.
    """
    columns = frame.shape[1] // rebin
    summed = frame[:, : columns * rebin].reshape(len(frame), columns, rebin).sum(axis=2)
    charge = apply_threshold(summed.astype(np.float32), threshold)
    kept, planes, corners = [], [], []
    for plane, (last, number) in enumerate(zip(np.cumsum(channels), channels)):
        down, across = number // size, columns // size
        first = int(last) - number
        cut = charge[first : first + down * size, : across * size]
        cut = cut.reshape(down, size, across, size).swapaxes(1, 2).reshape(-1, size, size)
        enough = (cut > 0).sum(axis=(1, 2)) >= least
        index = np.flatnonzero(enough)
        kept.append(cut[index])
        planes.append(np.full(len(index), plane, dtype=np.uint8))
        corners.append(size * np.stack(np.divmod(index, max(across, 1)), axis=1))
    return np.concatenate(kept), np.concatenate(planes), np.concatenate(corners).astype(np.int32)


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
    path: Path,
    frame: NDArray[Any],
    numbers: NDArray[Any] | None,
    channels: tuple[int, ...] | None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], Detector]:
    """Frame and channel numbers in ascending order, and the detector they belong to."""
    if frame.ndim != 2 or frame.dtype.kind not in "iuf" or not np.isfinite(frame).all():
        raise InputError(
            f"{path}: a frame is {frame.dtype} of shape {frame.shape} or not finite, expected "
            "finite numbers (channels, ticks); fetch it again"
        )
    numbers = np.arange(len(frame)) if numbers is None else np.ravel(numbers)
    if len(numbers) != len(frame):
        raise InputError(
            f"{path}: channels has {len(numbers)} numbers, frame {len(frame)} rows; fetch it again"
        )
    detector = DETECTORS.get(len(frame)) if channels is None else Detector("given", channels, 0.5)
    if detector is None or sum(detector.channels) != len(frame):
        known = ", ".join(f"{n} ({d.name})" for n, d in DETECTORS.items())
        raise InputError(
            f"{path}: frame has {len(frame)} channels; known are {known}, others need "
            "wire_cell.blocks(path, channels=...)"
        )
    order = np.argsort(numbers, kind="stable")
    return frame[order].astype(np.float32, copy=False), numbers[order].astype(np.int64), detector


def _bad(
    masks: NDArray[Any],
    numbers: NDArray[np.int64],
    channels: tuple[int, ...],
    rebin: int,
    ticks: int,
) -> list[list[int]]:
    """[plane, wire, first and last column] of bad stretches (channel, first tick, last tick)."""
    here = masks[np.isin(masks[:, 0], numbers)].astype(np.int64)
    row = np.searchsorted(numbers, here[:, 0])
    edges = np.cumsum(channels)
    plane = np.searchsorted(edges, row, side="right")
    wire = row - (edges - channels)[plane]
    first = here[:, 1] // rebin
    last = np.minimum((here[:, 2] - 1) // rebin, ticks // rebin - 1)
    return np.stack([plane, wire, first, last], axis=1).tolist()
