r"""Noise schedules: how much signal and how much noise an event keeps at time t.

The perturbation is :math:`x_t = \alpha(t) x_0 + \sigma(t) \varepsilon` with t in [0, 1] and
:math:`\varepsilon \sim N(0, 1)`; it solves :math:`dx = f(t) x dt + g(t) dw` with
:math:`f = d \ln\alpha / dt` and :math:`g^2 = d\sigma^2/dt - 2 f \sigma^2`
(Song et al., 2011.13456; Karras et al., 2206.00364, appendix B). Between two times s < t,
:math:`x_t | x_s \sim N(\frac{\alpha_t}{\alpha_s} x_s,
\sigma_t^2 - \frac{\alpha_t^2}{\alpha_s^2} \sigma_s^2)`.
"""

from typing import Any

from driftline.diffusion.schedules.base import Schedule
from driftline.diffusion.schedules.exploding import EDM, VE
from driftline.diffusion.schedules.preserving import VP, Cosine, Linear, SubVP

__all__ = [
    "SCHEDULES",
    "Schedule",
    "VP",
    "SubVP",
    "Cosine",
    "Linear",
    "VE",
    "EDM",
    "schedule_from_dict",
]

SCHEDULES: dict[str, type[Schedule]] = {
    kind.__name__: kind for kind in (VP, SubVP, Cosine, Linear, VE, EDM)
}
"""Names under which recipes and model files know the schedules."""


def schedule_from_dict(saved: dict[str, Any]) -> Schedule:
    """The schedule that ``Schedule.to_dict`` described.

    Raises:
        ValueError: the name is unknown or a parameter is out of range.
    """
    options = dict(saved)
    name = options.pop("name", None)
    if name not in SCHEDULES:
        raise ValueError(f"unknown schedule {name!r}: choose from {', '.join(SCHEDULES)}")
    return SCHEDULES[name](**options)
