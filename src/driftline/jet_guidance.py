"""Guidance of the particle level of jet generators, in the units of the particles.

The jet level is not guided: features and structure of a jet are drawn as always (or given), and
know nothing of what the particles are guided to.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from driftline.data.clouds import PARTICLE_FEATURES
from driftline.data.energy_moments import four_momentum
from driftline.data.physical import LARGE_CORRECTION, LARGEST_PTREL, make_physical, unmet
from driftline.data.preprocessing import JetPreprocessing
from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.guidance import Bounded, Inpainting, Reconstruction
from driftline.errors import InputError
from driftline.observables.jets import ParticleObservable, of_encoded

_SHARP = 0.1
"""Error given to known particles, in units of the spread of the encoded features.

They are put in exactly at the end. With 0.01 the guidance of jets that were told a structure unlike
the known particles grew without bound, to jets of six times their pT.
"""


_FARTHEST = 5.5
"""Bound of the guided estimate of encoded particles, in the same units; further if a known one is.

Of the shipped reference's 50,000 jets, encoded angles reach 4.1 and pT 5.3. What happens without
it: docs/how-to/conditions.md.
"""

_WHOLE = 1.001
"""Largest pT of the known particles' sum over the jet's: all that there are, and rounding."""


class JetGuidance(Protocol):
    """What makes the particle level draw conditionally on more than it was trained to be told."""

    def guided(
        self,
        denoiser: CleanEstimate,
        labels: NDArray[np.int64],
        mask: NDArray[np.bool_],
        preprocessing: JetPreprocessing,
    ) -> CleanEstimate:
        """The guided model of N jets of classes (N,) and particles (N, P).

        Raises:
            InputError: the guidance does not fit the jets.
        """
        ...

    def finished(
        self, particles: NDArray[np.float32], moments: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Decoded particles made physical, as ``make_physical``."""
        ...


@dataclass(frozen=True)
class KnownParticles:
    """Jets of which some particles are fixed.

    The jet's moments are not imposed, since that would move the known particles; but one scale of
    the pT of the others, twofold at most, gives the sum its pT, unless the known ones have as much
    alone: such jets have more than their pT. Axis, mass and ellipticity are met as well as the
    particle level meets them.

    Attributes:
        particles: (N, M, 3), or (M, 3) for all jets, ``PARTICLE_FEATURES``; ptrel = 0: no particle.
        iterations: see ``Inpainting``.
    """

    particles: NDArray[np.floating[Any]]
    iterations: int = 3

    def guided(
        self,
        denoiser: CleanEstimate,
        labels: NDArray[np.int64],
        mask: NDArray[np.bool_],
        preprocessing: JetPreprocessing,
    ) -> CleanEstimate:
        fixed, known = self._slots(*mask.shape)
        most, have = known.sum(axis=1), mask.sum(axis=1)
        if (most > have).any():
            worst = int(np.argmax(most > have))
            raise InputError(
                f"guidance: jet {worst} was drawn with {have[worst]} particles and {most[worst]} "
                "are known; ask for more with num_particles"
            )
        values = preprocessing.encode_particles(fixed, known, labels)
        every = np.repeat(known[..., None], len(PARTICLE_FEATURES), axis=2)
        try:
            completed = Inpainting(
                denoiser,
                torch.from_numpy(every),
                torch.from_numpy(values),
                torch.full(every.shape, _SHARP),
                self.iterations,
            )
        except ValueError as error:
            raise InputError(f"guidance: {error}") from error
        reach = np.abs(np.where(every, values, 0)).max(axis=(1, 2))
        return Bounded(completed, torch.from_numpy(np.maximum(reach, _FARTHEST)))

    def finished(
        self, particles: NDArray[np.float32], moments: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], dict[str, int]]:
        fixed, known = self._slots(*particles.shape[:2])
        others = np.where(known[..., None], np.float32(0), particles)
        scale = _scale_to(moments[:, 2], fixed, others)
        others[..., 2] *= scale[:, None].astype(np.float32)
        others[..., 2] = np.minimum(others[..., 2], LARGEST_PTREL)
        complete = np.where(known[..., None], fixed, others)
        order = np.argsort(-complete[..., 2], axis=1, kind="stable")
        (_, _, pt, mass), told = four_momentum(complete).T, moments[:, 2]
        missed = np.abs(pt - told) > LARGE_CORRECTION * told
        counts = {
            "pt": int(((np.abs(scale - 1) > LARGE_CORRECTION) | missed).sum()),
            "mass": 0,
            "unmet": unmet(mass, moments[:, 3]),
        }
        return np.take_along_axis(complete, order[..., None], axis=1), counts

    def _slots(self, count: int, slots: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Known particles, first in the slots (N, P, 3) of jets, and which these are (N, P)."""
        given = np.asarray(self.particles, dtype=np.float32)
        given = given[None] if given.ndim == 2 else given
        if given.ndim != 3 or given.shape[0] not in (1, count) or given.shape[2] != 3:
            raise InputError(
                f"guidance: particles have shape {np.shape(self.particles)} for {count} jets; give "
                "(M, 3), or (N, M, 3) with one row a jet"
            )
        if not (np.isfinite(given).all() and ((given[..., 2] >= 0) & (given[..., 2] < 1)).all()):
            raise InputError("guidance: particles must be finite, with 0 <= ptrel < 1; mend them")
        sums = four_momentum(given)[:, 2]
        if (sums > _WHOLE).any():
            raise InputError(
                f"guidance: the known particles of jet {int(sums.argmax())} add up to "
                f"{sums.max():.3g} times its pT, as vectors; give no more than the jet has"
            )
        # particles first, so that they lie in slots which the jet has
        order = np.argsort(given[..., 2] == 0, axis=1, kind="stable")
        given = np.take_along_axis(given, order[..., None], axis=1)
        if (given[:, slots:, 2] > 0).any():
            raise InputError(f"guidance: more particles are known than the {slots} that jets have")
        fixed = np.zeros((count, slots, 3), dtype=np.float32)
        fixed[:, : given.shape[1]] = given[:, :slots]
        return fixed, fixed[..., 2] > 0


def _scale_to(
    pt: NDArray[np.floating], fixed: NDArray[np.floating], others: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(N,) scale of the pT of some particles with which the vector sum of all has a given pT.

    1 where none is positive: the fixed ones have that pT alone, or there are no others. Twofold at
    most: particles that almost cancel would become as large as one likes.
    """
    (_, k_phi, k, _), (_, o_phi, o, _) = four_momentum(fixed).T, four_momentum(others).T
    along = k * np.cos(k_phi - o_phi)
    root = np.sqrt(np.maximum(along**2 + pt.astype(np.float64) ** 2 - k**2, 0))
    scale = np.divide(root - along, o, out=np.ones_like(o), where=(k < pt) & (o > 0))
    return np.minimum(scale, 2.0)


@dataclass(frozen=True)
class MeasuredParticles:
    """Jets of which differentiable observables of the particles are known.

    Attributes:
        observable: particles (B, P, 3) ``PARTICLE_FEATURES`` and which are real (B, P), as tensors,
            to numbers (B, K), before the jet's moments are imposed.
        values: (N, K), or (K,) for all jets.
        error: how sharply they are to be met, a number or likewise.
    """

    observable: ParticleObservable
    values: ArrayLike
    error: ArrayLike

    def guided(
        self,
        denoiser: CleanEstimate,
        labels: NDArray[np.int64],
        mask: NDArray[np.bool_],
        preprocessing: JetPreprocessing,
    ) -> CleanEstimate:
        shape = (len(labels), np.atleast_1d(self.values).shape[-1])
        try:
            values, error = (
                torch.from_numpy(np.broadcast_to(array, shape).astype(np.float32))
                for array in (self.values, self.error)
            )
            return Reconstruction(
                denoiser, of_encoded(self.observable, preprocessing), values, error
            )
        except ValueError as error_:
            raise InputError(f"guidance: {error_}") from error_

    def finished(
        self, particles: NDArray[np.float32], moments: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], dict[str, int]]:
        return make_physical(particles, moments)
