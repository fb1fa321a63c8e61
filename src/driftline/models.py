"""Models of any kind of event, by path or by the name of one that comes with the package."""

from importlib.resources import files
from pathlib import Path

from driftline import modelfile
from driftline.errors import InputError
from driftline.generator import Generator
from driftline.image_generator import ImageGenerator

GENERATORS: dict[str, type[Generator] | type[ImageGenerator]] = {
    "jets": Generator,
    "images": ImageGenerator,
}
"""By the kind of event, as model files name it."""


def shipped_models() -> dict[str, Path]:
    """Names and files of the models that come with the package."""
    folder = Path(str(files("driftline") / "resources" / "models"))
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def load(model: str | Path) -> Generator | ImageGenerator:
    """Load a model by path, or a shipped one by name.

    Raises:
        InputError: there is no such model, or its file is damaged, of another version, or of a
            model that generates nothing.
    """
    path, shipped = Path(model), shipped_models()
    if not path.exists():
        if str(model) not in shipped:
            names = ", ".join(shipped) or "none"
            raise InputError(f"{model}: no such model file; shipped models: {names}")
        path = shipped[str(model)]
    kind = modelfile.read_header(path).get("kind")
    if kind not in GENERATORS:
        kinds = " or ".join(GENERATORS)
        raise InputError(
            f"{path}: a model of kind {kind!r} generates no events; give one of {kinds}"
        )
    return GENERATORS[kind].load(path)
