"""Model files: safetensors with JSON metadata; reading one never executes code."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from driftline.errors import InputError
from driftline.output import replacing

FORMAT = 4
"""Version of the layout; a reader refuses any other."""

_KEY = "driftline"


def write(path: Path, tensors: dict[str, Tensor], header: dict[str, Any], force: bool) -> None:
    """Write tensors and a JSON-able header, whole or not at all.

    Raises:
        InputError: the path exists and ``force`` is false, or cannot be written.
    """
    metadata = {_KEY: json.dumps({"format": FORMAT, **header})}
    contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    with replacing(path, force) as temporary:
        save_file(contiguous, temporary, metadata=metadata)


def read_header(path: Path) -> dict[str, Any]:
    """The header alone, without the tensors.

    Raises:
        InputError: the file is missing, damaged, not a Driftline model, or of another format.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such model file; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        header = json.loads(metadata[_KEY])
        version = header["format"]
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise InputError(f"{path}: damaged model file ({error}); get it again") from error
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not a Driftline model (no {_KEY!r} metadata); give a model file"
        ) from error
    if version != FORMAT:
        raise InputError(
            f"{path}: field format is {version}, this version of driftline reads {FORMAT}; "
            "install the version that wrote it or train again"
        )
    return dict(header)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file whose header was read before.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise InputError(f"{path}: damaged model file ({error}); get it again") from error
