"""Reference events that come with the package."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from driftline.data.clouds import Jets
from driftline.data.formats.reading import read_events
from driftline.data.images import Images


def shipped_references() -> dict[str, Path]:
    """Names and paths of the shipped reference samples: directories of jets, files of images."""
    folder = Path(str(files("driftline") / "resources" / "reference"))
    return {path.stem: path for path in sorted(folder.glob("*"))}


def reference_path(name: Path) -> Path:
    """The path of a shipped reference of this name; any other path stays as it is."""
    return name if name.exists() else shipped_references().get(str(name), name)


def read_reference(
    name: Path,
    types: Sequence[str] | None = None,
    *,
    particles: int | None = None,
    count: int | None = None,
) -> Jets | Images:
    """Shipped reference events, or those of a file or directory; as ``read_events``."""
    return read_events(reference_path(name), types, particles=particles, count=count)
