r"""A batch of events on its way from noise to data, known finely: what samplers are fitted to."""

import bisect
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from driftline.diffusion.denoisers import CleanEstimate
from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.objectives import masked_mean
from driftline.diffusion.samplers.loop import Record, draws, run
from driftline.diffusion.samplers.plan import Draw, Level, Model, Plan, Sampler
from driftline.diffusion.samplers.unipc import UniPC


@dataclass(frozen=True)
class Calibration:
    r"""Events of one batch along a fine solution of the probability flow.

    Attributes:
        denoiser: the model.
        noise: of the events.
        shape: of one event.
        condition: (N, C) or None, where the model is.
        mask: (N, P) or None, likewise.
        events: (N,) their numbers, likewise.
        dtype: of the state.
        levels: of the fine solution, noisiest first.
        x_hats: events (N, ...) at these levels, in hat coordinates.
        estimates: their clean estimates, likewise.
    """

    denoiser: CleanEstimate
    noise: Noise
    shape: tuple[int, ...]
    condition: Tensor | None
    mask: Tensor | None
    events: Tensor
    dtype: torch.dtype
    levels: list[Level]
    x_hats: list[Tensor]
    estimates: list[Tensor]

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        denoiser: CleanEstimate,
        *,
        noise: Noise,
        events: int,
        shape: tuple[int, ...],
        condition: Tensor | None = None,
        mask: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        points: int = 64,
        noise_end: float = 2e-3,
    ) -> "Calibration":
        """Solve the flow of ``events`` events finely: 2 x points network calls.

        Args:
            denoiser: the model.
            noise: of the events; take another seed for the events that judge what is fitted.
            events: how many, one batch; 128 to 1,024 is enough.
            shape: of one event.
            condition: (N, C) or None.
            mask: (N, P) or None.
            dtype: of the state.
            device: where to compute.
            points: of the fine solution.
            noise_end: sigma/alpha of the last of them.
        """
        begun = cls(
            denoiser,
            noise,
            shape,
            None if condition is None else condition.to(device, dtype),
            None if mask is None else mask.to(device),
            torch.arange(events, device=device),
            dtype,
            levels=[],
            x_hats=[],
            estimates=[],
        )
        plan = UniPC(points, grid=UniformLogSNR(noise_end)).plan(denoiser.schedule)
        model = begun.model()

        def watch(level: Level, x: Tensor) -> None:
            if level.s > 0:
                begun.levels.append(level)
                begun.x_hats.append(x / level.alpha)
                begun.estimates.append(model(begun.x_hats[-1], level))

        begun.run(plan, watch=watch)
        return begun

    def halves(self) -> tuple["Calibration", "Calibration"]:
        """The first half of the events and the other: to fit with, and to judge by."""
        middle = len(self.events) // 2
        return self._rows(slice(None, middle)), self._rows(slice(middle, None))

    def _rows(self, rows: slice) -> "Calibration":
        return replace(
            self,
            condition=None if self.condition is None else self.condition[rows],
            mask=None if self.mask is None else self.mask[rows],
            events=self.events[rows],
            x_hats=[x_hat[rows] for x_hat in self.x_hats],
            estimates=[estimate[rows] for estimate in self.estimates],
        )

    @property
    def end(self) -> Tensor:
        """Where the events arrive (N, ...): the clean estimate at the last level."""
        return self.estimates[-1]

    @property
    def span(self) -> tuple[float, float]:
        """lambda = ln(alpha/sigma) of the first and the last level."""
        return -math.log(self.levels[0].s), -math.log(self.levels[-1].s)

    def model(self) -> Model:
        """The denoiser bound to the events."""
        return Model(self.denoiser, self.condition, self.mask, self.events)

    def draw(self) -> Draw:
        """The successive standard normals of the events."""
        return draws(self.noise, self.events, self.shape, self.mask, self.dtype)

    @torch.no_grad()
    def run(self, plan: Plan, watch: Record | None = None) -> Tensor:
        """Take the events from their noise along a plan to its end (N, ...)."""
        return run(plan, self.model(), self.draw(), watch)

    def at(self, level: Level) -> Tensor:
        r"""The events (N, ...) at a level of the span, in hat coordinates.

        By cubic Hermite interpolation: the slopes are known,
        :math:`d\hat x/d\lambda = D - \hat x`.
        """
        places = [-math.log(known.s) for known in self.levels]
        place = -math.log(level.s)
        i = min(max(bisect.bisect_right(places, place), 1), len(places) - 1)
        h = places[i] - places[i - 1]
        u = (place - places[i - 1]) / h
        (x, y), (d, e) = self.x_hats[i - 1 : i + 1], self.estimates[i - 1 : i + 1]
        rising = u * u * (3 - 2 * u)
        left, right = h * u * (1 - u) ** 2, -h * u * u * (1 - u)
        return (1 - rising) * x + rising * y + left * (d - x) + right * (e - y)

    def distance(self, sampler: Sampler) -> float:
        """Mean distance of a sampler's endpoints from those of the fine solution at equal noise.

        Root mean squares of events, their mean: the few events that change mode would decide alone
        if it were squared.
        """
        missed = self.run(sampler.plan(self.denoiser.schedule)) - self.end
        return float(masked_mean(missed.square(), self.mask).sqrt().double().mean())
