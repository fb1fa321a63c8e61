"""Leading anti-kT jets of batches of events, with FastJet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.simulation.detector import Particles

Floats = NDArray[np.float64]

#: below any jet of interest; spares FastJet the listing of soft jets [GeV]
_PT_MIN = 100.0


@dataclass(frozen=True)
class LeadingJets:
    """The leading jets of a batch of events, event after event.

    Attributes:
        momentum: (J, 4) float64, px, py, pz, E in GeV; sum of the constituents.
        constituents: (M, 4) float64, their momenta, jet after jet.
        counts: (J,) int64, constituents of each jet.
    """

    momentum: Floats
    constituents: Floats
    counts: NDArray[np.int64]

    def select(self, chosen: NDArray[np.bool_]) -> LeadingJets:
        """The jets that a boolean array (J,) marks."""
        kept = np.repeat(chosen, self.counts)
        return LeadingJets(self.momentum[chosen], self.constituents[kept], self.counts[chosen])


@lru_cache(maxsize=1)
def _fastjet() -> tuple[Any, Any]:
    import awkward
    import fastjet
    from fastjet import _swig

    # the banner would go to standard output, which belongs to results
    _swig.ClusterSequence.set_fastjet_banner_stream(None)
    return awkward, fastjet


def _as_awkward(momentum: Floats, counts: NDArray[np.int64]) -> Any:
    awkward, _ = _fastjet()
    fields = dict(zip(("px", "py", "pz", "E"), momentum.T, strict=True))
    return awkward.unflatten(awkward.zip(fields, with_name="Momentum4D"), counts)


def leading_jets(particles: Particles, radius: float, per_event: int) -> LeadingJets:
    """Cluster each event with anti-kT (E scheme) and keep its ``per_event`` jets of highest pT.

    Jets below 100 GeV are not counted, so that an event may contribute fewer.
    """
    awkward, fastjet = _fastjet()
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    counts = np.bincount(particles.event, minlength=particles.events)
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    clusters = fastjet.ClusterSequence(_as_awkward(particles.momentum, counts), definition)
    jets = clusters.inclusive_jets(min_pt=_PT_MIN)
    members = clusters.constituent_index(min_pt=_PT_MIN)
    best = awkward.argsort(np.hypot(jets.px, jets.py), axis=1, ascending=False)[:, :per_event]
    event = np.repeat(np.arange(len(best)), awkward.num(best).to_numpy())
    members = awkward.flatten(members[best], axis=1)
    sizes: NDArray[np.int64] = awkward.num(members).to_numpy()
    index = awkward.flatten(members).to_numpy() + np.repeat(first[event], sizes)
    constituents = particles.momentum[index]
    jet = np.repeat(np.arange(len(sizes)), sizes)
    momentum: Floats = np.stack(
        [np.bincount(jet, weights=constituents[:, i], minlength=len(sizes)) for i in range(4)],
        axis=1,
    )
    return LeadingJets(momentum, constituents, sizes)


def groomed_counts(jets: LeadingJets, symmetry_cut: float = 0.1) -> NDArray[np.int64]:
    """Constituents (J,) left by the modified mass-drop tagger (soft drop with beta = 0)."""
    awkward, fastjet = _fastjet()
    # wider than any jet, so that Cambridge/Aachen finds each again as one
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, 1.0)
    clusters = fastjet.ClusterSequence(_as_awkward(jets.constituents, jets.counts), definition)
    groomed = clusters.exclusive_jets_softdrop_grooming(beta=0.0, symmetry_cut=symmetry_cut)
    counts: NDArray[np.int64] = awkward.num(groomed.constituents, axis=-1).to_numpy().reshape(-1)
    return counts
