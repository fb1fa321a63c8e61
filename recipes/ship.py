"""Put a trained model into the package, with a name and its evaluation in the card.

python recipes/ship.py RUN/model.safetensors jets30 scores.json "what the training was" [--half]

--half: weights in float16, half the size; they are read back as float32.
"""

import json
import sys
from pathlib import Path

import driftline
from driftline.metrics.scores import Evaluation

RESOURCES = Path(__file__).parents[1] / "src/driftline/resources/models"


def main(model: Path, name: str, scores: Path, description: str, half: bool) -> None:
    """Write resources/models/NAME.safetensors."""
    generator = driftline.load(model)
    content = json.loads(scores.read_text())
    rows = Evaluation.model_validate(
        {key: content[key] for key in Evaluation.model_fields if key in content}
    ).rows()
    head = ("class", "metric", "value", "floor", "note")
    generator.card |= {
        "name": name,
        "description": description,
        "evaluation": {
            "command": content.get("command"),
            "scores": [dict(zip(head, row, strict=True)) for row in rows],
        },
    }
    if half:
        for denoiser in generator.denoisers.values():
            denoiser.network.half()
    generator.save(RESOURCES / f"{name}.safetensors", force=True)


if __name__ == "__main__":
    half = "--half" in sys.argv
    path, called, judged, text = (argument for argument in sys.argv[1:] if argument != "--half")
    main(Path(path), called, Path(judged), text, half)
