"""Events of each network of a generator, finely solved: what samplers are fitted to."""

from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import Calibration
from driftline.generation import EventGenerator
from driftline.streams import Stream


def calibrations(generator: EventGenerator, events: int, seed: int) -> dict[str, Calibration]:
    """By network, in the order in which they run.

    The noise is another stream's than that by which the networks before drew the conditions.

    Args:
        generator: the model.
        events: in equal shares of the classes.
        seed: far from those of the events that judge what is fitted.
    """
    problems, found = generator.problems(events, seed), {}
    for network, denoiser in generator.denoisers.items():
        found[network] = Calibration.of(
            denoiser,
            noise=Noise(seed, Stream.SECOND_NETWORK),
            events=events,
            device=next(denoiser.parameters()).device,
            **vars(problems[network]),
        )
    return found
