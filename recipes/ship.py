"""Put a trained model into the package, with a name and its evaluation in the card.

python recipes/ship.py RUN/model.safetensors jets30 scores.json "what the training was"
"""

import json
import sys
from pathlib import Path

import driftline
from driftline.metrics.scores import Evaluation

RESOURCES = Path(__file__).parents[1] / "src/driftline/resources/models"


def main(model: Path, name: str, scores: Path, description: str) -> None:
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
    generator.save(RESOURCES / f"{name}.safetensors", force=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])
