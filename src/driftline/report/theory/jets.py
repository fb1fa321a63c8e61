"""Picture: a simulated jet on its way to noise, and a generated one on its way from it."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from driftline.data.clouds import PARTICLE_FEATURES, Jets
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import DPMSolver, sample
from driftline.generator import Generator
from driftline.report.jets import draw_jet
from driftline.report.style import CLASS_COLOURS, CLASS_NAMES, new_figure, style
from driftline.report.theory.record import Course, diffuse

TIMES = (0.0, 0.03, 0.1, 0.2, 0.4, 1.0)
SAMPLER = DPMSolver(steps=30)
JET_TYPE = "t"
_FORWARD, _REVERSE = 10, 11
"""Streams of noise; the generator has the first few."""


@dataclass(frozen=True)
class JetStrip:
    """Jets of one class on their way to noise, and from noise.

    Attributes:
        jet_type: the class.
        times: (T,) rising.
        encoded: (T, N, P, 3) simulated jets in the network's coordinates, perturbed.
        forward: (T, N, P, 3) the same as particles.
        mask: (N, P) their real particles.
        reverse: (T, M, P, 3) generated jets as particles, in the same order of times.
        drawn_mask: (M, P) their real particles.
    """

    jet_type: str
    times: tuple[float, ...]
    encoded: NDArray[np.float32]
    forward: NDArray[np.float32]
    mask: NDArray[np.bool_]
    reverse: NDArray[np.float32]
    drawn_mask: NDArray[np.bool_]


def jet_strip(
    generator: Generator, reference: Jets, seed: int, count: int = 24, jet_type: str = JET_TYPE
) -> JetStrip:
    """Perturb simulated jets of a class and sample as many with the model.

    Args:
        generator: a model of the class.
        reference: simulated jets.
        seed: of all noise.
        count: jets each way.
        jet_type: the class.

    Raises:
        InputError: the model does not know the class.
    """
    drawn = generator.draw_features(count, jet_type, sampler=SAMPLER, seed=seed)
    course = Course()
    sample(
        generator.particle_level,
        SAMPLER,
        noise=Noise(seed, _REVERSE),
        events=count,
        shape=(drawn.mask.shape[1], len(PARTICLE_FEATURES)),
        condition=drawn.condition,
        mask=torch.from_numpy(drawn.mask),
        record=course,
    )
    times, reverse = course.near(TIMES)
    encoding, true = generator.preprocessing, reference.of_type(jet_type)[:count]
    x0 = encoding.encode_particles(true.particles, true.mask, true.labels)
    encoded = diffuse(
        generator.particle_level.schedule,
        torch.from_numpy(x0),
        times,
        Noise(seed, _FORWARD),
        torch.from_numpy(true.mask),
    ).numpy()
    return JetStrip(
        jet_type,
        times,
        encoded,
        np.stack([encoding.decode_particles(x, true.mask, true.labels) for x in encoded]),
        true.mask,
        np.stack([encoding.decode_particles(x.numpy(), drawn.mask, drawn.labels) for x in reverse]),
        drawn.mask,
    )


def jets_figure(found: JetStrip, simulated: int = 0, generated: int = 0) -> Figure:
    """A simulated jet to noise, a generated one back; the area of a particle is its pT.

    Args:
        found: the jets.
        simulated: which of the simulated jets is drawn.
        generated: which of the generated.
    """
    colour = CLASS_COLOURS[found.jet_type]
    with style():
        figure = new_figure(1.9 * len(found.times) + 0.7, 4.6)
        grid = figure.subplots(2, len(found.times), sharex=True, sharey=True)
        for row, strip, way in (
            (grid[0], found.forward[:, simulated], "simulated\n" r"forward $\rightarrow$"),
            (grid[1], found.reverse[:, generated], "generated\n" r"$\leftarrow$ reverse"),
        ):
            for axes, particles in zip(row, strip, strict=True):
                draw_jet(axes, particles, colour)
            row[0].set_ylabel(way + "\n" r"$\phi^{rel}$", loc="center")
        for above, below, t in zip(*grid, found.times, strict=True):
            above.set_title(f"$t$ = {t:.2f}")
            below.set_xlabel(r"$\eta^{rel}$", loc="center")
        name = CLASS_NAMES[found.jet_type]
        figure.suptitle(
            f"{name.capitalize()} jets: the area of a particle is its $p_T$", fontsize=11
        )
    return figure
