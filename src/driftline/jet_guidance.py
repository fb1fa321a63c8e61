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
from driftline.data.physical import make_physical
from driftline.data.preprocessing import JetPreprocessing
from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.guidance import Inpainting, Reconstruction
from driftline.errors import InputError
from driftline.observables.jets import ParticleObservable, of_encoded

_SHARP = 0.01
"""Error given to known particles, in units of the spread of the encoded features."""


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

    The jet's moments are not imposed, since that would move the known particles: they are met as
    well as the particle level meets them.

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
            return Inpainting(
                denoiser,
                torch.from_numpy(every),
                torch.from_numpy(values),
                torch.full(every.shape, _SHARP),
                self.iterations,
            )
        except ValueError as error:
            raise InputError(f"guidance: {error}") from error

    def finished(
        self, particles: NDArray[np.float32], moments: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], dict[str, int]]:
        fixed, known = self._slots(*particles.shape[:2])
        complete = np.where(known[..., None], fixed, particles)
        order = np.argsort(-complete[..., 2], axis=1, kind="stable")
        return np.take_along_axis(complete, order[..., None], axis=1), {"pt": 0, "mass": 0}

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
        # particles first, so that they lie in slots which the jet has
        order = np.argsort(given[..., 2] == 0, axis=1, kind="stable")
        given = np.take_along_axis(given, order[..., None], axis=1)
        if (given[:, slots:, 2] > 0).any():
            raise InputError(f"guidance: more particles are known than the {slots} that jets have")
        fixed = np.zeros((count, slots, 3), dtype=np.float32)
        fixed[:, : given.shape[1]] = given[:, :slots]
        return fixed, fixed[..., 2] > 0


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
