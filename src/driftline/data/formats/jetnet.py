"""JetNet's HDF5 layout: one file a class, as in the public releases of 30 and 150 particles.

``particle_features`` (N, P, 4) float32 holds etarel, phirel, ptrel and a 0/1 mask, pT-ordered and
zero-padded; ptrel is relative to the pT of the full jet, so that the kept particles need not add up
to one. ``jet_features`` (N, 4) float32 holds pt [GeV], eta, mass [GeV] and num_particles. The class
stands in the file's name (``g.hdf5``, ``t150.hdf5``), and in files written here also in the
attribute ``jet_type``, beside the provenance (attribute ``provenance``, a JSON object).

Kansal et al., 2106.11535; data: doi 10.5281/zenodo.6975118 and 10.5281/zenodo.6975117.
"""

import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import (
    JET_FEATURES,
    JET_TYPES,
    PARTICLE_FEATURES,
    Jets,
    concatenate,
)
from driftline.data.formats.hdf5 import opened, provenance
from driftline.errors import InputError
from driftline.output import replacing

COLUMNS = (*PARTICLE_FEATURES, "mask")
_ETAREL, _PHIREL, _PTREL, _MASK = range(4)
_PT, _ETA, _MASS, _NUMBER = range(4)
_MASS_ROUNDING = 1e-3
"""GeV: masses of light jets come out this far below zero where E^2 - p^2 cancels."""
_FILE_NAME = re.compile(rf"({'|'.join(JET_TYPES)})(\d*)")
_SUFFIXES = (".hdf5", ".h5")


def read(
    path: Path,
    *,
    jet_type: str | None = None,
    particles: int | None = None,
    count: int | None = None,
) -> Jets:
    """Read the jets of one file.

    Args:
        path: a file of JetNet's layout.
        jet_type: the class; by default the file's attribute ``jet_type``, else its name.
        particles: keep this many of the hardest particles; ``num_particles`` is clipped, ptrel
            stays relative to the full jet.
        count: read only the first ``count`` jets; the rest of the file is not touched.

    Raises:
        InputError: the file is missing, damaged or not of this layout, a value is out of range, or
            there are fewer jets or particles than asked for. The message names file and field.
    """
    path = Path(path)
    with opened(path) as file:
        attributes = provenance(path, file)
        jet_type = str(jet_type or file.attrs.get("jet_type") or _type_of_name(path))
        _check_type(path, jet_type)
        clouds = _load(path, file, "particle_features", ("jets", "particles", 4), count)
        features = _load(path, file, "jet_features", ("jets", 4), count)
    _check(path, clouds, features)
    clouds, features = _select(path, clouds, features, particles)
    mask = clouds[..., _MASK] > 0
    labels = np.full(len(clouds), JET_TYPES.index(jet_type), dtype=np.int64)
    return Jets(
        np.ascontiguousarray(clouds[..., :_MASK]), mask, features, labels, JET_TYPES, attributes
    )


def read_directory(
    path: Path,
    types: Sequence[str] | None = None,
    *,
    particles: int | None = None,
    count: int | None = None,
) -> Jets:
    """Read the class files of a directory, or a single file.

    Args:
        path: a directory with ``g.hdf5``, ``t150.hdf5``, ... or one such file.
        types: the classes to read; by default all that are there.
        particles: as in ``read``, and decides between ``t.hdf5`` and ``t150.hdf5``.
        count: as in ``read``, for each class.

    Returns:
        The jets class after class, in JetNet's order. The attributes are the first file's.

    Raises:
        InputError: as ``read``; a class is missing; the files differ in their number of particles.
    """
    path = Path(path)
    if not path.is_dir():
        jets = read(path, particles=particles, count=count)
        missing = set(types or ()) - set(jets.present)
        if missing:
            raise InputError(
                f"{path}: holds jets of type {jets.present[0]}, not {', '.join(sorted(missing))}; "
                "give a directory with one file a class"
            )
        return jets
    for jet_type in types or ():
        _check_type(path, jet_type)
    files = {
        jet_type: found
        for jet_type in JET_TYPES
        if types is None or jet_type in types
        if (found := _class_file(path, jet_type, particles)) is not None
    }
    missing = set(types or ()) - set(files)
    if missing or not files:
        wanted = ", ".join(sorted(missing)) or "any class"
        raise InputError(f"{path}: no file of {wanted}; expected for instance {path / 'g.hdf5'}")
    parts = [
        read(file, jet_type=jet_type, particles=particles, count=count)
        for jet_type, file in files.items()
    ]
    widths = {file.name: part.mask.shape[1] for file, part in zip(files.values(), parts)}
    if len(set(widths.values())) > 1:
        raise InputError(
            f"{path}: particle_features of different widths ({widths}); choose with --particles"
        )
    return concatenate(parts)


def write(path: Path, jets: Jets, force: bool = False) -> None:
    """Write jets of one class; the file appears whole or not at all.

    Raises:
        InputError: the path exists (and ``force`` is false) or cannot be written; the jets are of
            several classes, or not valid.
    """
    if len(jets.present) != 1:
        raise InputError(
            f"{path}: one file holds one class, these jets are of {len(jets.present)} "
            f"({', '.join(jets.present)}); give a directory"
        )
    with replacing(Path(path), force) as temporary:
        _fill(temporary, Path(path), jets)


def write_directory(path: Path, jets: Jets, force: bool = False) -> list[Path]:
    """Write one file a class into a directory, all of them or none; returns their paths.

    Raises:
        InputError: as ``write``; ``path`` is a file.
    """
    path = Path(path)
    files = {t: path / file_name(t, jets.mask.shape[1]) for t in jets.present}
    with ExitStack() as stack:
        for jet_type, file in files.items():
            _fill(stack.enter_context(replacing(file, force)), file, jets.of_type(jet_type))
    return list(files.values())


def file_name(jet_type: str, particles: int) -> str:
    """JetNet's name of a class file: ``g.hdf5`` up to 30 particles, else ``g150.hdf5``."""
    return f"{jet_type}{particles if particles > 30 else ''}.hdf5"


def _fill(target: Path, path: Path, jets: Jets) -> None:
    """Write ``jets`` to ``target``; messages speak of ``path``."""
    clouds = np.concatenate([jets.particles, jets.mask[..., None]], axis=-1, dtype=np.float32)
    features = jets.features.astype(np.float32)
    _check(path, clouds, features)
    with h5py.File(target, "w") as file:
        file.attrs["jet_type"] = jets.present[0]
        file.attrs["provenance"] = json.dumps(jets.attributes)
        for name, values, columns in (
            ("particle_features", clouds, COLUMNS),
            ("jet_features", features, JET_FEATURES),
        ):
            chunks = (min(len(values), 1000), *values.shape[1:])
            dataset = file.create_dataset(
                name, data=values, chunks=chunks, compression="gzip", shuffle=True
            )
            dataset.attrs["columns"] = list(columns)


def _type_of_name(path: Path) -> str:
    match = _FILE_NAME.fullmatch(path.name.split(".")[0])
    if match is None:
        raise InputError(
            f"{path}: class unknown, neither its name nor an attribute jet_type tells it; "
            f"name the file {', '.join(f'{t}.hdf5' for t in JET_TYPES)} (or {JET_TYPES[0]}150.hdf5)"
        )
    return match[1]


def _check_type(path: Path, jet_type: str) -> None:
    if jet_type not in JET_TYPES:
        raise InputError(f"{path}: unknown class {jet_type!r}; choose from {', '.join(JET_TYPES)}")


def _class_file(directory: Path, jet_type: str, particles: int | None) -> Path | None:
    """The narrowest file of a class that has enough particles, else the widest."""
    found = []
    for file in directory.iterdir():
        match = _FILE_NAME.fullmatch(file.stem)
        if file.suffix in _SUFFIXES and match and match[1] == jet_type:
            found.append((int(match[2] or 30), file))
    found.sort()
    enough = [file for width, file in found if width >= (particles or 0)]
    return enough[0] if enough else found[-1][1] if found else None


def _load(
    path: Path, file: h5py.File, name: str, axes: tuple[str | int, ...], count: int | None
) -> NDArray[np.float32]:
    """A data set's first ``count`` rows, after a look at its presence, shape and dtype."""
    if name not in file or not isinstance(file[name], h5py.Dataset):
        there = ", ".join(file) or "nothing"
        raise InputError(
            f"{path}: data set {name} is missing (there is {there}); "
            "JetNet files have particle_features and jet_features"
        )
    dataset = file[name]
    expected = f"({', '.join(map(str, axes))})"
    fits = len(dataset.shape or ()) == len(axes) and dataset.shape[-1] == axes[-1]
    if not fits or (len(axes) == 3 and dataset.shape[1] == 0):
        raise InputError(
            f"{path}: {name} has shape {dataset.shape}, expected {expected}; convert the file"
        )
    if not np.issubdtype(dataset.dtype, np.number) or dataset.dtype.kind == "c":
        raise InputError(f"{path}: {name} holds {dataset.dtype}, expected float32; convert it")
    if len(dataset) == 0:
        raise InputError(f"{path}: {name} holds no jets; the file is empty, make it again")
    if count is not None and count > len(dataset):
        raise InputError(f"{path}: holds {len(dataset)} jets, {count} are asked for; ask for fewer")
    with np.errstate(over="ignore"):  # what overflows float32 is reported as infinite
        return np.asarray(dataset[:count]).astype(np.float32, copy=False)


def _check(path: Path, clouds: NDArray[np.float32], features: NDArray[np.float32]) -> None:
    """Raise InputError for the first of the layout's rules that some jet breaks."""
    if len(clouds) != len(features):
        raise InputError(
            f"{path}: particle_features has {len(clouds)} jets, jet_features {len(features)}; "
            "both need the same jets"
        )
    for name, values, columns in (
        ("jet_features", features, JET_FEATURES),
        ("particle_features", clouds, COLUMNS),
    ):
        bad = ~np.isfinite(values)
        if bad.any():
            jet, column = np.argwhere(bad)[0][[0, -1]]
            raise InputError(
                f"{path}: {name} {columns[column]} of jet {jet} is NaN or infinite "
                f"({int(bad.sum())} such values); remove these jets"
            )
    mask = clouds[..., _MASK]
    real = mask > 0
    filled = (clouds[..., :_MASK] != 0).any(axis=-1)
    number, given = real.sum(axis=1), features[:, _NUMBER]
    rules: tuple[tuple[str, Any, str, str], ...] = (
        ("jet_features pt", features[:, _PT] <= 0, "is not positive", "remove these jets"),
        (
            "jet_features mass",
            features[:, _MASS] < -_MASS_ROUNDING,
            "is negative",
            "remove these jets",
        ),
        (
            "particle_features mask",
            ((mask != 0) & (mask != 1)).any(axis=1),
            "is neither 0 nor 1",
            "write 1 for a real particle, 0 for padding",
        ),
        (
            "particle_features ptrel",
            (clouds[..., _PTREL] < 0).any(axis=1),
            "is negative",
            "remove these jets",
        ),
        (
            "particle_features mask",
            (~real & filled).any(axis=1),
            "disagrees with the padding (0 for a particle that is not zero)",
            "set these particles to zero or their mask to 1",
        ),
        (
            "particle_features mask",
            (real & (clouds[..., _PTREL] == 0)).any(axis=1),
            "disagrees with the padding (1 for a particle of zero ptrel)",
            "set the mask of padding to 0",
        ),
        ("particle_features mask", number == 0, "has no real particle", "remove these jets"),
        (
            "jet_features num_particles",
            # a file may count the particles beyond those it keeps
            np.minimum(given, clouds.shape[1]) != number,
            "disagrees with the mask",
            "make it the number of particles whose mask is 1",
        ),
    )
    for field, broken, what, remedy in rules:
        if broken.any():
            raise InputError(
                f"{path}: {field} of jet {int(np.argmax(broken))} {what} "
                f"({int(broken.sum())} of {len(broken)} jets); {remedy}"
            )


def _select(
    path: Path,
    clouds: NDArray[np.float32],
    features: NDArray[np.float32],
    particles: int | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Order by pT, keep the hardest ``particles`` and clip the multiplicity to what is kept."""
    if (np.diff(clouds[..., _PTREL], axis=1) > 0).any():
        order = np.argsort(-clouds[..., _PTREL], axis=1, kind="stable")
        clouds = np.take_along_axis(clouds, order[..., None], axis=1)
    width = clouds.shape[1]
    if particles is not None and not 1 <= particles <= width:
        raise InputError(
            f"{path}: particle_features keeps {width} particles, {particles} are asked for; "
            f"choose --particles between 1 and {width}"
        )
    clouds = clouds[:, : particles or width]
    features = features.copy()
    features[:, _NUMBER] = np.minimum(features[:, _NUMBER], clouds.shape[1])
    return clouds, features
