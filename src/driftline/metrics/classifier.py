"""Classifier two-sample test (Lopez-Paz, Oquab, arXiv:1610.06545) by the area under the ROC curve.

A fixed classifier learns to tell two samples apart. Cross-fitted: every jet is scored by one
that has not seen it. The AUC is 0.5 for samples of one distribution, up to its error; between two
truth samples it tells what the classifier makes of chance.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier

Array = NDArray[np.float64]

FOLDS = 4
BOOSTING_ROUNDS = 200


@dataclass(frozen=True)
class AreaUnderCurve:
    """AUC and its standard error."""

    value: float
    error: float


def area_under_curve(positive: Array, negative: Array) -> AreaUnderCurve:
    """AUC of scores (n,) of positives against (m,) of negatives, ties counted half.

    The error is DeLong's (Biometrics 44, 837, 1988): for every event the share of the other side
    that it is rightly ordered with, and the variance of these shares on both sides. NaN of a single
    event on a side.
    """
    n, m = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    right_of = (ranks[:n] - rankdata(positive)) / m
    left_of = 1.0 - (ranks[n:] - rankdata(negative)) / n
    if min(n, m) < 2:
        return AreaUnderCurve(float(right_of.mean()), math.nan)
    variance = right_of.var(ddof=1) / n + left_of.var(ddof=1) / m
    return AreaUnderCurve(float(right_of.mean()), float(np.sqrt(variance)))


def classifier_test(generated: Array, reference: Array, *, seed: int = 0) -> AreaUnderCurve:
    """AUC of gradient-boosted trees trained to tell ``generated`` from ``reference``.

    Args:
        generated: (N, D) observables.
        reference: (M, D).
        seed: of the folds and the trees.

    Returns:
        The mean of the AUC over folds, and its error from DeLong's in each; which jets the
        classifiers happened to learn from is not in it.
    """
    rng = np.random.default_rng(seed)
    sides = (generated, reference)
    folds = [rng.permutation(len(side)) % FOLDS for side in sides]
    areas = []
    for fold in range(FOLDS):
        learnt = [side[f != fold] for side, f in zip(sides, folds, strict=True)]
        size = min(len(part) for part in learnt)  # as much of either side: a prior of one half
        learnt = [part[:size] for part in learnt]
        unseen = [side[f == fold] for side, f in zip(sides, folds, strict=True)]
        trees = HistGradientBoostingClassifier(
            max_iter=BOOSTING_ROUNDS,
            max_leaf_nodes=8,
            min_samples_leaf=50,
            early_stopping=True,
            random_state=seed,
        )
        trees.fit(np.concatenate(learnt), np.repeat([1, 0], size))
        areas.append(area_under_curve(*(trees.decision_function(part) for part in unseen)))
    return AreaUnderCurve(
        float(np.mean([a.value for a in areas])),
        float(np.sqrt(sum(a.error**2 for a in areas))) / FOLDS,
    )
