"""Score-based generation of particle-physics events.

``driftline.load("jets30").generate(10_000, jet_type="t", seed=1)`` samples a shipped model;
``driftline.samplers`` holds the samplers. Both are imported when first used, so that
``import driftline`` is instant.
"""

from importlib import import_module
from typing import Any

_LAZY = {
    "load": ("driftline.models", "load"),
    "samplers": ("driftline.diffusion.samplers", None),
    "InputError": ("driftline.errors", "InputError"),
}

__all__ = ["load", "samplers", "InputError", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the public names on first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("driftline")
    if name not in _LAZY:
        raise AttributeError(f"module 'driftline' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    found = import_module(module)
    return found if attribute is None else getattr(found, attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
