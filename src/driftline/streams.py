"""Streams of noise: one for each independent use of a seed, for events of the same numbers.

All uses are listed here, so that no two share one; a number that changed would change the events
of every seed.
"""

from enum import IntEnum, unique


@unique
class Stream(IntEnum):
    """Of ``Noise``."""

    FIRST_NETWORK = 0
    """Sampling: the jet level, or the only network of images."""
    SECOND_NETWORK = 1
    """Sampling: the particle level."""
    GIVEN_MULTIPLICITY = 2
    """Where in its interval a number of particles is put that the jet level is told."""
    JUDGED_JET = 3
    """Dequantisation of a jet whose likelihood is found."""
    FIRST_PROBES = 4
    """Of the trace in the likelihood under the first network."""
    SECOND_PROBES = 5
    """And under the second."""
    ASKED = 6
    """Numbers drawn from the ranges that a user asks for."""
    TOLD = 7
    """What an image generator is told where nothing is asked."""
    TURNED = 8
    """Axes along which an image generator turns an event round."""
