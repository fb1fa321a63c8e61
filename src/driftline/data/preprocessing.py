"""Invertible maps between jets and the nearly normal numbers that a score model learns.

Of the jet: ln pt, eta and ln mass pass through a monotone, piecewise linear map from quantiles of
their class to quantiles of the normal distribution; the multiplicity n is dequantised by a uniform
number u in [0, 1), z = Phi^-1(F(n - 1) + u p(n)), with F its distribution function in the class.
Its structure passes through such quantile maps too, massrel, widths and the third prong's ptrel as
logarithms; a jet that is stored whole has ptrel = 1 and phirel = 0 exactly, and a prong of one
particle no width, so these are dequantised, and directions get a random length.
Of the particles: the angles pass through asinh(angle / scale), ptrel through the logit, and each is
then standardised per class. All maps are calculated in float64 and give the dtype of their input.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from driftline.data.clouds import JET_FEATURES, Jets
from driftline.data.energy_moments import LARGEST_ANGLE, MOMENT_FEATURES
from driftline.data.prongs import PRONGS
from driftline.data.structure import (
    DIRECTIONS,
    MASS,
    SOFTER,
    STRUCTURE_FEATURES,
    THIRD,
    WIDTHS,
    moments_of,
    prongs_of,
    structure,
)
from driftline.errors import InputError

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]

CONDITION_FEATURES = len(JET_FEATURES + MOMENT_FEATURES) + 4 * PRONGS
"""Condition of the particle level, beside the class."""

JET_LEVEL_FEATURES = len(JET_FEATURES + STRUCTURE_FEATURES)
"""Numbers that the jet level draws."""

STRUCTURE_UNIFORMS = 8
"""Random numbers that ``encode_structure`` needs a jet: axis and ptrel, widths, two directions."""

_SMALLEST = 1e-3
"""GeV: smaller pt and mass are taken as this, so that their logarithm exists."""

_SMALLEST_RELATIVE = 1e-5
"""Smaller massrel, ptrel of the sum, and ratios of prongs are taken as this."""

_WIDTH_SCALE = 0.005
"""Scale of the asinh map of a prong's width in the condition of the particle level."""

_NARROWEST = 1e-5
"""Prongs below this width are dequantised; decoded, they have none."""

_SHORTEST = 1e-6
"""Squares of the lengths given to directions are at least this."""

_JITTER = 1e-5
"""Width over which axis and ptrel are dequantised; far below any resolution."""

_UNSEEN = 2e-7
"""Probability given to every multiplicity, so that those a class never showed can be asked for."""

_PTREL_RANGE = (1e-9, 1 - 2.0**-24)
"""The open interval (0, 1) as far as float32 resolves it."""


@dataclass(frozen=True)
class JetPreprocessing:
    """Preprocessing constants of K classes and up to P particles; make it with ``fit``.

    Attributes:
        types: names of the classes.
        jets_per_class: (K,) how many jets the constants come from; 0: class not known.
        angle_scale: scale of the asinh map of etarel and phirel; large means linear.
        quantiles: (K, 3, Q) float64, knots of ln pt, eta and ln mass, strictly increasing.
        structure_quantiles: (K, 17, Q) float64, knots of ``STRUCTURE_FEATURES``, of massrel and
            widths and of the third's ptrel the logarithm.
        normal: (K, Q) float64, the normal quantiles that belong to them, strictly increasing.
        multiplicity: (K, P) float64, distribution function F(1) ... F(P) = 1, strictly increasing.
        centre: (K, 3) float64, means of the mapped particle features.
        width: (K, 3) float64, their standard deviations.
    """

    types: tuple[str, ...]
    jets_per_class: tuple[int, ...]
    angle_scale: float
    quantiles: NDArray[np.float64]
    structure_quantiles: NDArray[np.float64]
    normal: NDArray[np.float64]
    multiplicity: NDArray[np.float64]
    centre: NDArray[np.float64]
    width: NDArray[np.float64]

    @classmethod
    def fit(cls, jets: Jets, *, angle_scale: float = 0.05) -> "JetPreprocessing":
        """The constants of a training sample.

        Args:
            jets: any number of classes; those without a jet stay unknown. At least 10 jets a class.
            angle_scale: asinh maps angles linearly below this scale, logarithmically above.

        Raises:
            InputError: a class has fewer than 10 jets.
        """
        counts = np.bincount(jets.labels, minlength=len(jets.types))
        for name, count in zip(jets.types, counts):
            if 0 < count < 10:
                raise InputError(
                    f"{count} jets of class {name} to fit preprocessing; give 10 or more"
                )
        knots = _knot_count(int(counts.max()))
        constants = [
            _fit_class(jets[jets.labels == k], knots, angle_scale) if counts[k] else None
            for k in range(len(jets.types))
        ]
        known = next(c for c in constants if c is not None)
        filled = [c or tuple(np.zeros_like(array) for array in known) for c in constants]
        return cls(
            tuple(jets.types),
            tuple(int(n) for n in counts),
            float(angle_scale),
            *map(np.stack, zip(*filled)),
        )

    @property
    def max_particles(self) -> int:
        """P, the largest multiplicity."""
        return self.multiplicity.shape[1]

    def encode_features(self, features: Floats, labels: Labels, uniform: Floats) -> Floats:
        """(N, 4) pt [GeV], eta, mass [GeV], n -> (N, 4) normal within each class.

        Args:
            features: (N, 4), n between 1 and P.
            labels: (N,) classes.
            uniform: (N,) in [0, 1), where in its interval a multiplicity is put.

        Raises:
            InputError: a class that ``fit`` did not see, or n outside 1 ... P.
        """
        x = _log_masses(np.asarray(features, dtype=np.float64))
        self._classes(labels)
        z = np.empty_like(x)
        z[:, :3] = self._to_normal(x[:, :3], labels, self.quantiles)
        z[:, 3] = self._dequantise(x[:, 3], labels, np.asarray(uniform, dtype=np.float64))
        return z.astype(features.dtype)

    def decode_features(self, z: Floats, labels: Labels) -> Floats:
        """(N, 4) -> pt [GeV], eta, mass [GeV], n: the inverse of ``encode_features``."""
        z64 = np.asarray(z, dtype=np.float64)
        x = np.empty_like(z64)
        x[:, :3] = self._from_normal(z64[:, :3], labels, self.quantiles)
        for k in self._classes(labels):
            chosen = labels == k
            x[chosen, 3] = self._multiplicity_of(z64[chosen, 3], k)
        x[:, [0, 2]] = np.exp(x[:, [0, 2]])
        return x.astype(z.dtype)

    def encode_structure(self, features: Floats, labels: Labels, uniform: Floats) -> Floats:
        """(N, 17) ``STRUCTURE_FEATURES`` -> (N, 17) normal within each class.

        Args:
            features: (N, 17), as ``structure`` gives them.
            labels: (N,) classes.
            uniform: (N, 8) in [0, 1), where in its interval axis, ptrel or a width below 1e-5 is
                put, and how long a direction is.

        Raises:
            InputError: a class that ``fit`` did not see.
        """
        self._classes(labels)
        x = _smooth_structure(features, uniform)
        return self._to_normal(x, labels, self.structure_quantiles).astype(features.dtype)

    def decode_structure(self, z: Floats, labels: Labels) -> Floats:
        """(N, 17) -> ``STRUCTURE_FEATURES``; ptrel, and the second's over the first's, at most 1.

        Inverts ``encode_structure`` to 1e-5, numbers above one relative to themselves.
        """
        self._classes(labels)
        x = self._from_normal(np.asarray(z, dtype=np.float64), labels, self.structure_quantiles)
        x[:, 2] = np.clip(x[:, 2], _SMALLEST_RELATIVE, 1.0)
        x[:, SOFTER] = np.clip(x[:, SOFTER], _SMALLEST_RELATIVE, 1.0)
        largest = -np.log(_SMALLEST_RELATIVE)
        x[:, THIRD] = np.exp(np.clip(x[:, THIRD], -largest, largest))
        x[:, MASS] = np.exp(np.minimum(x[:, MASS], np.log(LARGEST_ANGLE)))
        width = np.exp(np.minimum(x[:, WIDTHS], np.log(LARGEST_ANGLE)))
        x[:, WIDTHS] = np.where(width < _NARROWEST, 0.0, width)
        for direction in DIRECTIONS:
            length = np.linalg.norm(x[:, direction], axis=1, keepdims=True)
            x[:, direction] /= np.where(length > 0, length, 1.0)
        return x.astype(z.dtype)

    def particle_condition(self, labels: Labels, z_features: Floats, z_structure: Floats) -> Floats:
        """What the particle-level model is told of jets that the jet level has drawn.

        The prongs are given as particles are, so that the network can compare positions.

        Args:
            labels: (N,) classes.
            z_features: (N, 4) from ``encode_features``.
            z_structure: (N, 17) from ``encode_structure``.

        Returns:
            (N, K + 22) float32: class, features, moments (the ellipticity as it is), and of each
            prong axis, pT and width.
        """
        decoded = self.decode_structure(z_structure, labels)
        prongs, ellipticity = prongs_of(decoded), moments_of(decoded)[:, 4:]
        known = np.ones(prongs.shape[:2], dtype=bool)
        momenta = self.encode_particles(prongs[..., :3], known, labels)
        z_prongs = np.concatenate([momenta, np.arcsinh(prongs[..., 3:] / _WIDTH_SCALE)], axis=2)
        parts = [self.one_hot(labels), z_features, z_structure[:, :4], ellipticity]
        return np.concatenate([*parts, z_prongs.reshape(len(labels), -1)], axis=1, dtype=np.float32)

    def told_moments(self, labels: Labels, condition: Floats) -> NDArray[np.float64]:
        """(N, 6) ``MOMENT_FEATURES`` that conditions (N, K + 22) of ``particle_condition`` tell."""
        first = len(self.types) + len(JET_FEATURES)
        z = np.zeros((len(condition), len(STRUCTURE_FEATURES)))
        z[:, :4] = condition[:, first : first + 4]
        moments = self.decode_structure(z, labels)[:, :4]
        return np.concatenate([moments, condition[:, first + 4 : first + 6]], axis=1)

    def encode_particles(
        self, particles: Floats, mask: NDArray[np.bool_], labels: Labels
    ) -> Floats:
        """(N, P, 3) etarel, phirel, ptrel -> (N, P, 3) of unit variance within each class.

        Padded slots (``mask`` (N, P) false) are zero on both sides.
        """
        self._classes(labels)
        x = _mapped_particles(np.asarray(particles, dtype=np.float64), self.angle_scale)
        z = (x - self.centre[labels, None]) / self.width[labels, None]
        return np.where(mask[..., None], z, 0.0).astype(particles.dtype)

    def decode_particles(self, z: Floats, mask: NDArray[np.bool_], labels: Labels) -> Floats:
        """(N, P, 3) -> etarel, phirel, ptrel: the inverse of ``encode_particles``."""
        self._classes(labels)
        x = np.asarray(z, dtype=np.float64) * self.width[labels, None]
        x += self.centre[labels, None]
        angles = self.angle_scale * np.sinh(x[..., :2])
        x[..., :2] = np.clip(angles, -LARGEST_ANGLE, LARGEST_ANGLE)
        x[..., 2] = np.clip(expit(x[..., 2]), *_PTREL_RANGE)
        return np.where(mask[..., None], x, 0.0).astype(z.dtype)

    def one_hot(self, labels: Labels) -> NDArray[np.float32]:
        """(N,) classes -> (N, K) float32, one where the class is."""
        return np.eye(len(self.types), dtype=np.float32)[labels]

    def to_dict(self) -> dict[str, Any]:
        """Lists and numbers; JSON keeps every bit of them."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, constants: dict[str, Any]) -> "JetPreprocessing":
        """The inverse of ``to_dict``, also after JSON.

        Raises:
            KeyError, TypeError, ValueError: the dictionary is not one of ``to_dict``.
        """
        arrays = ("quantiles", "structure_quantiles", "normal", "multiplicity", "centre", "width")
        return cls(
            tuple(constants["types"]),
            tuple(constants["jets_per_class"]),
            float(constants["angle_scale"]),
            *(np.asarray(constants[name], dtype=np.float64) for name in arrays),
        )

    def _classes(self, labels: Labels) -> Labels:
        """The classes that occur, all of them known."""
        present = np.unique(labels)
        for k in present:
            if not self.jets_per_class[k]:
                known = ", ".join(t for t, n in zip(self.types, self.jets_per_class) if n)
                raise InputError(f"class {self.types[k]} was not trained; choose from {known}")
        return present

    def _to_normal(
        self, x: NDArray[np.float64], labels: Labels, knots: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Columns (N, J) through the maps from ``knots`` (K, J, Q) to normal quantiles."""
        normal = np.broadcast_to(self.normal[:, None], knots.shape)
        return _piecewise(x, labels, knots, normal)

    def _from_normal(
        self, z: NDArray[np.float64], labels: Labels, knots: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The inverse of ``_to_normal``."""
        normal = np.broadcast_to(self.normal[:, None], knots.shape)
        return _piecewise(z, labels, normal, knots)

    def _dequantise(
        self, numbers: NDArray[np.float64], labels: Labels, uniform: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """z = Phi^-1(F(n - 1) + u p(n)), always inside the interval of n after rounding."""
        n = numbers.astype(np.int64)
        outside = (n < 1) | (n > self.max_particles) | (n != numbers)
        if outside.any():
            raise InputError(
                f"{JET_FEATURES[3]} {numbers[np.argmax(outside)]:g} of jet "
                f"{int(np.argmax(outside))} is not a whole number from 1 to {self.max_particles}; "
                "choose one"
            )
        upper = self.multiplicity[labels, n - 1]
        lower = np.where(n > 1, self.multiplicity[labels, np.maximum(n - 2, 0)], 0.0)
        z = _rounded(ndtri(lower + uniform * (upper - lower)))
        # Rounding to float32 can carry z over the edge of its interval: put these in the middle.
        lost = ~((ndtr(z) > lower) & (ndtr(z) <= upper) & np.isfinite(z))
        z[lost] = _rounded(ndtri((lower[lost] + upper[lost]) / 2))
        return z

    def _multiplicity_of(self, z: NDArray[np.float64], label: int) -> NDArray[np.int64]:
        """The smallest n with F(n) >= Phi(z)."""
        found = np.searchsorted(self.multiplicity[label], ndtr(z), side="left") + 1
        return np.minimum(found, self.max_particles)


def _fit_class(jets: Jets, knots: int, angle_scale: float) -> tuple[NDArray[np.float64], ...]:
    """The arrays of one class, without the leading K, in the order of the attributes."""
    features = _log_masses(jets.features.astype(np.float64))
    stored = structure(jets.particles * jets.mask[..., None])
    uniform = np.random.default_rng(0).uniform(size=(len(jets), STRUCTURE_UNIFORMS))
    columns = np.concatenate([features[:, :3], _smooth_structure(stored, uniform)], axis=1)
    x, z = _quantile_knots(columns, knots)
    slots = jets.mask.shape[1]
    seen = np.bincount(features[:, 3].astype(np.int64), minlength=slots + 1)[1:]
    probability = _UNSEEN + (1 - slots * _UNSEEN) * seen / seen.sum()
    multiplicity = np.cumsum(probability)
    multiplicity[-1] = 1.0
    particles = _mapped_particles(jets.particles[jets.mask].astype(np.float64), angle_scale)
    width = particles.std(axis=0)
    return x[:3], x[3:], z, multiplicity, particles.mean(axis=0), np.where(width > 0, width, 1.0)


def _knot_count(jets: int) -> int:
    """Knots of a class: logits of their probabilities 0.2 apart, out to 50 jets from either end."""
    return 2 * max(5, int(np.log(max(jets / 50, 1.0)) / 0.2)) + 3


def _quantile_knots(
    x: NDArray[np.float64], knots: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Knots (J, Q) of the columns of ``x`` (N, J) and the normal quantiles (Q,) they map to.

    The outermost bin on either side continues, as a straight line, the slope of the last factor e
    in probability: few jets lie there, and the map has to be invertible however far out.
    """
    inner = knots - 2
    edge = max(np.log(max(len(x) / 50, 1.0)), 1.0)
    levels = expit(np.linspace(-edge, edge, inner))
    values = np.quantile(x, levels, axis=0).T
    span = values[:, -1:] - values[:, :1]
    values = values + np.linspace(0, 1e-6, inner) * np.where(span > 1e-9, span, 1.0)  # ties apart
    z = ndtri(levels)
    near = max(1, round(0.5 * (inner - 1) / edge))
    low = (values[:, near] - values[:, 0]) / (z[near] - z[0])
    high = (values[:, -1] - values[:, -1 - near]) / (z[-1] - z[-1 - near])
    return (
        np.column_stack([values[:, 0] - low, values, values[:, -1] + high]),
        np.concatenate([[z[0] - 1], z, [z[-1] + 1]]),
    )


@njit(cache=True)
def _piecewise(
    x: NDArray[np.float64],
    labels: Labels,
    knots: NDArray[np.float64],
    values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Linear interpolation that continues its first and last straight line.

    Columns (N, J) from ``knots`` (K, J, Q) to ``values`` (K, J, Q), by class.
    """
    result = np.empty(x.shape)
    for n in range(x.shape[0]):
        k = labels[n]
        for j in range(x.shape[1]):
            i = np.searchsorted(knots[k, j], x[n, j]) - 1
            i = min(max(i, 0), knots.shape[2] - 2)
            slope = values[k, j, i + 1] - values[k, j, i]
            slope /= knots[k, j, i + 1] - knots[k, j, i]
            result[n, j] = values[k, j, i] + (x[n, j] - knots[k, j, i]) * slope
    return result


def _log_masses(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """pt and mass [GeV] replaced by their logarithms."""
    x = features.copy()
    x[:, [0, 2]] = np.log(np.maximum(x[:, [0, 2]], _SMALLEST))
    return x


def _smooth_structure(features: Floats, uniform: Floats) -> NDArray[np.float64]:
    """Structure (N, 17), dequantised, with logarithms of massrel, the third's ptrel and widths.

    Directions get lengths that make them normal if all are equally likely.
    """
    x = np.array(features, dtype=np.float64)
    u = np.asarray(uniform, dtype=np.float64)
    x[:, :3] += _JITTER * (u[:, :3] - 0.5)
    x[:, [MASS, THIRD]] = np.log(np.maximum(x[:, [MASS, THIRD]], _SMALLEST_RELATIVE))
    narrow = x[:, WIDTHS] < _NARROWEST
    x[:, WIDTHS] = np.log(np.maximum(x[:, WIDTHS], _NARROWEST)) - narrow * u[:, 3:6]
    lengths = np.sqrt(_SHORTEST - 2 * np.log1p(-u[:, 6:]))
    for direction, length in zip(DIRECTIONS, lengths.T):
        x[:, direction] *= length[:, None]
    return x


def _mapped_particles(particles: NDArray[np.float64], angle_scale: float) -> NDArray[np.float64]:
    """asinh(angle / scale) and logit(ptrel) of particles (..., 3)."""
    return np.concatenate(
        [
            np.arcsinh(particles[..., :2] / angle_scale),
            logit(np.clip(particles[..., 2:], *_PTREL_RANGE)),
        ],
        axis=-1,
    )


def _rounded(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return z.astype(np.float32).astype(np.float64)
