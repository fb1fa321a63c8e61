"""Reference jets that come with the package."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from driftline.data.clouds import Jets
from driftline.data.formats import jetnet


def shipped_references() -> dict[str, Path]:
    """Names and directories of the shipped reference samples, JetNet files of each class."""
    folder = Path(str(files("driftline") / "resources" / "reference"))
    return {path.name: path for path in sorted(folder.glob("*")) if path.is_dir()}


def reference_path(name: Path) -> Path:
    """The directory of a shipped reference of this name; any other path stays as it is."""
    return name if name.exists() else shipped_references().get(str(name), name)


def read_reference(
    name: Path,
    types: Sequence[str] | None = None,
    *,
    particles: int | None = None,
    count: int | None = None,
) -> Jets:
    """Shipped reference jets, or those of a file or directory; as ``jetnet.read_directory``."""
    return jetnet.read_directory(reference_path(name), types, particles=particles, count=count)
