"""``driftline info``: what a file is."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from driftline.cli.options import Force, Json, check_json, write_json
from driftline.errors import InputError

if TYPE_CHECKING:
    from driftline.data.clouds import Jets
    from driftline.data.images import Images

_WIDE = 100
"""Characters of a list from which on each entry has a line of its own."""


def info(
    file: Annotated[
        Path, typer.Argument(help="Model, events (file or directory), result, or a shipped name.")
    ],
    json: Json = None,
    force: Force = False,
) -> None:
    """Tell what a model, data or result file is and where it comes from."""
    from driftline.data.shipped import reference_path
    from driftline.models import shipped_models

    check_json(json, force)
    # a shipped model goes before reference events of the same name
    path = file if file.exists() else shipped_models().get(str(file), reference_path(file))
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path")
    if path.is_dir() or path.suffix in (".hdf5", ".h5"):
        found = _events(path)
    elif path.suffix == ".json":
        found = _result(path)
    elif path.suffix.lower() == ".csv":
        found = _likelihood(path)
    else:
        found = _model(path)
    if json is not None:
        write_json(json, json_module.dumps(found, indent=1), force)
    if json is None or str(json) != "-":
        _print(_shown(found))


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    """All but what of a model's card is for programs: that is in the JSON."""
    from driftline.card import readable

    return found | {"card": readable(found["card"])} if "card" in found else found


def _events(path: Path) -> dict[str, Any]:
    from driftline.data.clouds import Jets
    from driftline.data.formats.reading import read_events

    events = read_events(path)
    return _jets(path, events) if isinstance(events, Jets) else _images(path, events)


def _jets(path: Path, jets: "Jets") -> dict[str, Any]:
    import numpy as np

    classes = {}
    for name in jets.present:
        mine = jets.of_type(name)
        mean, spread = np.mean(mine.features, axis=0), np.std(mine.features, axis=0)
        labels = ("pt [GeV]", "eta", "mass [GeV]", "num_particles")
        classes[name] = {"jets": len(mine)} | {
            label: f"{m:.4g} ± {s:.3g}" for label, m, s in zip(labels, mean, spread)
        }
    return {
        "kind": "jets",
        "file": str(path),
        "particles": jets.mask.shape[1],
        "mean and standard deviation": classes,
        "provenance": jets.attributes,
    }


def _images(path: Path, images: "Images") -> dict[str, Any]:
    pixels = images.pixels
    classes = {}
    for name in images.present:
        mine = images.of_type(name).pixels
        charge = mine.sum(axis=(1, 2, 3), dtype=float)
        classes[name] = {
            "images": len(mine),
            f"charge [{images.unit}]": f"{charge.mean():.4g} ± {charge.std():.3g}",
            "occupancy": f"{(mine > 0).mean():.3g}",
        }
    return {
        "kind": "images",
        "file": str(path),
        "planes, rows, columns": list(pixels.shape[1:]),
        "unit": images.unit,
        "threshold": images.threshold,
        "known": [name for name in ("segmentation", "momentum", "start") if name in images.columns],
        "mean and standard deviation": classes,
        "provenance": images.attributes,
    }


def _model(path: Path) -> dict[str, Any]:
    from driftline import modelfile

    header = modelfile.read_header(path)
    kind, constants = header.pop("kind", "events"), header.pop("preprocessing", {})
    counts = constants.get(f"{kind}_per_class", ())
    return {
        "kind": f"model of {kind}",
        "file": str(path),
        f"training {kind}": dict(zip(constants.get("types", ()), counts)),
        **header,
    }


def _result(path: Path) -> dict[str, Any]:
    from driftline.study.results import Study

    try:
        content = json_module.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path}: damaged JSON ({error}); make it again") from error
    if isinstance(content, dict) and "scores" in content:
        scores, source = content["scores"], ("command", "versions", "seed")
        return {
            "kind": f"evaluation of {content.get('kind', 'events')}",
            "file": str(path),
            **{name: content[name] for name in source if name in content},
            "classes": list(dict.fromkeys(score["event_type"] for score in scores)),
            "metrics": list(dict.fromkeys(score["key"] for score in scores)),
        }
    if isinstance(content, dict) and "classes" in content:
        return {"kind": "likelihood of events, means", "file": str(path), **content}
    study = Study.read(path)
    return {
        "kind": "study of samplers",
        "file": str(path),
        **study.model_dump(include={"model", "command", "baseline", "machine", "versions"}),
        "samplers": list(study.labels.values()),
        "classes": study.types,
    }


def _likelihood(path: Path) -> dict[str, Any]:
    from driftline.likelihood_table import LikelihoodTable

    table = LikelihoodTable.read(path)
    bits = {name: table.bits_per_dimension[table.types == name] for name in table.present}
    return {
        "kind": "likelihood of events",
        "file": str(path),
        "judged as": sorted(set(table.judged_as.tolist())),
        "bits per dimension, mean and standard deviation": {
            name: {"events": len(mine), "bits": f"{mine.mean():.4g} ± {mine.std():.3g}"}
            for name, mine in bits.items()
        },
    }


def _print(found: dict[str, Any], indent: str = "") -> None:
    """Nested names and values as an indented list."""
    for name, value in found.items():
        if isinstance(value, dict) and value:
            print(f"{indent}{name}:")
            _print(value, indent + "  ")
        elif isinstance(value, list) and sum(len(str(entry)) for entry in value) > _WIDE:
            print(f"{indent}{name}:", *value, sep=f"\n{indent}  ")
        else:
            print(f"{indent}{name}: {value}")
