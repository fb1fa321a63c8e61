"""Output files: refused before the work starts, written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from driftline.errors import InputError


def check_output(path: Path, force: bool = False) -> None:
    """Refuse an output path that exists or cannot be written; creates nothing.

    Args:
        path: the file that is to be written; missing parent directories are made later.
        force: an existing file may be replaced.

    Raises:
        InputError: ``path`` exists and ``force`` is false, is a directory, or its nearest existing
            parent is not a writable directory.
    """
    try:
        _refuse(path, force)
    except OSError as error:  # a name that is too long, a parent that cannot be searched
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); choose another path"
        ) from error


def _refuse(path: Path, force: bool) -> None:
    if path.is_dir():
        raise InputError(f"{path}: is a directory; give the name of a file")
    if path.exists() and not force:
        raise InputError(f"{path}: exists already; choose another name or replace it with --force")
    parent = path.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise InputError(f"{path}: cannot be written, {parent} is not a directory; choose another")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: cannot be written, no permission in {parent}; choose another")


@contextmanager
def replacing(path: Path, force: bool = False) -> Iterator[Path]:
    """Write a file completely or not at all.

    Yields a temporary path beside ``path``, which takes its place when the block ends. When the
    block fails, the temporary file and every directory made for it disappear again.

    Raises:
        InputError: as ``check_output``, or when the system refuses the write.
    """
    check_output(path, force)
    made = [p for p in path.absolute().parents if not p.exists()]
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        for directory in made:  # innermost first
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise InputError(
                f"{path}: cannot be written ({reason}); free space or choose another path"
            ) from error
        raise


def write_text(path: Path, text: str, force: bool = False) -> None:
    """Write a text file, whole or not at all.

    Raises:
        InputError: as ``replacing``.
    """
    with replacing(path, force) as temporary:
        temporary.write_text(text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
