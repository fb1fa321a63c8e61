"""Results written down, not computed."""

import math

import numpy as np

from driftline.metrics.kinds import JETS
from driftline.metrics.scores import Score as MetricScore
from driftline.study.recommend import recommend
from driftline.study.resampling import Distances
from driftline.study.results import (
    Cell,
    Endpoint,
    Floor,
    Machine,
    Row,
    Score,
    Settings,
    Study,
)
from driftline.study.verdicts import best, decide, judge

FLOORS = {"w1m": 5e-4, "w1p": 4e-4, "w1efp": 7e-6}

SAMPLERS = (
    # text, label, evaluations of one network, loss over the floor
    ("rk45:tolerance=1e-05,t_min=1e-05", "RK45(1e-5)", 386.0, 1.3),
    ("rk45:tolerance=0.001,t_min=1e-05", "RK45(1e-3)", 122.0, 1.32),
    ("em:steps=300,grid=time", "EM, 300", 300.0, 2.4),
    ("pc:steps=125,snr=0.165,grid=time", "PC (SNR 0.165), 125 steps", 250.0, 3.1),
    ("dpm:steps=10,order=2,grid=logsnr", "DPM-Solver++(2M), 10", 10.0, 6.0),
    ("dpm:steps=20,order=2,grid=logsnr", "DPM-Solver++(2M), 20", 20.0, 1.31),
    ("dpm:steps=30,order=2,grid=logsnr", "DPM-Solver++(2M), 30", 30.0, 1.3),
)
"""The first is the baseline."""

DETERMINISTIC = ("rk45", "dpm", "unipc")


def made_study(
    types=("t", "g"), samplers=SAMPLERS, *, noise: float = 0.01, model: str = "made"
) -> Study:
    """A study of samplers (text, label, evaluations, loss in floors).

    Args:
        types: the classes; the k-th one's distances are 1 + k/2 times as large.
        samplers: the first is the baseline.
        noise: of the paired differences, in floors.
        model: its name.
    """
    settings = Settings(model="0" * 16, reference="1" * 16, count=10_000, batch=1000, draws=1000)
    rng = np.random.default_rng(1)
    cells, rows, floors, alone, winners, endpoints = [], [], [], [], [], []
    for k, event_type in enumerate(types):
        scale = {m: f * (1 + k / 2) for m, f in FLOORS.items()}
        floor = Floor(
            event_type=event_type,
            sizes=(10_000, 10_000),
            splits=(5000, 5000),
            scores={m: Score(value=f, error=0.2 * f) for m, f in scale.items()},
        )
        shared = {m: rng.normal(0, 0.15, 1000) for m in JETS.headline}
        distances = {}
        for text, label, evaluations, loss in samplers:
            values = {m: loss * f for m, f in scale.items()}
            draws = {
                m: values[m] + scale[m] * (shared[m] + rng.normal(0, noise, 1000))
                for m in JETS.headline
            }
            distances[text] = Distances(values, draws)
            by_network = {
                "jet level": evaluations,
                "particle level": evaluations * (1 + 0.1 * k if "rk45" in text else 1),
            }
            common = {
                "sampler": text,
                "label": label,
                "event_type": event_type,
                "scores": {m: Score(value=values[m], error=0.15 * scale[m]) for m in JETS.headline},
            }
            cells.append(
                Cell(
                    seed=1,
                    settings=settings,
                    evaluations=by_network,
                    calls={name: int(10 * n) for name, n in by_network.items()},
                    seconds=evaluations,
                    repaired={},
                    **common,
                )
            )
            baseline_row = rows[k * len(samplers)] if len(distances) > 1 else None
            row = Row(
                seeds=1,
                by_network=by_network,
                seconds_per_1000=evaluations / 10 + 1,
                fewer_evaluations=baseline_row.evaluations / (2 * evaluations)
                if baseline_row
                else 1.0,
                **common,
            )
            rows.append(row)
            if text.startswith(DETERMINISTIC) and len(distances) > 1:
                error = 40 / evaluations**2
                endpoints.append(
                    Endpoint(
                        sampler=text, event_type=event_type, rms=math.sqrt(error), median=error / 3
                    )
                )
        baseline, *others = distances
        alone += [
            verdict
            for text in others
            for verdict in judge(distances[text], distances[baseline], floor, text, JETS.headline)
        ]
        floors.append(floor)
        winners.append(best(distances, event_type, JETS.headline))
    texts = [text for text, *_ in samplers]
    verdicts = [v for text in texts for v in decide([v for v in alone if v.sampler == text])]
    return Study(
        versions={"driftline": "0.1.0", "numpy": "2.4.6"},
        command="driftline study made reference --out study",
        machine=Machine(processor="x86_64", cores=2, threads=1, device="cpu"),
        model=model,
        kind="jets",
        baseline=texts[0],
        cells=cells,
        floors=floors,
        rows=rows,
        verdicts=verdicts,
        best=winners,
        endpoints=endpoints,
        recommendation=recommend(rows, verdicts, texts[0]),
    )


def made_score(key="w1m", value=3.0, error=0.1, floor=1.0, floor_error=0.1, event_type="t", **rest):
    """A score of 1,000 jets on either side; the label is the key in capitals."""
    return MetricScore(
        key=key,
        label=rest.get("label", key.upper()),
        unit=rest.get("unit", ""),
        note=rest.get("note", ""),
        value=value,
        error=error,
        event_type=event_type,
        floor=floor,
        floor_error=floor_error,
        generated=1000,
        reference=1000,
        floor_sizes=(1000, 1000),
    )
