"""The table of metrics on jets. A new metric is a new entry; nothing else knows their names."""

from typing import cast

import numpy as np

from driftline.metrics.classifier import classifier_test
from driftline.metrics.coverage import coverage_and_mmd
from driftline.metrics.fpnd import PARTICLES, RECOMMENDED_JETS, JetType, jetnet_statistics
from driftline.metrics.frechet import (
    FPD_SIZES,
    frechet_distance,
    frechet_error,
    frechet_physics_distance,
    moments,
    normalised,
)
from driftline.metrics.jet_observables import JetSample, real_particles
from driftline.metrics.metric import Metric, TwoSample, Values, Wasserstein, per_event
from driftline.metrics.mmd import kernel_physics_distance
from driftline.metrics.scores import Measurement


def _per_particle(sample: JetSample) -> Values:
    return real_particles(sample.particles, sample.mask)


def _fpd(
    generated: JetSample, reference: JetSample, event_type: str, seed: int
) -> list[Measurement]:
    x, y = reference.polynomials, generated.polynomials
    fpd = frechet_physics_distance(x, y)
    over_jets = frechet_error(*normalised(x, y), np.random.default_rng(seed))
    notes = []
    if fpd.sizes[0] < FPD_SIZES[0]:
        notes.append(f"sizes reduced to {fpd.sizes[0]:,}-{fpd.sizes[-1]:,} jets")
    if fpd.bounded:
        notes.append(f"bounded at 0, intercept {fpd.intercept:.2g}")
    return [
        Measurement(
            key="fpd",
            label="FPD",
            unit="1e-3",
            value=fpd.value,
            error=float(np.hypot(fpd.error, over_jets)),
            note="; ".join(notes),
        )
    ]


def _kpd(
    generated: JetSample, reference: JetSample, event_type: str, seed: int
) -> list[Measurement]:
    kpd = kernel_physics_distance(reference.polynomials, generated.polynomials)
    return [Measurement(key="kpd", label="KPD", unit="1e-6", value=kpd.value, error=kpd.error)]


def _coverage(
    generated: JetSample, reference: JetSample, event_type: str, seed: int
) -> list[Measurement]:
    rng = np.random.default_rng(seed)
    c = coverage_and_mmd(reference.particles, generated.particles, rng)
    return [
        Measurement(key="cov", label="Cov", value=c.coverage, error=c.coverage_error),
        Measurement(key="mmd", label="MMD", value=c.mmd, error=c.mmd_error),
    ]


def _few(*samples: JetSample) -> str:
    """How far FPND is above its value for infinitely many jets: each finite sample adds 270 / N."""
    sizes = [len(sample) for sample in samples]
    if min(sizes) >= RECOMMENDED_JETS:
        return ""
    return f"biased up by about {sum(270 / n for n in sizes):.2g} at {min(sizes):,} jets"


def _fpnd(
    generated: JetSample, reference: JetSample, event_type: str, seed: int
) -> list[Measurement]:
    a, b = generated.particlenet, reference.particlenet
    return [
        Measurement(
            key="fpnd",
            label="FPND to the reference",
            value=frechet_distance(*moments(a), *moments(b)),
            error=frechet_error(a, b, np.random.default_rng(seed)),
            note=_few(generated, reference),
        )
    ]


def _fpnd_jetnet(
    generated: JetSample, reference: JetSample, event_type: str, seed: int
) -> list[Measurement]:
    features = generated.particlenet[:RECOMMENDED_JETS]
    real = jetnet_statistics(cast(JetType, event_type))
    return [
        Measurement(
            key="fpnd_jetnet",
            label="FPND to real JetNet",
            value=frechet_distance(*moments(features), *real),
            error=frechet_error(features, real, np.random.default_rng(seed)),
            note=_few(generated),
        )
    ]


def _not_thirty(sample: JetSample, event_type: str) -> str | None:
    slots = sample.particles.shape[1]
    return None if slots == PARTICLES else f"FPND's network takes 30 particles, not {slots}"


def _no_statistics(sample: JetSample, event_type: str) -> str | None:
    if event_type not in ("g", "q", "t"):
        return f"the real JetNet statistics are published for g, q and t, not for {event_type}"
    return _not_thirty(sample, event_type)


def _auc(
    generated: JetSample, reference: JetSample, event_type: str, seed: int
) -> list[Measurement]:
    area = classifier_test(generated.high_level, reference.high_level, seed=seed)
    return [Measurement(key="auc", label="Classifier AUC", value=area.value, error=area.error)]


METRICS: tuple[Metric, ...] = (
    Wasserstein("w1m", "W1M", per_event(lambda s: s.relative_mass), unit="1e-3", jetnet=True),
    Wasserstein(
        "w1p",
        "W1P",
        _per_particle,
        (("w1p_etarel", "W1P etarel"), ("w1p_phirel", "W1P phirel"), ("w1p_ptrel", "W1P ptrel")),
        unit="1e-3",
        jetnet=True,
    ),
    Wasserstein(
        "w1efp",
        "W1EFP",
        per_event(lambda s: s.w1efp_polynomials),
        tuple((f"w1efp_{k}", f"W1EFP {k}") for k in range(1, 6)),
        unit="1e-5",
        jetnet=True,
    ),
    Wasserstein("w1_pt", "W1 jet pT", per_event(lambda s: s.pt), unit="GeV"),
    Wasserstein("w1_mass", "W1 jet mass", per_event(lambda s: s.mass), unit="GeV"),
    Wasserstein("w1_multiplicity", "W1 multiplicity", per_event(lambda s: s.multiplicity)),
    Wasserstein("w1_tau21", "W1 tau21", per_event(lambda s: s.tau21), unit="1e-3"),
    Wasserstein("w1_tau32", "W1 tau32", per_event(lambda s: s.tau32), unit="1e-3"),
    Wasserstein("w1_d2", "W1 D2", per_event(lambda s: s.d2), unit="1e-3"),
    TwoSample("fpd", 2_000, _fpd),
    TwoSample("kpd", 2_000, _kpd),
    TwoSample("coverage", 100, _coverage),
    TwoSample("fpnd", 1_000, _fpnd, _not_thirty),
    TwoSample("fpnd_jetnet", 1_000, _fpnd_jetnet, _no_statistics),
    TwoSample("classifier", 1_000, _auc),
)
"""All metrics on jets, by default in this order."""
