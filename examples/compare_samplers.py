"""Two samplers on the same noise: what the faster one saves, and what it costs.

python examples/compare_samplers.py
"""

from pathlib import Path

import driftline
from driftline.data.shipped import read_reference
from driftline.study import run_study

study = run_study(
    driftline.load("jets30"),
    read_reference(Path("jets30")),
    Path("comparison"),  # finished parts are kept here: run it again, and nothing is computed twice
    samplers=["rk45:tolerance=1e-3", "dpm:steps=20"],  # the first is the baseline
    types=["w"],
    count=1000,
)

for row in study.rows:
    w1p = row.scores["w1p"]
    print(
        f"{row.label:24} {row.evaluations:5.0f} evaluations, {row.seconds_per_1000:5.1f} s, "
        f"W1P {w1p.value:.5f} ± {w1p.error:.5f}"
    )
for verdict in study.verdicts:
    print(
        f"{verdict.metric}: larger by {verdict.difference:.2e}, at most {verdict.upper:.2e} (95%); "
        f"margin {verdict.margin:.2e}: {verdict.outcome}"
    )
