"""Which sampler to use: the cheapest that loses nothing."""

from collections.abc import Sequence

import numpy as np

from driftline.study.results import Recommendation, Row, Verdict


def recommend(rows: Sequence[Row], verdicts: Sequence[Verdict], baseline: str) -> Recommendation:
    """The sampler of fewest evaluations that is non-inferior in every class and metric.

    Args:
        rows: of all samplers and classes.
        verdicts: of all samplers but the baseline, corrected for their number.
        baseline: as text.
    """

    def cost(sampler: str) -> float:
        return float(np.mean([row.evaluations for row in rows if row.sampler == sampler]))

    failed = {v.sampler for v in verdicts if v.outcome != "non-inferior"}
    passed = {v.sampler for v in verdicts} - failed
    cheapest = min(passed, key=cost, default=None)
    mine = [v.detectable / v.margin for v in verdicts if v.sampler == cheapest]
    return Recommendation(
        sampler=cheapest,
        label=next((row.label for row in rows if row.sampler == cheapest), ""),
        evaluations=cost(cheapest) if cheapest else 0.0,
        baseline_evaluations=cost(baseline),
        detectable=max(mine, default=0.0),
    )
